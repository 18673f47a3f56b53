import { OUTCOME_KINDS, type Outcome, type OutcomeKind } from './outcome.ts';
import type { Plan, Requester } from './plan.ts';

/**
 * The states of a run:
 *
 * - `opening`: stored and audited; its root message is not yet known to stand, so nothing may start.
 * - `open`: the root message stands; jobs may start.
 * - `finished`: every job has its outcome. Nothing leaves this state.
 *
 * A run whose root message cannot be posted goes from `opening` to `finished` with every job skipped.
 */
export type RunState = 'opening' | 'open' | 'finished';

/**
 * The states of a job: `queued` → `running` → `settled`, or `queued` → `settled` where it never starts.
 * There is no way back: `queued` → `running` happens once in a job's life, whatever crashes.
 */
export type JobState = 'queued' | 'running' | 'settled';

/**
 * The phases of a rollout:
 *
 * - `running`: the hosts of a batch, and of those before it, may start.
 * - `paused`: the canary has ended; a person says whether it goes on.
 * - `waiting`: a batch has ended; the next one begins in its time.
 * - `stopped`: more hosts failed than may, or nobody said in time whether it goes on; nothing more starts.
 */
export type RolloutPhase = 'running' | 'paused' | 'waiting' | 'stopped';

/** How far the rollout of a run is. */
export interface RolloutStand {
  readonly phase: RolloutPhase;
  /** Which one runs, or ran last; the first is 1. */
  readonly batch: number;
  /** Hosts that were begun on and did not end ok. */
  readonly failures: number;
  /** Hosts that wait for a batch after it. */
  readonly later: number;
  /** While it waits: when the next one begins. Epoch ms. */
  readonly nextAt?: number;
  /** While it is paused, or stopped for that: until when an answer is waited for. Epoch ms. */
  readonly answerBy?: number;
}

export interface Run {
  /** Short and sayable: `r-7k3f`. */
  readonly id: string;
  readonly plan: Plan;
  /** Hex SHA-256 over the canonical plan. */
  readonly planHash: string;
  readonly state: RunState;
  /** The root message's `ts`, once it stands. */
  readonly rootTs?: string;
  readonly createdAt: number;
  readonly finishedAt?: number;
  readonly cancelledBy?: Requester;
  /** Why what waits does not start by itself (the bot was away for long): a person lets it go. */
  readonly held?: string;
  /** Slack's word for why nobody can read its thread at present: nothing of it starts meanwhile. */
  readonly unread?: string;
  /** Its root message was deleted and posted anew. */
  readonly isReposted?: true;
  readonly progress: Progress;
  /** Set where not all of its hosts may start at once. */
  readonly rollout?: RolloutStand;
  /** Until when what its hosts said was kept; it is not stored any more. Epoch ms. */
  readonly outputGoneAt?: number;
  /** Its stored plan is not the one that was approved: nothing of it may run. */
  readonly isTampered?: true;
}

/** A run of which nothing is stored any more but that there was one. */
export interface GoneRun {
  readonly id: string;
  readonly requester: Requester;
  readonly channelId: string;
  /** Until when it was kept. Epoch ms. */
  readonly goneAt: number;
}

/** It ended before its root message was known to stand: it has run nowhere, and whoever asked was told so. */
export function isGivenUp({
  state,
  rootTs,
  isReposted,
}: Pick<Run, 'state' | 'rootTs' | 'isReposted'>): boolean {
  return state === 'finished' && rootTs === undefined && isReposted === undefined;
}

/** One person's runs, or everybody else's. */
export type RunsOf = { readonly by: Requester } | { readonly notBy: Requester };

/** What tells whether a click is the one that began it. */
export type BegunRun = Pick<Run, 'state' | 'rootTs' | 'isReposted' | 'createdAt' | 'finishedAt'>;

/** A click on a button that begins a run each time it is clicked. */
export interface Click {
  /** The same for every delivery of this click, and of no other click on the button. */
  readonly id: number;
  /** Whether it is the one that began the button's newest run, made twice. */
  readonly isSame: (newest: BegunRun) => boolean;
}

/** How far a run is: how many jobs stand where. */
export interface Progress {
  readonly queued: number;
  readonly running: number;
  readonly settled: Readonly<Partial<Record<OutcomeKind, number>>>;
}

export interface Job {
  readonly id: string;
  readonly runId: string;
  readonly host: string;
  readonly state: JobState;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly outcome?: Outcome;
}

export interface TakenJob {
  readonly id: string;
  readonly runId: string;
  readonly host: string;
}

export interface EndedJob {
  readonly job: TakenJob;
  readonly outcome: Outcome;
}

/** A host that keeps its run: one that still runs, or one that took its time. */
export interface SlowJob {
  readonly host: string;
  /** Epoch ms: it still runs. */
  readonly startedAt?: number;
  readonly durationMs?: number;
}

/** `97 ok, 1 failed, 1 timed out of 100`: always in this order, nothing that is zero. */
export function settledInOrder(progress: Progress): readonly (readonly [OutcomeKind, number])[] {
  return OUTCOME_KINDS.flatMap((kind) => {
    const count = progress.settled[kind] ?? 0;
    return count > 0 ? [[kind, count] as const] : [];
  });
}

export function totalJobs(progress: Progress): number {
  return settledInOrder(progress).reduce((sum, [, n]) => sum + n, progress.queued + progress.running);
}

/** Crockford's base 32, lower case, without what is misread over the phone (i l o u). */
const ID_LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

/** A run id over random bytes. Four letters are a million names; the store asks again where one is taken. */
export function formatRunId(random: Uint8Array): string {
  return `r-${Array.from(random, (byte) => ID_LETTERS.charAt(byte % 32)).join('')}`;
}
