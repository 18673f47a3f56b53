import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerChannel, Session } from 'ssh2';
import { formatHostCommand, type HostFolder } from './host-folder.ts';

/** RFC 4254, 6.10; ssh2 throws on any other. */
const SENDABLE: ReadonlySet<string> = new Set(
  ['ABRT', 'ALRM', 'FPE', 'HUP', 'ILL', 'INT', 'KILL', 'PIPE', 'QUIT', 'SEGV', 'TERM', 'USR1', 'USR2'].map(
    (name) => `SIG${name}`,
  ),
);

const MAX_WAITING_INPUT_BYTES = 1024 * 1024;

/**
 * Runs one command of a session for real, and ends it with its exit code or signal. The process and all its
 * children (one process group) are killed when the channel closes, however it closes: a sandbox leaves nothing
 * behind, not even what `nohup` would.
 */
export async function runHostCommand(
  host: HostFolder,
  session: Session,
  channel: ServerChannel,
  command: string,
  delayMs: number,
): Promise<void> {
  const closed = new AbortController();
  channel.once('close', () => closed.abort());
  channel.on('error', () => closed.abort());
  // ssh2 tells of the close only once all input before it was read, so it is read from the start.
  const input = channel.pipe(new PassThrough({ highWaterMark: MAX_WAITING_INPUT_BYTES }));

  if (delayMs > 0) {
    try {
      await delay(delayMs, undefined, { signal: closed.signal });
    } catch {
      return;
    }
  }

  const { file, args, cwd, env } = formatHostCommand(host, command);
  const child = spawn(file, args, { cwd, env, detached: true, stdio: 'pipe' });
  closed.signal.addEventListener('abort', () => signalGroup(child, 'SIGKILL'));
  session.on('signal', (accept: (() => void) | undefined, _reject: unknown, info: { name: string }) => {
    accept?.();
    const signal = `SIG${info.name.replace(/^SIG/, '')}`;
    if (isSignal(signal)) signalGroup(child, signal);
  });

  // A program may end without reading its input, and a client may leave before it has sent all.
  child.stdin.on('error', () => {});
  input.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.once('error', (error) => {
    channel.stderr.write(`${host.name}: ${error.message}\n`);
    channel.exit(127);
    channel.end();
  });
  // 'close', not 'exit': only then has everything it wrote been read.
  child.once('close', (code, signal) => {
    if (closed.signal.aborted) return;
    if (signal !== null && SENDABLE.has(signal)) channel.exit(signal, false, '');
    else if (signal !== null) channel.exit(128 + constants.signals[signal]);
    else channel.exit(code ?? 255);
    channel.end();
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
