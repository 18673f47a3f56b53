import type { RequestedRollout } from './rollout/parse.ts';
import type { RetryOf } from './verbs.ts';

/** What the operator means, before anything is resolved or allowed. */
export type Request = FleetRequest | BotRequest;

/** A request that wants to touch hosts. */
export interface FleetRequest {
  readonly kind: 'fleet';
  /** Host terms of `-h`, group terms of `-g`, host terms of `-x`, as typed and split at commas. */
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly exclude: readonly string[];
  readonly work: RequestedWork;
  readonly fanOut?: number;
  readonly timeLimitMs?: number;
  /** `-idle`: the longest silence of a command. */
  readonly idleMs?: number;
  /** `-serial`, `-canary`, `-maxfail`, `-wait`, `-order`, `-pick`: what of it was asked for. */
  readonly rollout?: RequestedRollout;
  /** `-fold`: when two results count as one. */
  readonly fold?: 'exact' | 'similar';
  /** `-diff`: results are shown by how they differ. */
  readonly diff?: true;
  /** `-follow`: the one host's reply shows what it says while it says it. */
  readonly follow?: true;
  /** `-n`: resolve, judge and show; no host is touched. */
  readonly preview: boolean;
  /** Things the operator should know about what was typed, such as a curly quote inside the command. */
  readonly notes: readonly string[];
}

export interface RequestedRun {
  readonly action: 'run';
  readonly command: string;
  readonly sudo?: string;
  readonly script?: { readonly local: string; readonly args: readonly string[] };
  readonly stdin?: { readonly local: string };
  readonly env?: readonly (readonly [name: string, value: string])[];
}

export type RequestedWork =
  | RequestedRun
  | { readonly action: 'ping' }
  | ({ readonly action: 'put' } & RequestedCopy)
  | ({ readonly action: 'get' } & RequestedCopy);

export interface RequestedCopy {
  readonly local: string;
  readonly remote: string;
  /** Left out where there are none. */
  readonly options?: CopyOptions;
}

/** Those of a copy that are there or not. */
export interface CopyOptions {
  /** `-r`: a folder, with all that is in it. */
  readonly folder?: true;
  /** `-p`: the source's mode and time. */
  readonly keep?: true;
  /** `-mkdir`: the folders on the way. */
  readonly makeFolders?: true;
  /** `-backup`: what is replaced stays beside it. */
  readonly backup?: true;
  /** `-resume`: what a broken put left on the host is gone on with. */
  readonly resume?: true;
}

/** As they are typed, in the order of the line of use. */
export const COPY_FLAGS = [
  ['r', 'folder'],
  ['p', 'keep'],
  ['mkdir', 'makeFolders'],
  ['backup', 'backup'],
  ['resume', 'resume'],
] as const satisfies readonly (readonly [string, keyof CopyOptions])[];

/** `-r -p`; empty where there are none. */
export function formatCopyOptions(options: CopyOptions = {}): string {
  return COPY_FLAGS.filter(([, key]) => options[key] === true)
    .map(([name]) => `-${name}`)
    .join(' ');
}

/** A question or an order to the bot itself. */
export type BotRequest =
  | { readonly kind: 'help' }
  | { readonly kind: 'queue' }
  | { readonly kind: 'hosts'; readonly terms: readonly string[] }
  | { readonly kind: 'runs'; readonly count: number }
  | { readonly kind: 'show'; readonly run: string; readonly host?: string }
  | { readonly kind: 'cancel'; readonly run: string }
  | { readonly kind: 'retry'; readonly run: string; readonly which: RetryOf }
  | { readonly kind: 'can'; readonly terms: readonly string[] }
  | { readonly kind: 'trust'; readonly terms: readonly string[] }
  | { readonly kind: 'facts'; readonly terms: readonly string[] };
