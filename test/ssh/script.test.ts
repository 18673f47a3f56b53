import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import type { Execution } from '../../src/ports/hosts.ts';
import type { RunWork } from '../../src/run/plan.ts';
import { startHalfOpenProxy } from '../rigs/half-open-proxy.ts';
import { hasShell, SHELL_NAMES, shellProgram } from '../rigs/shells.ts';
import { CAN_ADD_USERS, HAS_SSHD, HAS_SUDO, type Sshd, startSshd } from '../rigs/sshd.ts';
import { place } from './copy/copy-rig.ts';
import { execution, keyHost, openRig, type TransportRig } from './rig.ts';

const sourceOf = (bytes: string | Uint8Array) => ({
  bytes: Buffer.from(bytes).length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

/** How many processes have this as a word of their command line. */
async function running(word: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.split('\0').includes(word)).length;
}

describe.skipIf(!HAS_SSHD || !CAN_ADD_USERS || !HAS_SUDO)(
  'scripts, input and variables, on a real sshd',
  () => {
    let sshd: Sshd;
    let rig: TransportRig;
    /** Where scripts lie while they run: only one test's. */
    let tmp: string;
    const shells = SHELL_NAMES.filter((name) => name !== 'ash' && name !== 'rbash' && hasShell(name));
    const on = (shell = 'sh', more: Partial<Host> = {}) =>
      keyHost(sshd, { name: shell, user: sshd.accounts[shells.indexOf(shell as 'sh')] ?? '', ...more });

    beforeAll(async () => {
      sshd = await startSshd({
        accounts: shells.map((name) => ({
          shell: shellProgram(name),
          sudoers: ['NAME ALL=(ALL) NOPASSWD: ALL'],
        })),
      });
      rig = await openRig({ deadlines: { hostMarginMs: 1_000 } });
    });
    beforeEach(async () => {
      tmp = await mkdtemp(join(sshd.folder, 'tmp-'));
      await chmod(tmp, 0o1777);
    });
    afterAll(async () => {
      expect(rig.errors).toEqual([]);
      await rig[Symbol.asyncDispose]();
      await sshd[Symbol.asyncDispose]();
    });

    async function run(
      host: Host,
      {
        script,
        stdin,
        ...work
      }: { script?: string | Uint8Array; args?: readonly string[]; stdin?: string | Uint8Array } & Partial<
        Omit<RunWork, 'script' | 'stdin'>
      >,
      how: Partial<Execution> = {},
      by = rig,
    ) {
      const { args = [], ...rest } = work as { args?: readonly string[] };
      if (script !== undefined) await place(by, 'script', script);
      if (stdin !== undefined) await place(by, 'stdin', stdin);
      const env = [['TMPDIR', tmp] as const, ...(work.env ?? [])];
      return by.transport.execute(
        host,
        {
          action: 'run',
          command: '',
          ...rest,
          env,
          ...(script !== undefined && { script: { local: 'script', source: sourceOf(script), args } }),
          ...(stdin !== undefined && { stdin: { local: 'stdin', source: sourceOf(stdin) } }),
        },
        execution(how),
      );
    }

    describe.each(shells)('with the login shell %s', (shell) => {
      test('a script is sh’s, gets its arguments to the byte, and its own input is not eaten', async () => {
        const script = 'printf "<%s>" "$@"; cat; echo; exit 7\n';
        const args = ['a b', "it's", '', '$HOME `id` "\\n" ü!', '--', '-n'];
        const outcome = await run(on(shell), { script, args });
        expect(outcome).toMatchObject({ kind: 'failed', exitCode: 7, reason: '', stderr: { head: '' } });
        expect(outcome.stdout.head).toBe(`${args.map((arg) => `<${arg}>`).join('')}\n`);
      });

      test('variables and input reach a command to the byte', async () => {
        // Without a locale fish takes other bytes for Latin-1, in its own words as in ours.
        const value = `a 'b' "c" $HOME \\${shell === 'fish' ? '' : 'ü'}! \``;
        const outcome = await run(on(shell), {
          command: 'env | grep "^WEIRD="; cat',
          env: [['WEIRD', value]],
          stdin: 'one\n\0two',
        });
        expect(outcome).toMatchObject({ kind: 'ok', stderr: { head: '' } });
        expect(outcome.stdout.head || outcome.stdout.binary).toBeTruthy();
        expect(outcome.stdout.sha256).toBe(sourceOf(`WEIRD=${value}\none\n\0two`).sha256);
      });
    });

    test('a script is read by what its first line names', async () => {
      const python = await run(on(), {
        script: '#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:])\n',
        args: ['x y'],
      });
      expect(python.stdout.head).toBe("['x y']\n");
      const perl = await run(on(), {
        script: '#!/usr/bin/perl -w\nprint "<@ARGV>";\nprint undef . "";\n',
        args: ['z'],
      });
      expect(perl.stdout.head).toBe('<z>');
      expect(perl.stderr.head).toContain('uninitialized');
      const none = await run(on(), { script: '#!/opt/none/bin/ruby\nputs 1\n' });
      expect(none).toMatchObject({ kind: 'not-run', exitCode: null });
      expect(none.reason).toContain('what reads it is not there; it did not begin');
      expect(none.stderr.head).toBe('not found: /opt/none/bin/ruby\n');
    });

    test('a script runs as another user, with input, and nothing of it is left', async () => {
      const outcome = await run(on(), {
        script: 'id -un; cat; ls -l "$0" | cut -c1-10\n',
        stdin: 'in\n',
        sudo: 'nobody',
        args: [],
      });
      expect(outcome).toMatchObject({ kind: 'ok', stdout: { head: 'nobody\nin\n-rw-------\n' } });
      await vi.waitFor(async () => expect(await readdir(tmp)).toEqual([]), { timeout: 5_000 });
    });

    test('a script of a mebibyte arrives whole', async () => {
      const script = `${'# padding\n'.repeat(100_000)}echo end\n`;
      expect((await run(on(), { script })).stdout.head).toBe('end\n');
      const input = Buffer.alloc(8 * 1024 * 1024, 'x');
      expect((await run(on(), { command: 'wc -c', stdin: input })).stdout.head.trim()).toBe(
        String(input.length),
      );
      // It is nobody's fault that a command does not read what it is given.
      expect(await run(on(), { command: 'echo no', stdin: input })).toMatchObject({ kind: 'ok' });
    });

    test('what is not the file any more that was approved is not sent', async () => {
      await place(rig, 'late', 'echo other\n');
      const outcome = await rig.transport.execute(
        on(),
        { action: 'run', command: '', script: { local: 'late', source: sourceOf('echo first\n'), args: [] } },
        execution(),
      );
      expect(outcome).toMatchObject({
        kind: 'skipped',
        reason: 'late has changed since the run was approved; nothing was sent',
      });
    });

    test('what is gone from the transfer folder was never started', async () => {
      const outcome = await rig.transport.execute(
        on(),
        { action: 'run', command: '', script: { local: 'gone', source: sourceOf('echo\n'), args: [] } },
        execution(),
      );
      expect(outcome).toMatchObject({
        kind: 'skipped',
        reason: 'There is no gone in the transfer folder. Nothing was sent.',
      });
    });

    test('half a script is never run, and does not stay', async () => {
      await using proxy = await startHalfOpenProxy(sshd.port);
      await using alone = await openRig({
        deadlines: { hostMarginMs: 1_000, keepaliveMs: 200, disconnectMs: 200 },
      });
      const ran = join(tmp, 'ran');
      const script = `touch ${ran}\n${'# padding\n'.repeat(6_000_000)}`;
      const outcome = run(on('sh', { port: proxy.port }), { script }, { timeLimitMs: 3_000 }, alone);
      await vi.waitFor(async () => expect(await readdir(tmp)).toHaveLength(1), {
        interval: 1,
        timeout: 10_000,
      });
      proxy.freeze();
      expect((await outcome).kind).toMatch(/^(lost|timed-out)$/);
      // The host ends what still waits for the rest of it.
      await vi.waitFor(async () => expect(await readdir(tmp)).toEqual([]), { timeout: 20_000 });
    }, 40_000);

    test('where it cannot be put down, it does not begin', async () => {
      await place(rig, 'script', 'echo ran\n');
      const script = { local: 'script', source: sourceOf('echo ran\n'), args: [] };
      const work = { action: 'run', command: '', env: [['TMPDIR', '/nowhere']], script } as const;
      const outcome = await rig.transport.execute(on(), work, execution());
      expect(outcome).toMatchObject({ kind: 'not-run', stdout: { head: '' } });
      expect(outcome.reason).toContain('did not come to lie on the host');
    });

    test('a cancel stops a script with what it started, and takes it away', async () => {
      const stop = new AbortController();
      const outcome = run(on(), { script: 'setsid sleep 8871 & sleep 8871\n' }, { signal: stop.signal });
      await vi.waitFor(async () => expect(await readdir(tmp)).toHaveLength(1), { timeout: 10_000 });
      await vi.waitFor(async () => expect(await running('8871')).toBe(2), { timeout: 10_000 });
      stop.abort('cancelled');
      expect((await outcome).reason).toMatch(/^cancelled while it ran; stopped: by session, parent/);
      await vi.waitFor(async () => expect(await readdir(tmp)).toEqual([]), { timeout: 5_000 });
    });

    test('each host gets its own values, to the byte', async () => {
      const how = { values: { host: 'web01', n: '7' } };
      const outcome = await rig.transport.execute(
        on(),
        {
          action: 'run',
          command: `echo {host} '{n}' "\${n-unset}" '{other}' {{host}}`,
          env: [['A', '<{host}>']],
        },
        execution(how),
      );
      expect(outcome.stdout.head).toBe('web01 7 unset {other} {{host}}\n');
      await writeFile(join(rig.folder, 'transfers', 'args'), 'echo "$@" $A\n');
      const script = { local: 'args', source: sourceOf('echo "$@" $A\n'), args: ['{host}-{n}'] };
      const second = await rig.transport.execute(
        on(),
        { action: 'run', command: '', script, env: [['A', '<{host}>']] },
        execution(how),
      );
      expect(second.stdout.head).toBe('web01-7 <web01>\n');
    });
  },
);
