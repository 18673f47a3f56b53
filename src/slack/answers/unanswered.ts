import type { Log } from '../../ports/log.ts';
import type { Received } from '../../ports/records.ts';
import { formatUnanswered } from '../../report/unanswered.ts';
import type { Unanswered } from '../../run/received.ts';
import { backoff } from '../../time/backoff.ts';
import { delay } from '../../time/delay.ts';
import type { Workspace } from '../workspace.ts';
import type { Answers } from './answer.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** Where Slack says no in a word that may pass, so often. */
const MAX_TRIES = 10;

export interface Telling {
  readonly received: Pick<Received, 'forget'>;
  readonly answers: Answers;
  readonly workspace: Pick<Workspace, 'masked'>;
  readonly log: Log;
  /** The shutdown: what is not told yet is left to the next start. */
  readonly signal: AbortSignal;
}

/** Tells each person, where they asked, what the last process did not answer. Never rejects. */
export async function tellUnanswered(telling: Telling, left: readonly Unanswered[]): Promise<void> {
  const groups = Map.groupBy(left, ({ requester, channelId }) =>
    JSON.stringify([requester.teamId, requester.userId, channelId]),
  );
  // One place that Slack does not let us into keeps nobody else waiting.
  await Promise.all([...groups.values()].map((group) => tellOne(telling, group)));
}

async function tellOne(
  { received, answers, workspace, log, signal }: Telling,
  group: readonly Unanswered[],
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const { channelId, requester } = first;
  const asker = { respond: undefined, channelId, userId: requester.userId };
  const message = workspace.masked(formatUnanswered(group));
  for (let tries = 1; ; tries++) {
    const failure = await answers.give(asker, message);
    if (failure === undefined) break;
    if (!MAY_PASS.has(failure.kind) || tries >= MAX_TRIES) {
      log.error(
        { error: failure.code, user: requester.userId, channel: channelId, requests: group.length },
        'the last process was stopped before it had answered, and the person cannot be told',
      );
      break;
    }
    const waitMs = backoff(tries - 1, FIRST_RETRY_MS, LAST_RETRY_MS);
    await delay(failure.retryAfterMs ?? waitMs, signal);
    if (signal.aborted) return;
  }
  await received.forget(group.map(({ id }) => id)).catch((error: unknown) => {
    log.warn({ err: error }, 'what was told of the last process is told again at the next start');
  });
}

/** It may be there already, where the answer was lost; said twice is better than never. */
const MAY_PASS: ReadonlySet<string> = new Set(['later', 'unknown', 'credentials', 'odd']);
