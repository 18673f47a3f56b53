import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ENDING_MS } from '../../src/time/lease.ts';
import { HAS_SSHD, type Sshd, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, type TransportRig } from './rig.ts';

const GONE =
  'stopped: by session, parent and environment none of its processes is found on the host any more';

describe.skipIf(!HAS_SSHD)('running a command on a real sshd', () => {
  let sshd: Sshd;
  let rig: TransportRig;

  beforeAll(async () => {
    sshd = await startSshd();
    rig = await openRig({ secrets: ['hunter2-long'] });
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
  });

  const run = (command: string, how = {}) => rig.run(keyHost(sshd), command, how);
  /** The processes of that command line, as the host sees them. */
  const isRunning = async (mark: string) =>
    (await run(`grep -l -a -s -- "[${mark.charAt(0)}]${mark.slice(1)}" /proc/[0-9]*/cmdline`)).stdout.head !==
    '';

  test('exit 0 is ok, with stdout and stderr apart', async () => {
    const outcome = await run('echo out; echo err >&2');
    expect(outcome).toMatchObject({ kind: 'ok', exitCode: 0, signal: null, reason: '' });
    expect(outcome.stdout.head).toBe('out\n');
    expect(outcome.stderr.head).toBe('err\n');
    expect(outcome.durationMs).toBeGreaterThanOrEqual(0);
  });

  test('another exit code is failed; a signal is killed', async () => {
    expect(await run('exit 3')).toMatchObject({ kind: 'failed', exitCode: 3, signal: null });
    expect(await run('exit 255')).toMatchObject({ kind: 'failed', exitCode: 255 });
    expect(await run('kill -KILL $$')).toMatchObject({ kind: 'killed', exitCode: null, signal: 'KILL' });
  });

  test('commands that say nothing end at once', async () => {
    for (const command of ['true', ':', '# only a comment']) {
      expect(await run(command)).toMatchObject({
        kind: 'ok',
        stdout: { totalBytes: 0 },
        stderr: { totalBytes: 0 },
      });
    }
  });

  test('a command that reads its input finds none', async () => {
    expect((await run('cat; wc -c')).stdout.head.trim()).toBe('0');
  });

  test('5 MB on each stream neither stall nor fill the memory', async () => {
    const outcome = await run(
      'head -c 5000000 /dev/zero | tr "\\0" a; head -c 5000000 /dev/zero | tr "\\0" b >&2',
    );
    expect(outcome).toMatchObject({
      kind: 'ok',
      stdout: { totalBytes: 5_000_000 },
      stderr: { totalBytes: 5_000_000 },
    });
    expect(outcome.stdout.head + outcome.stdout.tail).toBe('a'.repeat(128 * 1024));
  });

  test('letters that arrive in pieces are whole, and what is no text is not shown', async () => {
    const pieces = await run(
      "printf '\\303'; sleep 0.05; printf '\\244\\342\\202'; sleep 0.05; printf '\\254\\n'",
    );
    expect(pieces.stdout.head).toBe('ä€\n');
    expect((await run('head -c 300 /dev/zero')).stdout).toMatchObject({
      binary: true,
      head: '',
      totalBytes: 300,
    });
  });

  test('a secret of the inventory is masked', async () => {
    expect((await run('echo x hunter2-long y')).stdout.head).toBe('x [secret] y\n');
  });

  test('a background process holds nothing up', async () => {
    const started = performance.now();
    const outcome = await run('sleep 30 & echo begun');
    expect(outcome).toMatchObject({
      kind: 'ok',
      exitCode: 0,
      reason: 'a background process kept the channel open',
    });
    expect(outcome.stdout.head).toBe('begun\n');
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('at its time limit all its processes are stopped, and what it said is kept', async () => {
    const outcome = await run('echo begun; sleep 4711 | cat', { timeLimitMs: 300 });
    expect(outcome).toMatchObject({ kind: 'timed-out', exitCode: null });
    expect(outcome.reason).toBe(`still running after 0.3 s; ${GONE}`);
    expect(outcome.stdout.head).toBe('begun\n');
    expect(await isRunning('sleep\\x004711')).toBe(false);
  });

  test('a cancel stops a command that will not listen', async () => {
    const stop = new AbortController();
    const running = run('trap "" TERM; sleep 4712; sleep 4712', { signal: stop.signal });
    await vi.waitFor(async () => expect(await isRunning('4712')).toBe(true), { timeout: 10_000 });
    stop.abort('cancelled');
    expect(await running).toMatchObject({
      kind: 'cancelled',
      reason: `cancelled while it ran; ${GONE}`,
    });
    expect(await isRunning('4712')).toBe(false);
  });

  test('the first order to stop is the one that counts', async () => {
    const stop = new AbortController();
    const running = run('sleep 4713', { signal: stop.signal });
    await vi.waitFor(async () => expect(await isRunning('4713')).toBe(true), { timeout: 10_000 });
    stop.abort('cancelled');
    stop.abort('interrupted');
    expect((await running).kind).toBe('cancelled');
  });

  test('a process that is cut off from its database ends the command on the host, deaf or not, in the time that is kept for it', async () => {
    const stop = new AbortController();
    const running = run('trap "" TERM; echo begun; sleep 4715; sleep 4715', { signal: stop.signal });
    await vi.waitFor(async () => expect(await isRunning('4715')).toBe(true), { timeout: 10_000 });
    const cutAt = performance.now();
    stop.abort('cut-off');
    expect(await running).toMatchObject({
      kind: 'interrupted',
      reason: `its process was cut off from the database while it ran; ${GONE}`,
      stdout: { head: 'begun\n' },
    });
    expect(performance.now() - cutAt).toBeLessThan(ENDING_MS);
    expect(await isRunning('4715')).toBe(false);
  });

  test('what others may have by now is not begun, though the host has already let us in', async () => {
    const asked: string[] = [];
    const never = `/tmp/batchops-never-made-${randomUUID()}`;
    const outcome = await run(`touch ${never}`, {
      mayBegin() {
        asked.push('asked');
        return false;
      },
    });
    expect(outcome).toMatchObject({
      kind: 'interrupted',
      reason: 'its process was cut off from the database before the command was sent',
    });
    expect(asked).toEqual(['asked']);
    expect((await run(`ls ${never}`)).kind).toBe('failed');
    expect((await run('echo again', { mayBegin: () => true })).stdout.head).toBe('again\n');
  });

  test('where the bot stops, the command goes on, and the outcome says so', async () => {
    const stop = new AbortController();
    const running = run('sleep 1.4714', { signal: stop.signal });
    await vi.waitFor(async () => expect(await isRunning('1.4714')).toBe(true), { timeout: 10_000 });
    stop.abort('interrupted');
    expect(await running).toMatchObject({
      kind: 'interrupted',
      reason: 'the bot stopped while it ran; it may still be running on the host',
    });
  });

  test('cancelled before it was sent, nothing reaches the host', async () => {
    const outcome = await run('touch /tmp/never', { signal: AbortSignal.abort('cancelled') });
    expect(outcome).toMatchObject({ kind: 'cancelled', reason: 'cancelled before the command was sent' });
  });

  test('the next command goes over the same connection, until it is idle for too long', async () => {
    const port = async (over: TransportRig) =>
      (await over.run(keyHost(sshd), 'echo $SSH_CLIENT')).stdout.head.split(' ')[1];
    expect(await port(rig)).toBe(await port(rig));
    await using brief = await openRig({ idleMs: 30 });
    const first = await port(brief);
    await vi.waitFor(async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(await port(brief)).not.toBe(first);
    });
  });

  test('a raw host gets the command untouched, and a cancel that promises nothing', async () => {
    const raw = keyHost(sshd, { shell: 'raw', name: 'switch01' });
    expect((await rig.run(raw, 'echo $0; exit 7')).exitCode).toBe(7);
    const outcome = await rig.run(raw, 'exec sleep 6', { timeLimitMs: 200 });
    expect(outcome.kind).toBe('timed-out');
    expect(outcome.reason).toContain('it may still be running on the host');
  });

  test('closing the transport interrupts what runs', async () => {
    const own = await openRig();
    const running = own.run(keyHost(sshd), 'echo begun; sleep 2.4715');
    await vi.waitFor(async () => expect(await isRunning('2.4715')).toBe(true), { timeout: 10_000 });
    await own[Symbol.asyncDispose]();
    expect((await running).kind).toBe('interrupted');
    expect((await own.run(keyHost(sshd), 'true')).kind).toBe('interrupted');
  });
});
