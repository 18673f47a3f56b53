import { type Digest, openCapture } from '../../gather/capture.ts';
import type { Mask } from '../../gather/mask.ts';
import { NO_OUTPUT } from '../../run/outcome.ts';
import type { Meeting, Ping } from '../../run/ping/ping.ts';
import { describePing } from '../../run/ping/words.ts';
import type { Ending } from '../command/ending.ts';
import { runCommand } from '../command/run-command.ts';
import type { Connection } from '../connection/connection.ts';
import type { Deadlines } from '../settings.ts';
import type { CopyLimits } from '../sftp/limits.ts';
import { openSession } from '../sftp/open-session.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import { PROBE, type Probed, readProbe } from './probe.ts';

export interface PingRun {
  readonly connection: Connection;
  readonly meeting: Meeting;
  readonly deadlines: Deadlines;
  readonly limits: CopyLimits;
  readonly timeLimitMs: number;
  readonly mask: Mask;
  readonly openDigest: () => Digest;
  readonly signal: AbortSignal;
  /** `Execution.mayBegin`. */
  readonly mayBegin?: () => boolean;
}

/** Neither is asked of the account. */
const UNASKED: Probed = { shell: '', sudo: 'unknown' };

/** Asks a host that has just let us in what it offers. It changes nothing there. */
export async function pingHost(run: PingRun): Promise<Ending & { readonly ping: Ping }> {
  const { meeting, mask, openDigest } = run;
  const askedAt = performance.now();
  let channelMs: number | undefined;
  const { probed, note } = await probe(run, () => {
    channelMs ??= Math.round(performance.now() - askedAt);
  });
  const files = await askSftp(run);
  channelMs ??= Math.round(performance.now() - askedAt);
  const ping: Ping = {
    ...meeting,
    server: mask.text(meeting.server),
    channelMs,
    shell: mask.text(probed.shell),
    sudo: probed.sudo,
    ...files,
  };
  const capture = openCapture(mask, openDigest);
  capture.write(new TextEncoder().encode(describePing(ping)));
  const stdout = capture.end();
  return { kind: 'ok', exitCode: null, signal: null, reason: note, stdout, stderr: NO_OUTPUT, ping };
}

/** Where no command runs, that is what the account is for: the rest is asked all the same. */
async function probe(
  { connection, deadlines, timeLimitMs, mask, openDigest, signal, mayBegin }: PingRun,
  onBegun: () => void,
): Promise<{ readonly probed: Probed; readonly note: string }> {
  if (connection.host.shell === 'raw') return { probed: UNASKED, note: '' };
  try {
    const ending = await runCommand({
      connection,
      command: PROBE,
      timeLimitMs: Math.min(timeLimitMs, deadlines.handshakeMs),
      signal,
      ...(mayBegin && { mayBegin }),
      deadlines,
      mask,
      openDigest,
      onBegun,
    });
    if (ending.kind === 'ok' || ending.kind === 'failed') {
      return { probed: readProbe(ending.stdout.head), note: '' };
    }
    if (signal.aborted) throw stopTrouble(signal, 'while it was looked at');
    if (!connection.isOpen) throw new Trouble('unreachable', ending.reason);
    return { probed: UNASKED, note: `the account runs no command of ours: ${ending.reason || ending.kind}` };
  } catch (error) {
    if (!(error instanceof Trouble) || signal.aborted || !connection.isOpen) throw error;
    return { probed: UNASKED, note: `the account runs no command of ours: ${error.message}` };
  }
}

async function askSftp(run: PingRun): Promise<Pick<Ping, 'sftp' | 'freeHome' | 'freeTmp'>> {
  const { connection, deadlines, limits, timeLimitMs, signal } = run;
  try {
    const settings = { connection, silenceMs: Math.min(timeLimitMs, deadlines.channelMs), limits, signal };
    const session = await openSession(settings, deadlines.channelMs);
    try {
      const home = await session.attempt(session.freeBytes('.'));
      const tmp = await session.attempt(session.freeBytes('/tmp'));
      return {
        sftp: true,
        ...('value' in home && { freeHome: home.value }),
        ...('value' in tmp && { freeTmp: tmp.value }),
      };
    } finally {
      session.end();
    }
  } catch (error) {
    if (!(error instanceof Trouble) || signal.aborted || !connection.isOpen) throw error;
    // No channel, or no answer in time, says nothing about SFTP: some servers give a connection one session only.
    return error.mayBeStale ? {} : { sftp: false };
  }
}
