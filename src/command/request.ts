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
  /** `-serial`, `-canary`, `-maxfail`, `-wait`, `-order`, `-pick`: what of it was asked for. */
  readonly rollout?: RequestedRollout;
  /** `-fold`: when two results count as one. */
  readonly fold?: 'exact' | 'similar';
  /** `-diff`: results are shown by how they differ. */
  readonly diff?: true;
  /** `-n`: resolve, judge and show; no host is touched. */
  readonly preview: boolean;
  /** Things the operator should know about what was typed, such as a curly quote inside the command. */
  readonly notes: readonly string[];
}

export type RequestedWork =
  | { readonly action: 'run'; readonly command: string }
  | { readonly action: 'put'; readonly local: string; readonly remote: string }
  | { readonly action: 'get'; readonly local: string; readonly remote: string };

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
  | { readonly kind: 'trust'; readonly terms: readonly string[] };
