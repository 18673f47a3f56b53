import type { Log } from '../ports/log.ts';
import type { Outbox } from '../ports/outbox.ts';
import { delay } from '../time/delay.ts';

/**
 * How long the shutdown may take, step by step and in this order; README tells the sum to whoever sets a
 * supervisor's stop timeout, and a test adds it up. The steps of other rooms are theirs: `DRAIN_MS` of the connection to Slack,
 * twice `GOODBYE_MS` of its sockets, twice `ABORT_LIMIT_MS` of the dispatcher, `POST_TIMEOUT_MS` of a call that is
 * under way.
 */

/** What runs at SIGTERM may take this long to end by itself. */
export const GRACE_MS = 10_000;
/** And what is due in Slack after that may take this long to get there. */
export const FLUSH_MS = 5_000;
/** Whatever still holds the process after its end has this long to let go. */
export const LINGER_MS = 5_000;

export interface Shutdown {
  /** Begins the shutdown. */
  readonly end: () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  readonly log: Log;
}

/** Who may ask us to go: SIGTERM and SIGINT, which at their second time are obeyed at once, and who started us. */
export function heedSignals({ end, exit, log }: Shutdown): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping; once more to stop at once');
      process.once(signal, () => exit(130));
      end();
    });
  }
  // Whoever started us over a channel (the sandbox) owns us: without it nobody would ever stop us.
  process.once('disconnect', end);
  process.channel?.unref();
}

/** Lets the poster bring the last results to Slack; what does not make it goes at the next start. */
export async function flush(outbox: Pick<Outbox, 'nextDueAt'>, steady: () => number): Promise<void> {
  const until = steady() + FLUSH_MS;
  for (;;) {
    const dueAt = await outbox.nextDueAt();
    if (dueAt === undefined || dueAt > until || steady() > until) return;
    await delay(100);
  }
}
