import { REFUSAL_CODES } from '../errors.ts';
import { OUTCOME_KINDS } from '../run/outcome.ts';
import { WORK_ACTIONS } from '../run/plan.ts';

/**
 * Calls that are told apart; all others are `other`. A method is a word of ours, but a table that nobody extends is
 * what keeps the number of series fixed.
 */
const SLACK_METHODS = [
  'apps.connections.open',
  'auth.test',
  'chat.postEphemeral',
  'chat.postMessage',
  'chat.update',
  'conversations.history',
  'conversations.info',
  'conversations.replies',
  'files.completeUploadExternal',
  'files.getUploadURLExternal',
  'files.info',
  'files.list',
  'usergroups.users.list',
  'users.info',
  'views.open',
  'views.publish',
  'views.update',
  'other',
] as const;

export type SlackMethod = (typeof SLACK_METHODS)[number];

/** Where there is nothing to tell them apart by. */
const ALL = ['all'] as const;

/**
 * What is counted, and by which words. None of them comes from outside: no host, person, channel or file, so that
 * the number of series is fixed however large the fleet is.
 */
export const COUNTED = {
  /**
   * Runs that have ended. `ok`: on every host. `some-skipped`: on every host that it was not skipped on (taken out, say).
   * `not-begun`: its root message could not stand, so nothing of it ran.
   */
  runs: ['ok', 'some-skipped', 'not-ok', 'cancelled', 'not-begun'],
  /** Jobs that have their outcome. */
  jobs: OUTCOME_KINDS,
  /** A person was told no. */
  refusals: REFUSAL_CODES,
  /** Slack asked to be left alone for a while. */
  rateLimits: SLACK_METHODS,
  /** A Socket Mode connection was opened in another one's place. */
  reconnects: ALL,
  /** A request over HTTP was not signed by Slack, or not just now. */
  signatureErrors: ALL,
  /** What was to be recorded was not. */
  auditFailures: ALL,
  /** The database did not do what it was asked. */
  storeFailures: ALL,
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What is timed, and by which words. */
export const TIMED = {
  /** Of a job, since it might have begun: its run was released, or let go. */
  waits: ALL,
  /** A session with a host, from its address to being logged in. */
  logins: ['ok', 'failed'],
  /** A command or copy on a host that let us in, from its channel to its ending, whatever that is. */
  work: WORK_ACTIONS,
  /** A call of Slack, until its answer or our patience ends. */
  calls: SLACK_METHODS,
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Counted = keyof typeof COUNTED;
export type CountedBy<What extends Counted> = (typeof COUNTED)[What][number];
export type Timed = keyof typeof TIMED;
export type TimedBy<What extends Timed> = (typeof TIMED)[What][number];

/** What the parts of the bot tell of their work, for whoever watches it. Neither rejects nor waits. */
export interface Meters {
  count<What extends Counted>(what: What, which: CountedBy<What>, times?: number): void;
  took<What extends Timed>(what: What, which: TimedBy<What>, ms: number): void;
}

/** Nobody watches. */
export const UNMETERED: Meters = { count() {}, took() {} };

export function slackMethod(name: string): SlackMethod {
  return SLACK_METHODS.find((known) => known === name) ?? 'other';
}
