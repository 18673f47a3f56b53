import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { ServerChannel } from 'ssh2';
import { describe, expect, test, vi } from 'vitest';
import { readExit } from '../../src/ssh/command/ending.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { openRig, passwordHost } from './rig.ts';

const host = (port: number) => passwordHost(port, { shell: 'auto' });

/** The line that proves that the command began, as our part of it says it. */
function markOf(command: string): string {
  const id = /' batchops ([0-9a-f]{18}) e /.exec(command)?.[1] ?? '';
  return `batchops-${id}-e4711\n`;
}

/** Writes as long as the other side takes it; answers with how much that was. */
async function flood(channel: ServerChannel, piece: string): Promise<number> {
  let written = 0;
  let isOpen = true;
  channel.once('close', () => (isOpen = false));
  channel.resume();
  while (isOpen) {
    written += piece.length;
    const isFull = !channel.write(piece);
    await Promise.race([isFull ? once(channel, 'drain') : setImmediate(), once(channel, 'close')]);
  }
  return written;
}

describe('whatever a host says instead of our mark', () => {
  test('five megabytes are kept count of and are no proof', async () => {
    await using server = await startSshServer({
      async onCommand(channel) {
        for (let i = 0; i < 50; i++) {
          await new Promise((taken) => channel.stderr.write('x'.repeat(100_000), taken));
        }
        channel.exit(0);
        channel.end();
      },
    });
    await using rig = await openRig();
    expect(await rig.run(host(server.port), 'df')).toMatchObject({
      kind: 'not-run',
      stderr: { totalBytes: 5_000_000 },
    });
  });

  test.each([
    ['our own line', (command: string) => command],
    ['the mark of another command', () => 'batchops-0123456789abcdef01-e4711\n'],
    ['the mark without its end', (command: string) => markOf(command).trimEnd()],
  ])('%s is no proof', async (_what, said) => {
    await using server = await startSshServer({
      onCommand(channel, command) {
        channel.write(said(command));
        channel.stderr.write(said(command));
        channel.exit(0);
        channel.end();
      },
    });
    await using rig = await openRig();
    expect((await rig.run(host(server.port), 'df')).kind).toBe('not-run');
  });

  test('an end that nobody told of stays unknown: lost and timed-out are not taken for not-run', async () => {
    await using closing = await startSshServer({ onCommand: (channel) => void channel.end('hello\n') });
    await using cutting = await startSshServer({ onCommand: (_channel, _command, to) => to.end() });
    await using hanging = await startSshServer({ onCommand: (channel) => void channel.write('hello\n') });
    await using rig = await openRig({ deadlines: { killGraceMs: 50, lingerMs: 50 } });
    expect((await rig.run(host(closing.port), 'df')).kind).toBe('lost');
    expect((await rig.run(host(cutting.port), 'df')).kind).toBe('lost');
    const late = await rig.run(host(hanging.port), 'df', { timeLimitMs: 100 });
    expect(late).toMatchObject({ kind: 'timed-out', stdout: { head: 'hello\n' } });
    expect(late.reason).toContain('without a sign that the command itself had begun');
    expect(late.reason).toContain('it may still be running on the host');
  });
});

describe('whatever a host says of the end', () => {
  test('the first exit counts, and what comes after the end is nobody’s', async () => {
    await using server = await startSshServer({
      onCommand(channel, command) {
        channel.stderr.write(markOf(command));
        channel.write('said\n');
        channel.exit(3);
        channel.exit(0);
        channel.exit('KILL');
        channel.end();
      },
    });
    await using rig = await openRig();
    const outcome = await rig.run(host(server.port), 'df');
    expect(outcome).toMatchObject({ kind: 'failed', exitCode: 3, stderr: { head: '' } });
    expect(rig.errors).toEqual([]);
  });

  test('a signal’s name is its letters, and no longer than a name', () => {
    expect(readExit(null, 'SIGTERM')).toEqual({ code: null, signal: 'TERM' });
    for (const name of ['', 'S'.repeat(1_000_000), 'KILL <!channel>', 'a\nb', undefined, 9]) {
      expect(readExit(undefined, name)).toEqual({ code: null, signal: null });
    }
    expect(readExit(255, undefined)).toEqual({ code: 255, signal: null });
  });
});

test('a channel that opens after it was given up carries no command', async () => {
  let open = (_isOpen: boolean) => {};
  const opened = new Promise<boolean>((resolve) => {
    open = resolve;
  });
  await using server = await startSshServer({ onSession: () => opened });
  await using rig = await openRig({ deadlines: { channelMs: 50, disconnectMs: 2_000 } });
  const outcome = await rig.run(host(server.port), 'reboot');
  expect(outcome).toMatchObject({ kind: 'not-run' });
  open(true);
  await vi.waitFor(() => expect(server.open()).toBe(0), { timeout: 5_000 });
  expect(server.commands).toEqual([]);
});

describe('a host that is asked to stop a command', () => {
  const stopping = (answer: (channel: ServerChannel) => void) => ({
    onCommand(channel: ServerChannel, command: string) {
      if (command.includes("' batchops ") && command.includes('command -v awk')) answer(channel);
      else channel.stderr.write(markOf(command));
    },
  });
  const quick = { deadlines: { killGraceMs: 50, lingerMs: 50, channelMs: 300 } };

  test('and answers without end is heard for 64 KiB, and nothing is claimed', async () => {
    let written: Promise<number> = Promise.resolve(0);
    await using server = await startSshServer(
      stopping((channel) => {
        written = flood(channel, 'batchops gone\n'.repeat(1_000));
      }),
    );
    await using rig = await openRig(quick);
    const outcome = await rig.run(host(server.port), 'sleep 60', { timeLimitMs: 100 });
    expect(outcome.reason).toBe(
      'still running after 0.1 s; it could not be made sure that it stopped: it may still be running on the host',
    );
    expect(outcome.durationMs).toBeLessThan(4_000);
    // What a channel's window lets through, and no more.
    expect(await written).toBeLessThan(8 * 1024 * 1024);
  });

  test('and drips, or says nothing, is waited for as long as its script could take', async () => {
    const drips: NodeJS.Timeout[] = [];
    await using dripping = await startSshServer(
      stopping((channel) => {
        drips.push(setInterval(() => channel.write('.'), 20));
      }),
    );
    await using silent = await startSshServer({
      onExecRequest: (command) => (command.includes('command -v awk') ? 'ignore' : true),
      ...stopping(() => {}),
    });
    await using rig = await openRig(quick);
    const outcomes = await Promise.all(
      [dripping, silent].map((server) => rig.run(host(server.port), 'sleep 60', { timeLimitMs: 100 })),
    );
    for (const drip of drips) clearInterval(drip);
    for (const outcome of outcomes) {
      expect(outcome.kind).toBe('timed-out');
      expect(outcome.reason).toContain('it may still be running on the host');
      expect(outcome.durationMs).toBeLessThan(9_000);
    }
  });
});
