import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { startHalfOpenProxy } from '../rigs/half-open-proxy.ts';
import { CAN_ADD_USERS, HAS_SSHD, HAS_SUDO, type Sshd, startSshd } from '../rigs/sshd.ts';
import { get, place, put } from './copy/copy-rig.ts';
import { execution, keyHost, openRig, type TransportRig } from './rig.ts';

/** How many processes have this as a word of their command line. */
async function running(word: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.split('\0').includes(word)).length;
}

const QUICK = { disconnectMs: 300, keepaliveMs: 200, killGraceMs: 1_000, hostMarginMs: 1_000 };

describe.skipIf(!HAS_SSHD || !CAN_ADD_USERS)('ends, on a real sshd', () => {
  let sshd: Sshd;
  let rig: TransportRig;
  const on = (more: Partial<Host> = {}) => keyHost(sshd, { user: sshd.accounts[0] ?? '', ...more });

  beforeAll(async () => {
    sshd = await startSshd({ accounts: [{ sudoers: ['NAME ALL=(ALL) NOPASSWD: ALL'] }] });
    rig = await openRig({ deadlines: QUICK });
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
  });

  describe('the host keeps the time limit by itself', () => {
    test.each([
      ['auto', undefined],
      ['posix', undefined],
      ...(HAS_SUDO ? ([['auto', 'root']] as const) : []),
    ] as const)(
      'where nobody is there any more (shell %s, as %s)',
      async (shell, sudo) => {
        await using proxy = await startHalfOpenProxy(sshd.port);
        await using lonely = await openRig({ deadlines: QUICK });
        const word = `88${Math.trunc(Math.random() * 1e5)}`;
        const command = `setsid sleep ${word} & trap "" TERM; sleep ${word}; sleep ${word}`;
        const work = { action: 'run' as const, command, ...(sudo !== undefined && { sudo }) };
        const outcome = lonely.transport.execute(
          on({ port: proxy.port, shell }),
          work,
          execution({ timeLimitMs: 3_000 }),
        );
        await vi.waitFor(async () => expect(await running(word)).toBe(2), { timeout: 10_000 });
        proxy.freeze();
        expect((await outcome).kind).toBe('lost');
        expect(await running(word)).toBe(2);
        await vi.waitFor(async () => expect(await running(word)).toBe(0), { timeout: 20_000, interval: 100 });
      },
      40_000,
    );

    test('and nothing else: what the command left behind when it ended stays, and nothing of ours does', async () => {
      const how = { timeLimitMs: 1_000 };
      expect(await rig.run(on(), 'setsid sleep 7 >/dev/null 2>&1 & echo ok', how)).toMatchObject({
        kind: 'ok',
      });
      const ours = () => execFileSync('sh', ['-c', `ps -u ${sshd.accounts[0]} -o args=|| true`]).toString();
      await vi.waitFor(() => expect(ours()).not.toMatch(/BATCHOPS_RUN|sleep 2/), { timeout: 10_000 });
      expect(ours()).toContain('sleep 7');
    }, 20_000);

    test('without being a child that the command would wait for', async () => {
      const command = `exec perl -e '1 while wait() > 0; print "none\\n"'`;
      const outcome = await rig.run(on(), command);
      expect(outcome).toMatchObject({ kind: 'ok', stdout: { head: 'none\n' } });
      expect(outcome.durationMs).toBeLessThan(2_000);
    });
  });

  test('a command that says nothing for so long is stopped, one that speaks is not', async () => {
    const silent = await rig.run(on(), 'echo begun; sleep 8861; echo', { idleMs: 600 });
    expect(silent).toMatchObject({ kind: 'timed-out', stdout: { head: 'begun\n' } });
    expect(silent.reason).toMatch(/^it said nothing for 0.6 s; stopped: by session, parent/);
    expect(await running('8861')).toBe(0);
    const speaking = 'for i in 1 2 3 4 5; do echo $i >&2; sleep 0.3; done';
    expect(await rig.run(on(), speaking, { idleMs: 900 })).toMatchObject({ kind: 'ok' });
  });

  describe('a cancel is heard', () => {
    const frozen = { kind: 'cancelled' };

    test('in the middle of a login, by a host that went silent', async () => {
      await using proxy = await startHalfOpenProxy(sshd.port);
      await using alone = await openRig({ deadlines: QUICK });
      proxy.freeze();
      const stop = new AbortController();
      const outcome = alone.run(on({ port: proxy.port }), 'touch never', { signal: stop.signal });
      stop.abort('cancelled');
      expect(await outcome).toMatchObject({ ...frozen, reason: expect.not.stringContaining('stopped:') });
    }, 5_000);

    test.each(['put', 'get'] as const)(
      'in the middle of a %s, by a host that went silent',
      async (action) => {
        await using proxy = await startHalfOpenProxy(sshd.port);
        // Nothing but the cancel ends it.
        await using alone = await openRig({ deadlines: { ...QUICK, keepaliveMs: 60_000 } });
        const folder = join(sshd.folder, sshd.accounts[0] ?? '');
        const host = on({ port: proxy.port });
        const bytes = Buffer.alloc(300_000_000);
        await place(alone, 'huge', bytes);
        await writeFile(join(sshd.folder, 'huge'), bytes, { mode: 0o644 });
        await mkdir(join(alone.folder, 'transfers'), { recursive: true });
        const stop = new AbortController();
        const how = { signal: stop.signal };
        const outcome =
          action === 'put'
            ? put(alone, host, 'huge', join(folder, 'huge'), how)
            : get(alone, host, join(sshd.folder, 'huge'), 'got', how);
        const where = action === 'put' ? folder : join(alone.folder, 'transfers');
        const part = async () =>
          (await readdir(where, { recursive: true })).filter((name) => name.includes('.part'));
        await vi.waitFor(async () => expect(await part()).toHaveLength(1), { interval: 2, timeout: 20_000 });
        proxy.freeze();
        const askedAt = performance.now();
        stop.abort('cancelled');
        const { kind, reason } = await outcome;
        expect(performance.now() - askedAt).toBeLessThan(8_000);
        expect(kind).toBe('cancelled');
        expect(reason).toContain('cancelled while it copied');
        // What could not be removed is said, and is known for the next time.
        if (action === 'put') {
          expect(await part()).toHaveLength(1);
          expect(alone.leftovers.all).toHaveLength(1);
        } else expect(await part()).toEqual([]);
      },
      40_000,
    );
  });
});
