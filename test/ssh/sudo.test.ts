import { readdir, readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import type { Execution } from '../../src/ports/hosts.ts';
import type { Outcome } from '../../src/run/outcome.ts';
import { hasShell, SHELL_NAMES, shellProgram } from '../rigs/shells.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { CAN_ADD_USERS, HAS_SSHD, HAS_SUDO, type Sshd, startSshd } from '../rigs/sshd.ts';
import { place, sha256 } from './copy/copy-rig.ts';
import { execution, openRig, passwordHost, type TransportRig } from './rig.ts';

const RIGHT = 'Right-sudo-pass-1';
const GONE =
  'stopped: by session, parent and environment none of its processes is found on the host any more';

const sourceOf = (text: string) => ({ bytes: text.length, sha256: sha256(text) });

/** What each account's sudo is told. */
const SUDOERS = {
  asks: [
    'Defaults:NAME lecture=always, lecture_file=/etc/hostname, logfile=/tmp/NAME.log',
    'NAME ALL=(ALL) ALL',
  ],
  free: ['NAME ALL=(ALL) NOPASSWD: ALL'],
  unasked: ['Defaults:NAME !authenticate', 'NAME ALL=(ALL) ALL'],
  'in-terminal': ['Defaults:NAME requiretty', 'NAME ALL=(ALL) ALL'],
  'in-terminal-free': ['Defaults:NAME requiretty', 'NAME ALL=(ALL) NOPASSWD: ALL'],
  narrow: ['NAME ALL=(root) /usr/bin/id'],
  nobody: ['# nothing'],
  'one-try': ['Defaults:NAME passwd_tries=1', 'NAME ALL=(ALL) ALL'],
  'own-pty': ['Defaults:NAME use_pty', 'NAME ALL=(ALL) ALL'],
} as const;

/** Every process of which a command line, or what it was started with in its environment, holds the text. */
async function running(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(text)) found.push(line.replaceAll('\0', ' '));
  }
  return found;
}

describe.skipIf(!HAS_SSHD || !CAN_ADD_USERS || !HAS_SUDO)('a command through the host’s own sudo', () => {
  let sshd: Sshd;
  let rig: TransportRig;
  const names = new Map<string, string>();
  const shells = SHELL_NAMES.filter((name) => name !== 'ash' && hasShell(name));

  beforeAll(async () => {
    const accounts = [
      ...Object.values(SUDOERS).map((sudoers) => ({ password: RIGHT, sudoers })),
      ...shells.map((name) => ({ shell: shellProgram(name), password: RIGHT, sudoers: SUDOERS.free })),
    ];
    sshd = await startSshd({ accounts });
    for (const [i, kind] of [...Object.keys(SUDOERS), ...shells].entries())
      names.set(kind, sshd.accounts[i] ?? '');
    rig = await openRig({ secrets: [RIGHT] });
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
    await rm(`/tmp/${names.get('asks')}.log`, { force: true });
  });

  const on = (account: string, sudoPassword?: string, more: Partial<Host> = {}): Host =>
    passwordHost(sshd.port, {
      name: account,
      user: names.get(account) ?? '',
      password: new Secret(RIGHT),
      shell: 'auto',
      ...(sudoPassword !== undefined && { sudoPassword: new Secret(sudoPassword) }),
      ...more,
    });
  const run = (host: Host, command: string, how?: Partial<Execution>, sudo = 'root'): Promise<Outcome> =>
    rig.transport.execute(host, { action: 'run', command, sudo }, execution(how));

  test.each([
    ['asks', 'asks'],
    ['free', 'free'],
    ['unasked', 'free'],
    ['in-terminal-free', 'asks'],
    ['narrow', 'asks'],
    ['nobody', 'asks'],
  ])('a ping sees what sudo is for the account (%s): %s; and fails no password', async (account, sudo) => {
    const outcome = await rig.transport.execute(on(account), { action: 'ping' }, execution());
    expect(outcome).toMatchObject({ kind: 'ok', reason: '', ping: { sudo, sftp: true } });
    if (account !== 'asks') return;
    const log = await readFile(`/tmp/${names.get('asks')}.log`, 'utf8');
    expect(log).toContain('COMMAND=list');
    expect(log).not.toMatch(/incorrect password|NOT in sudoers/);
  });

  test.each([
    ['asks', RIGHT],
    ['free', undefined],
    ['free', RIGHT],
    ['unasked', undefined],
    ['unasked', RIGHT],
    ['own-pty', RIGHT],
    ['one-try', RIGHT],
  ])('runs as root (%s), the inventory having the password %s', async (account, password) => {
    const outcome = await run(on(account, password), 'id -un; echo "it\'s $0" >&2; echo "<$(cat)>"; exit 3');
    expect(outcome).toMatchObject({
      kind: 'failed',
      exitCode: 3,
      reason: '',
      stdout: { head: 'root\n<>\n' },
      stderr: { head: "it's sh\n" },
    });
  });

  test('runs as whoever is named, and no further', async () => {
    const outcome = await run(on('free'), 'id -un; id -u >&2', {}, 'nobody');
    expect(outcome).toMatchObject({ kind: 'ok', stdout: { head: 'nobody\n' }, stderr: { head: '65534\n' } });
  });

  test.each(['in-terminal', 'in-terminal-free'])(
    'runs where sudo wants a terminal (%s), without an echo of the password or carriage returns',
    async (account) => {
      const outcome = await run(on(account, RIGHT), 'id -un; echo err >&2; echo "<$(cat)>"; exit 4');
      expect(outcome).toMatchObject({ kind: 'failed', exitCode: 4, reason: '', stderr: { head: '' } });
      expect(outcome.stdout.head).toBe('root\nerr\n<>\n');
      // The second one knows it.
      expect((await run(on(account, RIGHT), 'id -un')).stdout.head).toBe('root\n');
    },
  );

  test('says so where the host then gives no terminal', async () => {
    await using other = await startSshd({
      accounts: [{ password: RIGHT, sudoers: SUDOERS['in-terminal'] }],
      config: ['PermitTTY no'],
    });
    const host = on('in-terminal', RIGHT, { port: other.port, user: other.accounts[0] ?? '' });
    expect(await run(host, 'touch /tmp/never')).toMatchObject({
      kind: 'not-run',
      reason:
        'sudo wants a terminal on this host (requiretty), and its SSH server gives none; the command did not begin',
    });
  });

  test('gives a wrong password once, and says that it is wrong', async () => {
    for (const account of ['asks', 'one-try', 'in-terminal']) {
      const outcome = await run(on(account, 'wrong-password'), 'id', { runId: `r-${account}` });
      expect(outcome).toMatchObject({
        kind: 'auth-failed',
        exitCode: null,
        stdout: { head: expect.not.stringContaining('uid=') },
      });
      expect(outcome.reason).toBe(
        'sudo refused the password that the inventory has for it; it was tried once; the command did not begin',
      );
      await vi.waitFor(async () => expect(await running(names.get(account) ?? '')).toEqual([]), {
        timeout: 20_000,
      });
    }
    const log = await readFile(`/tmp/${names.get('asks')}.log`, 'utf8');
    expect(log).toContain('1 incorrect password attempt');
    expect(log).not.toMatch(/[2-9] incorrect password attempts|wrong-password|Right-sudo/);
  });

  test('gives a password that two hosts of a run have refused to no third one', async () => {
    const how = { runId: 'r-thrice' };
    for (const name of ['web01', 'web02']) {
      const host = on('asks', 'wrong-password', { name });
      expect((await run(host, 'id', how)).kind).toBe('auth-failed');
    }
    expect(await run(on('asks', 'wrong-password', { name: 'web03' }), 'id', how)).toMatchObject({
      kind: 'skipped',
      reason:
        'the password for sudo was refused by web01 and web02 in this run, and is given to no more hosts in it; the command did not begin',
    });
  });

  test('says what sudo refused, in its words', async () => {
    expect(await run(on('asks'), 'id')).toMatchObject({
      kind: 'auth-failed',
      reason:
        'sudo wants a password here, and the inventory has none for it (`sudo_password`); the command did not begin',
    });
    const nobody = await run(on('nobody', RIGHT), 'id');
    expect(nobody).toMatchObject({ kind: 'not-run', exitCode: null });
    expect(nobody.reason).toBe(
      `sudo does not let this login do it as root: "${names.get('nobody')} is not in the sudoers file."; the command did not begin`,
    );
    const narrow = await run(on('narrow', RIGHT), 'id');
    expect(narrow.reason).toMatch(
      /^sudo does not let this login do it as root: "Sorry, user \S+ is not allowed/,
    );
    const unknown = await run(on('free'), 'id', {}, 'no-such-user');
    expect(unknown).toMatchObject({ kind: 'not-run' });
    expect(unknown.reason).toContain('sudo did not start the command as no-such-user: "sudo: ');
  });

  test('shows the password in no output, even where the command looks for it', async () => {
    const command = 'cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr "\\0" "\\n" | grep -c Right-sudo';
    const outcome = await run(on('asks', RIGHT), command.replace('Right-sudo', 'Right-[s]udo'));
    expect(outcome.stdout.head).toBe('0\n');
  });

  test('answers nothing that the command itself asks', async () => {
    const outcome = await run(
      on('asks', RIGHT),
      'printf "batchops-$BATCHOPS_RUN-p:" >&2; printf "batchops-$BATCHOPS_RUN-p:"; sleep 0.3; cat',
    );
    expect(outcome).toMatchObject({ kind: 'ok' });
    expect(outcome.stdout.head).toMatch(/^batchops-[0-9a-f]{18}-p:$/);
    expect(outcome.stderr.head).toMatch(/^batchops-[0-9a-f]{18}-p:$/);
  });

  test('leaves the language of the command as it was', async () => {
    const command = 'env | grep -c "^LC_ALL="; echo $LC_ALL';
    expect((await run(on('free'), command)).stdout.head).toBe('0\n\n');
  });

  test('has the language that it was asked for, also where that is the one in which we speak to sudo', async () => {
    const work = { action: 'run', command: 'echo $LC_ALL', sudo: 'root', env: [['LC_ALL', 'C']] } as const;
    const outcome = await rig.transport.execute(on('free'), work, execution());
    expect(outcome).toMatchObject({ kind: 'ok', stdout: { head: 'C\n' } });
  });

  test('is stopped with all that it started, also what is another user’s than the login’s', async () => {
    for (const [account, password] of [
      ['asks', RIGHT],
      ['free', undefined],
      ['in-terminal', RIGHT],
      ['own-pty', RIGHT],
    ] as const) {
      const stop = new AbortController();
      const command = 'setsid sleep 8841 & sleep 8841; echo';
      const outcome = run(on(account, password), command, {
        signal: stop.signal,
        runId: `r-stop-${account}`,
      });
      await vi.waitFor(async () => expect(await running('sleep\x008841')).toHaveLength(2), {
        timeout: 10_000,
      });
      stop.abort('cancelled');
      expect((await outcome).reason).toBe(`cancelled while it ran; ${GONE}`);
      expect(await running('sleep\x008841')).toEqual([]);
    }
  });

  test('is stopped at its time limit', async () => {
    const outcome = await run(on('asks', RIGHT), 'sleep 8842', { timeLimitMs: 1_500 }, 'nobody');
    expect(outcome).toMatchObject({ kind: 'timed-out' });
    expect(outcome.reason).toBe(`still running after 1.5 s; ${GONE}`);
  });

  test('never begins where it is stopped while sudo asks', async () => {
    // Two hosts whose sudo asks and says nothing more: what they answer is waited for.
    await using silent = await startSshServer({
      onLogin: (login) => login.accept(),
      onCommand: (channel, command) => {
        const id = / batchops ([0-9a-f]{18}) e /.exec(command)?.[1] ?? '';
        channel.write(`batchops-${id}-se\n`);
        channel.stderr.write(`batchops-${id}-se\nbatchops-${id}-p:`);
      },
    });
    const how = { runId: 'r-early' };
    const stop = new AbortController();
    const silence = new AbortController();
    const others = ['w1', 'w2'].map((name) =>
      run(on('asks', RIGHT, { name, port: silent.port }), 'id', { ...how, signal: silence.signal }),
    );
    await vi.waitFor(() => expect(silent.commands).toHaveLength(2), { timeout: 10_000 });
    const third = on('asks', RIGHT, { name: 'w3' });
    const asked = run(third, 'id', { ...how, signal: stop.signal }, 'daemon');
    await vi.waitFor(async () => expect(await running('-u\x00daemon')).toHaveLength(1), { timeout: 10_000 });
    stop.abort('cancelled');
    expect(await asked).toMatchObject({
      kind: 'cancelled',
      reason:
        'cancelled while it ran, without a sign that the command itself had begun; sudo ended before it started it',
    });
    expect(await running('-u\x00daemon')).toEqual([]);
    silence.abort('interrupted');
    await Promise.all(others);
  });

  test('gives no password to what asks once sudo has started our part', async () => {
    let got = '';
    await using host = await startSshServer({
      onLogin: (login) => login.accept(),
      onCommand: (channel, command) => {
        const id = / batchops ([0-9a-f]{18}) e /.exec(command)?.[1] ?? '';
        channel.on('data', (chunk: Buffer) => {
          got += chunk.toString();
          // Another process of that user, as if it were sudo.
          channel.stderr.write(`batchops-${id}-p:`);
        });
        channel.on('end', () => {
          channel.exit(1);
          channel.end();
        });
        channel.stderr.write(`batchops-${id}-se\n`);
        channel.write(`batchops-${id}-se\nbatchops-${id}-w\n`);
      },
    });
    await place(rig, 'script', 'echo\n');
    const script = { local: 'script', source: sourceOf('echo\n'), args: [] };
    const work = { action: 'run', command: '', sudo: 'nobody', script } as const;
    const asked = on('asks', RIGHT, { port: host.port });
    const outcome = await rig.transport.execute(asked, work, execution({ timeLimitMs: 500 }));
    expect(got).toBe('echo\n');
    expect(outcome.kind).toBe('timed-out');
  });

  describe.each(shells)('with the login shell %s', (name) => {
    test('it is that shell that reads the command', async () => {
      const plain = await rig.run(on(name), 'echo "a  b" \'c d\'; echo $0; exit 5');
      const outcome = await run(on(name), 'echo "a  b" \'c d\'; echo $0; exit 5');
      expect(outcome).toMatchObject({ kind: 'failed', exitCode: 5, stderr: { head: '' } });
      expect(outcome.stdout.head).toBe(plain.stdout.head);
    });
  });
});
