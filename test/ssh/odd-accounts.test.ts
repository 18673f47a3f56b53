import { chmod, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hasShell, SHELL_NAMES, shellProgram } from '../rigs/shells.ts';
import { CAN_ADD_USERS, HAS_SSHD, type Sshd, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, type TransportRig } from './rig.ts';

const GONE =
  'stopped: by session, parent and environment none of its processes is found on the host any more';
const REMEDY = 'with `shell = raw` in the inventory its exit code is taken';

/** Accounts whose sshd or shell answers in place of what was asked. */
const ANSWERING = {
  forced: ['ForceCommand echo only this; echo and this >&2; exit 0'],
  quoting: ['ForceCommand printf "may not: %s\\n" "$SSH_ORIGINAL_COMMAND" >&2; exit 2'],
  silent: ['ForceCommand exit 0'],
  killed: ['ForceCommand kill -KILL $$'],
  'sftp-only': ['ForceCommand internal-sftp'],
} as const;

/** The command lines of all processes that hold the text. */
async function running(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.split('\0').includes(text)) found.push(line);
  }
  return found;
}

describe.skipIf(!HAS_SSHD || !CAN_ADD_USERS)('accounts of a real sshd', () => {
  let folder: string;
  let sshd: Sshd;
  let rig: TransportRig;
  const names = new Map<string, string>();
  const on = (account: string, more = {}) => keyHost(sshd, { user: names.get(account) ?? '', ...more });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batchops-ash-'));
    await chmod(folder, 0o755);
    await symlink(shellProgram('ash'), join(folder, 'ash'));
    const shells = SHELL_NAMES.filter(hasShell);
    const accounts = [
      ...shells.map((name) => ({ shell: name === 'ash' ? join(folder, 'ash') : shellProgram(name) })),
      ...Object.values(ANSWERING).map((config) => ({ config })),
      { shell: '/usr/sbin/nologin' },
      { config: ['MaxSessions 1'] },
    ];
    sshd = await startSshd({ accounts });
    for (const [i, kind] of [...shells, ...Object.keys(ANSWERING), 'nologin', 'one-session'].entries()) {
      names.set(kind, sshd.accounts[i] ?? '');
    }
    rig = await openRig();
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  describe.each(SHELL_NAMES)('with the login shell %s', (name) => {
    test.skipIf(!hasShell(name))('ok and failed are what the command itself ended with', async () => {
      expect(await rig.run(on(name), 'touch ran; exit 3')).toMatchObject({ kind: 'failed', exitCode: 3 });
      const outcome = await rig.run(on(name), 'ls; cat');
      expect(outcome).toMatchObject({ kind: 'ok', exitCode: 0, stderr: { head: '' } });
      expect(outcome.stdout.head).toBe('ran\n');
    });

    test.skipIf(!hasShell(name))('what left its group or session is stopped, and nobody else’s', async () => {
      const bystander = new AbortController();
      const other = rig.run(on(name), 'env sleep 941', { signal: bystander.signal });
      await vi.waitFor(async () => expect(await running('941')).toHaveLength(1), { timeout: 10_000 });
      for (const command of [
        'setsid sleep 942; echo',
        'timeout 100 sleep 942; echo',
        'sh -c "setsid sleep 942 & setsid env -i sleep 942"; sleep 942',
        `sh -c 'setsid nohup sh -c "sleep 942; sleep 942" >/dev/null & sleep 942'`,
      ]) {
        const stop = new AbortController();
        const outcome = rig.run(on(name), command, { signal: stop.signal });
        await vi.waitFor(async () => expect(await running('942')).not.toEqual([]), { timeout: 10_000 });
        stop.abort('cancelled');
        expect((await outcome).reason).toBe(`cancelled while it ran; ${GONE}`);
        expect(await running('942')).toEqual([]);
      }
      expect(await running('941')).toHaveLength(1);
      bystander.abort('cancelled');
      expect((await other).kind).toBe('cancelled');
    });
  });

  test.each(Object.keys(ANSWERING))(
    'an account that answers for itself (%s) is never ok or failed',
    async (kind) => {
      const outcome = await rig.run(on(kind), 'touch ran; echo "it\'s"');
      expect(outcome).toMatchObject({ kind: 'not-run', exitCode: null, signal: null });
      expect(outcome.reason).toContain(REMEDY);
      expect(outcome.stdout.head + outcome.stderr.head).not.toMatch(/batchops|exec sh/i);
    },
  );

  test('its own words are kept, and quote the command as it was typed', async () => {
    const forced = await rig.run(on('forced'), 'df');
    expect([forced.stdout.head, forced.stderr.head]).toEqual(['only this\n', 'and this\n']);
    expect(forced.reason).toContain('(exit 0)');
    expect((await rig.run(on('quoting'), 'echo "it\'s"')).stderr.head).toBe('may not: echo "it\'s"\n');
    expect((await rig.run(on('killed'), 'df')).reason).toContain('(ended by SIGKILL)');
    const sftp = await rig.run(on('sftp-only'), 'df');
    expect(sftp.stdout.head).toBe('This service allows sftp connections only.\n');
  });

  test('nologin is not-run, in its own words', async () => {
    const outcome = await rig.run(on('nologin'), 'df');
    expect(outcome.kind).toBe('not-run');
    expect(outcome.stdout.head).toContain('not available');
  });

  test('with shell = raw its exit code is the outcome', async () => {
    expect(await rig.run(on('forced', { shell: 'raw', name: 'f' }), 'df')).toMatchObject({
      kind: 'ok',
      exitCode: 0,
    });
    expect(await rig.run(on('quoting', { shell: 'raw', name: 'q' }), 'df')).toMatchObject({
      kind: 'failed',
      exitCode: 2,
      stderr: { head: 'may not: df\n' },
    });
  });

  test('where a second channel is refused, a signal on the first one reaches it, and no more is claimed', async () => {
    const outcome = await rig.run(on('one-session'), 'echo begun; sleep 943; echo', { timeLimitMs: 500 });
    expect(outcome).toMatchObject({ kind: 'timed-out', stdout: { head: 'begun\n' } });
    expect(outcome.reason).toContain(
      'it ended after its channel was sent a signal; what it started was not looked for',
    );
    await vi.waitFor(async () => expect(await running('943')).toEqual([]));
  });
});
