import { NotKnownNow } from '../../../errors.ts';
import type { OutboxRow } from '../../../thread/row.ts';
import { backoff } from '../../../time/backoff.ts';
import { classify, type Failure } from '../failure.ts';
import type { PosterContext } from './context.ts';
import { RenderFault } from './render-row.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** What a channel or the app lacks for a file somebody may mend: tried again for a day. */
const SLOW_RETRY_MS = 5 * 60_000;
const SLOW_TRIES = 288;
/** Slack's words where the message, or the root message of its thread, was deleted. */
const DELETED = ['message_not_found', 'thread_not_found'];
/** Slack may be at it still where its answer was lost: asked for sooner, the file would not be known. */
const FILE_SETTLES_MS = 8_000;
/** A no that may be of this moment only, or that we may have misread, is asked again so often, then believed. */
const ODD_TRIES = 6;

/** Runs `send`; what it throws decides what becomes of each of the rows. Never rejects. */
export async function settleRows(
  context: PosterContext,
  rows: readonly OutboxRow[],
  send: () => Promise<void>,
): Promise<void> {
  try {
    await send();
  } catch (error) {
    for (const row of rows) await settleFailure(context, row, error);
  }
}

async function settleFailure(context: PosterContext, row: OutboxRow, error: unknown): Promise<void> {
  try {
    if (error instanceof RenderFault) await afterFault(context, row, error);
    else if (error instanceof NotKnownNow) await giveBack(context, [row], LAST_RETRY_MS);
    else await afterFailure(context, row, classify(error), error);
  } catch (storeError) {
    // The lease lapses, and the row comes back by itself.
    context.log.error({ err: storeError, key: row.key }, 'the outbox cannot be written');
  }
}

/** Nothing was tried: due again in `inMs`. */
export async function giveBack(
  { outbox, now }: PosterContext,
  rows: readonly OutboxRow[],
  inMs = 0,
): Promise<void> {
  for (const row of rows) await outbox.defer(row, now() + inMs, 'waits for its place');
}

function afterFault({ outbox, log, now }: PosterContext, row: OutboxRow, fault: RenderFault): Promise<void> {
  const { key, faults } = row;
  log.error({ err: fault.cause, id: key, faults: faults + 1 }, fault.message);
  return outbox.faulted(row, now() + backoff(faults, FIRST_RETRY_MS, LAST_RETRY_MS), fault.message);
}

async function afterFailure(
  { outbox, log, now, onCredentials, closed }: PosterContext,
  row: OutboxRow,
  failure: Failure,
  error: unknown,
): Promise<void> {
  const { key, tries } = row;
  const { code } = failure;
  const backoffMs = backoff(tries, FIRST_RETRY_MS, LAST_RETRY_MS);
  switch (failure.kind) {
    case 'credentials':
      return outbox.failed(row, now() + onCredentials(code), code);
    case 'later':
      log.debug({ key, error: code }, 'Slack takes it later');
      return outbox.failed(row, now() + (failure.retryAfterMs ?? backoffMs), code);
    case 'unknown':
      log.warn({ key, error: code, ...(code === 'Error' ? { err: error } : {}) }, 'no answer to a message');
      return outbox.failed(
        row,
        now() + (row.sends === 'message' ? backoffMs : Math.max(FILE_SETTLES_MS, backoffMs)),
        code,
      );
    case 'odd':
    case 'ours':
      if (tries < ODD_TRIES) {
        log.warn({ key, error: code }, 'Slack refuses a message for a reason that is not in it');
        return outbox.failed(row, now() + backoffMs, code);
      }
      break;
    case 'app':
    case 'place':
      if (failure.kind === 'place' && row.sends === 'message') {
        await outbox.failed(row, now(), code);
        await closed.refused(row.channelId, code, row.ts === null ? 'post' : 'edit');
        return;
      }
      if (tries < SLOW_TRIES) {
        log.warn({ key, error: code }, 'Slack does not take this now; it is tried again for a day');
        return outbox.failed(row, now() + (tries === 0 ? LAST_RETRY_MS : SLOW_RETRY_MS), code);
      }
      log.error({ key, error: code }, 'Slack did not take this for a day; it is kept in the store');
      return outbox.giveUp(row, code, row.sends === 'message' ? 'itself' : 'place');
    case 'gone':
      if (DELETED.includes(code)) {
        log.warn({ key, error: code }, 'somebody deleted a message of ours: it is posted anew');
        return outbox.lost(row, code);
      }
      // Of a file that was just brought there: it goes once more, under another id.
      if (code === 'file_not_found' && tries < ODD_TRIES) {
        log.warn({ key, error: code }, 'Slack does not know a file that it was sent: it is sent anew');
        return outbox.failed(row, now() + backoffMs, code);
      }
      break;
    case 'content':
    case 'person':
      break;
    default:
      return failure.kind satisfies never;
  }
  log.error({ key, error: code }, 'a message cannot be posted; its result is kept in the store');
  return outbox.giveUp(row, code);
}
