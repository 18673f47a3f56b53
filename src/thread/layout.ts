/**
 * Which messages a run owes its thread, and by when. From the plan and what is settled, to rows; nothing here
 * knows how they are stored or sent.
 */

import { isSpooled, keptChars, type Outcome } from '../run/outcome.ts';
import { type Action, type Plan, usesBoard } from '../run/plan.ts';
import { formatKey, type LogForm, type RowSubject, type Sends } from './row.ts';

/** A row that is there already is behind again; one of a file that could not be sent gets another chance. */
export interface OwedRow {
  readonly key: string;
  readonly sends: Sends;
  /** Orders what falls due at once; in the audit channel, all that is due. */
  readonly position: number;
  /** Rows of one value may go out in one message, and do where each would have to wait for Slack's pace. */
  readonly joins: string | null;
  /** Epoch ms: when a new message goes out. Nothing does before the run's root message stands. */
  readonly dueAt: number;
  /** Epoch ms: by when one that stands is to be right again. */
  readonly editBy: number;
}

/** A run, as far as its thread depends on it. */
export interface ThreadOf {
  readonly runId: string;
  readonly plan: Plan;
}

export interface SettledJob {
  readonly host: string;
  /** In the plan. */
  readonly position: number;
  readonly outcome: Outcome;
}

/** A count in the root message may be this old: what falls together is one edit. */
const PROGRESS_DELAY_MS = 1_000;
/**
 * A run's results in messages: what does not fit into these is in the files. Below the root message a channel takes
 * three or so at once and then one a second: with more, the last would not be there within three seconds.
 */
export const MAX_PAGES = 4;
/** While the run goes on a board changes at most this often: it is longer to read than a count, and to make. */
export const LIVE_BOARD_MS = 5_000;
/** No row is owed for a moment further ahead: one that is was planned by a clock that has been set back since. */
export const FURTHEST_DUE_MS = 2 * LIVE_BOARD_MS;
/** A board is shown first when a little has come together. */
const FIRST_BOARD_MS = 1_000;
/** Of so many hosts of a run, the first in its order, what is on disk is put into the thread as well. */
export const MAX_SPOOLED_FILES = 10;
const LOG_FORMS: readonly LogForm[] = ['text', 'json'];
/** A position in a plan is well below it. */
const BEHIND_ALL_HOSTS = 1_000_000;
/** Behind the hosts' rows and the pages. */
const LOG_POSITION = MAX_PAGES + 1;
/**
 * Output longer than this may not fit into its reply; whether it does not is seen as the row of its file is
 * rendered. Well below a message's limit, because escapes make a text longer.
 */
const LONG_OUTPUT_CHARS = 1_500;

/** Something of the run has changed: the root message's counts are behind. */
export function oweProgress(runId: string, at: number): readonly OwedRow[] {
  return [rootRow(runId, at + PROGRESS_DELAY_MS)];
}

/** The root message is to say it at once: the run was begun, cancelled, or has ended. */
export function oweRoot(runId: string, at: number): readonly OwedRow[] {
  return [rootRow(runId, at)];
}

/** The canary has ended, or somebody has said what is to become of the rest: told behind what its hosts said. */
export function oweCanary(runId: string, at: number): readonly OwedRow[] {
  const asks = row({ kind: 'canary', runId }, 'message', BEHIND_ALL_HOSTS, at);
  return [...oweRoot(runId, at), { ...asks, dueAt: at + FIRST_BOARD_MS }];
}

/** Results came in. A host's reply, which other hosts' may join, and its file behind it; or, folded, the first page of the board. */
export function oweResults(
  { runId, plan }: ThreadOf,
  settled: readonly SettledJob[],
  at: number,
): readonly OwedRow[] {
  if (settled.length === 0) return [];
  if (usesBoard(plan)) {
    const page = row({ kind: 'board', runId, page: 1 }, 'message', 1, at);
    return [{ ...page, dueAt: at + FIRST_BOARD_MS, editBy: at + LIVE_BOARD_MS }];
  }
  return settled.flatMap(({ host, position, outcome }) => {
    const reply = { ...row({ kind: 'reply', runId, host }, 'message', position, at), joins: runId };
    if (isSpooled(outcome)) return [reply, row({ kind: 'spooled', runId, host }, 'bulk', position, at)];
    return hasFile(outcome, plan.work.action)
      ? [reply, row({ kind: 'file', runId, host }, 'file', position, at)]
      : [reply];
  });
}

/** The run has ended: every message is to be what it will stay, and the files of a board can be made. */
export function oweEnd(thread: ThreadOf, spooledHosts: readonly string[], at: number): readonly OwedRow[] {
  const { runId, plan } = thread;
  const root = rootRow(runId, at);
  if (!usesBoard(plan)) return [root];
  const pages = Array.from({ length: MAX_PAGES }, (_, i) =>
    row({ kind: 'board', runId, page: i + 1 }, 'message', i + 1, at),
  );
  return [root, ...pages, ...oweLog(runId, spooledHosts, at)];
}

/** The files on a whole run, and those with what its first hosts left on disk. */
export function oweLog(runId: string, spooledHosts: readonly string[], at: number): readonly OwedRow[] {
  const subjects: readonly RowSubject[] = [
    ...LOG_FORMS.map((form) => ({ kind: 'log', runId, form }) as const),
    ...spooledHosts.slice(0, MAX_SPOOLED_FILES).map((host) => ({ kind: 'spooled', runId, host }) as const),
  ];
  return subjects.map((subject, i) => row(subject, 'bulk', LOG_POSITION + i, at));
}

/** A decision's line in the audit channel. */
export function oweAuditLine(seq: number, at: number): OwedRow {
  return row({ kind: 'audit', seq }, 'message', 0, at);
}

function rootRow(runId: string, at: number): OwedRow {
  return row({ kind: 'root', runId }, 'message', -1, at);
}

function row(subject: RowSubject, sends: Sends, position: number, at: number): OwedRow {
  return { key: formatKey(subject), sends, position, joins: null, dueAt: at, editBy: at };
}

function hasFile(outcome: Outcome, action: Action): boolean {
  switch (action) {
    case 'get':
      return outcome.kind === 'ok' && outcome.file !== undefined;
    case 'run':
      return keptChars(outcome) > LONG_OUTPUT_CHARS;
    case 'put':
      return false;
    default:
      return action satisfies never;
  }
}
