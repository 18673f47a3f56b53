import type { Outcome } from '../../../src/sandbox/slack/delivery/outcome.ts';
import type { Traffic } from '../../../src/sandbox/slack/traffic.ts';
import type { HostEvent } from '../../rigs/simulated/hosts.ts';

/** A command as it was typed, and what Slack said to who typed it. */
export interface Asked {
  readonly tag: string;
  readonly channel: string;
  readonly hosts: number;
  /** None of its commands can end sooner. */
  readonly leastMs: number;
  readonly outcome: Promise<Outcome>;
}

export interface Wish {
  readonly hosts: number;
  /** How long each of its commands takes: `0.02-0.2`. */
  readonly seconds?: string;
  readonly options?: string;
  readonly fillBytes?: number;
  readonly channel?: string;
}

/** What can be seen from outside while it happens. */
export type Fact =
  | { readonly from: 'slack'; readonly part: Traffic }
  | { readonly from: 'hosts'; readonly event: HostEvent };
