import type { Outcome } from '../../run/outcome.ts';
import { formatSeconds } from '../settings.ts';
import type { StopKind } from '../trouble.ts';
import type { StopResult } from './stop/stop-command.ts';

/** All of an outcome but the time it took. */
export type Ending = Omit<Outcome, 'durationMs'>;
/** How it ended, without what it said. */
export type Verdict = Pick<Ending, 'kind' | 'exitCode' | 'signal' | 'reason'>;

/** What the host says of the command's end: a code, or a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export type StopCause = 'timed-out' | 'silent' | StopKind;

/** As the library hands it on. The name is the host's own text: no longer than a name, and only its letters. */
export function readExit(code: unknown, signal: unknown): Exit {
  if (typeof code === 'number') return { code, signal: null };
  const name = typeof signal === 'string' ? signal.slice(0, 64).replace(/^SIG/, '') : '';
  return { code: null, signal: /^[A-Za-z0-9+-]{1,32}$/.test(name) ? name : null };
}

/** `hasBegun`: our mark was there. A raw host has none, and its word is taken. */
export function judgeExit(exit: Exit, hasBegun: boolean, note: string): Verdict {
  if (!hasBegun) return bare('not-run', notRun(exit));
  if (exit.code === null) return { kind: 'killed', exitCode: null, signal: exit.signal, reason: note };
  return { kind: exit.code === 0 ? 'ok' : 'failed', exitCode: exit.code, signal: null, reason: note };
}

export function judgeStop(
  cause: StopCause,
  result: StopResult | undefined,
  hasBegun: boolean,
  { timeLimitMs, idleMs = 0 }: { readonly timeLimitMs: number; readonly idleMs?: number },
): Verdict {
  const why = {
    'timed-out': `still running after ${formatSeconds(timeLimitMs)}`,
    silent: `it said nothing for ${formatSeconds(idleMs)}`,
    cancelled: 'cancelled while it ran',
    interrupted: 'the bot stopped while it ran',
    'cut-off': 'its process was cut off from the database while it ran',
  }[cause];
  const begun = hasBegun ? '' : ', without a sign that the command itself had begun';
  return bare(ENDS_AS[cause], `${why}${begun}; ${STOPPED[result ?? 'unasked']}`);
}

const ENDS_AS: Readonly<Record<StopCause, Verdict['kind']>> = {
  'timed-out': 'timed-out',
  silent: 'timed-out',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
  'cut-off': 'interrupted',
};

export const NO_SCRIPT: Verdict = bare(
  'not-run',
  'the script did not come to lie on the host whole (in $TMPDIR or /tmp), or what reads it is not there; it did not begin',
);

export function lost(reason: string): Verdict {
  return bare('lost', reason);
}

function bare(kind: Verdict['kind'], reason: string): Verdict {
  return { kind, exitCode: null, signal: null, reason };
}

function notRun({ code, signal }: Exit): string {
  const how =
    code !== null ? `exit ${code}` : signal !== null ? `ended by SIG${signal}` : 'ended by a signal';
  return (
    `no sign that the command began: the host answered with something else (${how}), as a login shell, ` +
    'forced command or policy of its own does; with `shell = raw` in the inventory its exit code is taken'
  );
}

/** No wider than what was looked at. */
const STOPPED: Readonly<Record<StopResult | 'unasked', string>> = {
  gone: 'stopped: by session, parent and environment none of its processes is found on the host any more',
  'out-of-sight':
    'stopped: none of its processes is left that the account can see; others of it may still run on the host',
  'group-gone': 'stopped: its process group is gone; others of it may still run on the host',
  left: 'not all of its processes could be stopped: it may still be running on the host',
  'ended-by-signal':
    'it ended after its channel was sent a signal; what it started was not looked for and may still run on the host',
  'never-begun': 'sudo ended before it started it',
  unknown: 'it could not be made sure that it stopped: it may still be running on the host',
  unasked: 'it may still be running on the host',
};
