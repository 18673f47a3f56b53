import type { OutboxRow } from '../../thread/row.ts';
import { classify, type Failure } from './failure.ts';
import type { Clock } from './pace.ts';
import type { PosterOptions } from './poster.ts';
import { RenderFault } from './render.ts';

/** A claimed row that waits for its turn, or is being sent. */
export interface Held {
  readonly row: OutboxRow;
  readonly channel: string;
  /** By the poster's `clock`. */
  readonly claimedAt: number;
}

export interface PosterContext extends PosterOptions {
  /** Epoch ms, for what the outbox keeps. What is waited for here goes by `clock`. */
  readonly now: () => number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** There is room for more rows. */
  readonly onRoom: () => void;
  /** Slack does not know us: everything pauses for the returned time in ms. */
  readonly onCredentials: (code: string) => number;
}

/** A row is given back rather than held longer than this, so that its lease outlasts the call that sends it. */
const HOLD_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** A no in a word we do not know is asked again so often, then believed. */
const ODD_TRIES = 6;

export function fate(startsAt: number, claimedAt: number): 'send' | 'give back' {
  return startsAt > claimedAt + HOLD_MS ? 'give back' : 'send';
}

/** Rows that are being sent side by side, as many as `limit`. */
export class UnderWay {
  readonly #context: PosterContext;
  readonly #limit: number;
  readonly #working = new Set<Promise<void>>();

  constructor(context: PosterContext, limit: number) {
    this.#context = context;
    this.#limit = limit;
  }

  room(): number {
    return Math.max(0, this.#limit - this.#working.size);
  }

  add(held: Held, send: () => Promise<void>): void {
    const work = settleRow(this.#context, held, send).finally(() => {
      this.#working.delete(work);
      this.#context.onRoom();
    });
    this.#working.add(work);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#working);
  }
}

/** Runs `send`; what it throws decides what becomes of the row. Never rejects. */
export async function settleRow(
  context: PosterContext,
  held: Held,
  send: () => Promise<void>,
): Promise<void> {
  const { row } = held;
  try {
    await send();
  } catch (error) {
    try {
      if (error instanceof RenderFault) await afterFault(context, row, error);
      else await afterFailure(context, row, classify(error), error);
    } catch (storeError) {
      // The lease lapses, and the row comes back by itself.
      context.log.error({ err: storeError, key: row.key }, 'the outbox cannot be written');
    }
  }
}

function backoff(before: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(before, 10));
}

function afterFault({ outbox, log, now }: PosterContext, row: OutboxRow, fault: RenderFault): Promise<void> {
  const { key, faults } = row;
  log.error({ err: fault.cause, id: key, faults: faults + 1 }, fault.message);
  return outbox.faulted(row, now() + backoff(faults), fault.message);
}

async function afterFailure(
  { outbox, log, now, onCredentials }: PosterContext,
  row: OutboxRow,
  failure: Failure,
  error: unknown,
): Promise<void> {
  const { key, tries } = row;
  const { code } = failure;
  const backoffMs = backoff(tries);
  switch (failure.kind) {
    case 'credentials':
      return outbox.failed(row, now() + onCredentials(code), code);
    case 'later':
      log.debug({ key, error: code }, 'Slack takes it later');
      return outbox.failed(row, now() + (failure.retryAfterMs ?? backoffMs), code);
    case 'unknown':
      log.warn({ key, error: code, ...(code === 'Error' ? { err: error } : {}) }, 'no answer to a message');
      return outbox.failed(row, now() + backoffMs, code);
    case 'odd':
      if (tries < ODD_TRIES) {
        log.warn({ key, error: code }, 'Slack refuses a message for a reason unknown to us');
        return outbox.failed(row, now() + backoffMs, code);
      }
      break;
    case 'content':
    case 'place':
      break;
    default:
      return failure.kind satisfies never;
  }
  log.error({ key, error: code }, 'a message cannot be posted; its result is kept in the store');
  return outbox.giveUp(row, code);
}
