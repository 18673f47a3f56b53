import { NotKnownNow } from '../../../errors.ts';
import type { FileUpload, Message } from '../../../report/message.ts';
import type { OutboxRow } from '../../../thread/row.ts';
import { formatUnshown } from '../../../thread/unshown.ts';
import { within } from '../../../time/within.ts';
import type { PosterContext } from './context.ts';

/** After so many faults in a row a notice goes in the message's place. */
const MAX_FAULTS = 3;
/** Longer than the largest board takes on a machine that has much to do. */
const SLOW_MS = 10_000;

/** Claims that were counted: an edit that waits is made anew many times. */
const counted = new WeakSet<OutboxRow>();

/** A row's message could not be made, or took so long that nothing else was done meanwhile. */
export class RenderFault extends Error {
  override readonly name = 'RenderFault';
}

export interface Rendered {
  readonly content: Message | FileUpload | undefined;
  readonly what: 'message' | 'notice';
}

/**
 * What the row shows now. What a host wrote can, by a defect of ours, make that throw, take minutes or end the
 * process: that is counted in the store, so that no restart begins anew, and after three times a notice goes out.
 * Throws a `RenderFault`, or a `NotKnownNow` where it cannot be known just now what it shows.
 */
export async function renderRow(
  { render, outbox, clock, slowMs = SLOW_MS }: PosterContext,
  row: OutboxRow,
): Promise<Rendered> {
  if (row.faults >= MAX_FAULTS) return { content: formatUnshown(row.key), what: 'notice' };
  // An earlier claim of it never came to an end that was written down: it may have ended the process.
  if (row.attempts > 0 && !counted.has(row)) {
    counted.add(row);
    await outbox.making(row);
  }
  const startedAt = clock();
  try {
    const content = await within(render(row.key), {
      ms: slowMs,
      late: () => {
        throw new Error(`not done after ${slowMs} ms`);
      },
    });
    if (clock() - startedAt > slowMs)
      throw new Error(`done only after ${Math.round(clock() - startedAt)} ms`);
    return { content, what: 'message' };
  } catch (error) {
    // Somebody who has to be asked is not there just now.
    if (error instanceof NotKnownNow) throw error;
    throw new RenderFault('a message could not be made', { cause: error });
  }
}
