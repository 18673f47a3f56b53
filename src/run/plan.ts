import type { CopyOptions } from '../command/request.ts';
import type { Order, Rollout } from '../command/rollout/parse.ts';

export type { CopyOptions, RequestedCopy } from '../command/request.ts';

/** Who asked, by the ids that Slack vouches for; names are never an identity. */
export interface Requester {
  /** The organisation (Enterprise Grid) of the workspace that the bot is in; the workspace where there is none. */
  readonly teamId: string;
  readonly userId: string;
}

export function isSamePerson(one: Requester, other: Requester): boolean {
  return one.userId === other.userId && one.teamId === other.teamId;
}

export const ACTIONS = ['run', 'put', 'get'] as const;

/** What rules speak of. */
export type Action = (typeof ACTIONS)[number];

/** What a run does. */
export const WORK_ACTIONS = [...ACTIONS, 'ping'] as const;
export type WorkAction = (typeof WORK_ACTIONS)[number];

/** A file of the transfer folder that goes to hosts. */
export interface SentFile {
  /** As typed, relative to the transfer folder. */
  readonly local: string;
  /** The file as it was when the plan was made: a file that has changed since is not sent. */
  readonly source: FileDigest;
  /** Set where the file came from Slack: which one it is, and who put it there. */
  readonly shared?: SharedSource;
  /** Where the file of the folder came from, as far as the bot put it there; none: an administrator did. */
  readonly origins?: readonly Origin[];
}

export interface RunWork {
  readonly action: 'run';
  /** As typed, words for each host's own values included; empty where a script is run. */
  readonly command: string;
  /** The user that it is run as, through sudo; the login itself where left out. */
  readonly sudo?: string;
  readonly script?: Script;
  /** What the command reads; nothing where left out. */
  readonly stdin?: SentFile;
  readonly env?: readonly EnvironmentVariable[];
}

export interface Script extends SentFile {
  readonly args: readonly string[];
}

export type EnvironmentVariable = readonly [name: string, value: string];

/** A look at how each host is reached and what it offers: logs in and asks, and changes nothing. */
export interface PingWork {
  readonly action: 'ping';
}

/** What is done on each target. */
export type Work =
  | RunWork
  | PingWork
  | (SentFile & { readonly action: 'put'; readonly remote: string; readonly options?: CopyOptions })
  | {
      readonly action: 'get';
      readonly local: string;
      readonly remote: string;
      readonly options?: CopyOptions;
    };

/** Where the bot took a file of the transfer folder from, and for whom. */
export type Origin =
  | { readonly kind: 'fetched'; readonly host: string; readonly path: string; readonly by: string }
  | { readonly kind: 'shared'; readonly id: string; readonly by: string };

export interface SharedSource {
  readonly id: string;
  readonly uploader: string;
}

export interface FileDigest {
  readonly bytes: number;
  /** Hex. Of a folder, over the list of all that is in it, each file with its own. */
  readonly sha256: string;
  /** Of a folder: how many files it holds. */
  readonly files?: number;
}

/** A host chosen for a run, with the address it had when the plan was judged. Holds no secret. */
export interface Target {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly user: string;
  /** `Host.way`. */
  readonly way?: readonly string[];
  /** Set where the host is known not to be run on, and why: reported, never dropped. */
  readonly skip?: string;
  /** Its own values of the words in the command that stand for such: `{host}` is `host` here. */
  readonly values?: Readonly<Record<string, string>>;
}

/**
 * A run as data: nothing has happened yet. Immutable, JSON all through, and complete: what is approved,
 * stored, executed and audited is this value and nothing beside it.
 */
export interface Plan {
  readonly work: Work;
  /** In the order of the run, which is the inventory's where no other was asked for; each host once. */
  readonly targets: readonly [Target, ...Target[]];
  /** How many of its jobs may be on the wire at once. */
  readonly fanOut: number;
  /** Set where more were wanted, and the bot may open too few files for as many. */
  readonly lowered?: Lowered;
  /** For the command, or for a copy: the longest silence. */
  readonly timeLimitMs: number;
  /** Of a command: it is ended where it says nothing for so long. */
  readonly idleMs?: number;
  readonly requester: Requester;
  readonly channelId: string;
  /** The slash command as typed, for people to read. */
  readonly typed: string;
  /** The run that this one repeats on some of its hosts. */
  readonly retryOf?: string;
  /**
   * Set where the words of the work hold a secret. What is stored of them for good is masked, and this is a salted
   * hash of what they were; they themselves are kept until the run has ended.
   */
  readonly sealed?: string;
  /** Set where not all of its hosts may start at once, or some of them only as long as the others do well. */
  readonly rollout?: Rollout;
  /** How its targets were put in order; as in the inventory where left out. */
  readonly order?: Exclude<Order, 'inventory'>;
  readonly picked?: Picked;
  /** When two results count as one; `exact` where left out. */
  readonly fold?: Fold;
  /** Each other result is shown by how it differs from the reference. */
  readonly diff?: true;
  /** Of one host: its reply is edited as it speaks. */
  readonly follow?: true;
}

/** From which fan-out, and how many files the bot may open. */
export interface Lowered {
  readonly from: number;
  readonly openFiles: number;
}

/** Its targets are the first of more that its words stand for, and how many of those were left out as disabled. */
export interface Picked {
  readonly of: number;
  readonly disabled: number;
}

/** `similar`: each host's own name and address are taken out before results are compared. */
export type Fold = 'exact' | 'similar';

/** Up to this many hosts get a reply each; of more, nobody reads them, and Slack takes one a second. */
export const MAX_REPLIES = 10;

/** Whether a run's results are shown folded, in a few messages, instead of one reply for each host. */
export function usesBoard({ targets, fold, diff }: Plan): boolean {
  return targets.length > MAX_REPLIES || fold !== undefined || diff === true;
}

/** The files that it sends to hosts. */
export function filesOf(work: Work): readonly SentFile[] {
  if (work.action === 'get' || work.action === 'ping') return [];
  if (work.action === 'put') return [work];
  return [work.script, work.stdin].filter((file) => file !== undefined);
}

/** The texts of a work in which a word can stand for each host's own value. */
export function fillable(work: Work): readonly string[] {
  if (work.action !== 'run') return [];
  return [work.command, ...(work.script?.args ?? []), ...(work.env ?? []).map(([, value]) => value)];
}

const TARGETS = new WeakMap<Plan, ReadonlyMap<string, Target>>();

/** The target of a host, by a plan's own spelling. Asked for each of thousands of hosts: made once per plan. */
export function findTarget(plan: Plan, host: string): Target | undefined {
  const known = TARGETS.get(plan);
  if (known !== undefined) return known.get(host);
  const targets = new Map(plan.targets.map((target) => [target.host, target]));
  TARGETS.set(plan, targets);
  return targets.get(host);
}

/** One text for one plan, whatever the order its keys were written in: what a plan's hash is taken over. */
export function canonicalPlan(plan: Plan): string {
  return JSON.stringify(sortKeys(plan));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
