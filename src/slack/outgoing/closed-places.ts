import type { Log } from '../../ports/log.ts';
import type { Places } from '../../ports/outbox.ts';
import { formatUnread } from '../../thread/unread.ts';
import { Answers } from '../answers/answer.ts';
import type { Workspace } from '../workspace.ts';
import type { Clock } from './pace.ts';

const FIRST_WAIT_MS = 10_000;
const LAST_WAIT_MS = 5 * 60_000;
/** After so long what is due there is given up, until the place works again. */
const GIVEN_UP_AFTER_MS = 24 * 60 * 60_000;
/** A moment is not worth a word: people are told when the next try is refused too. */
const TOLD_AT = 2;

interface Closed {
  retryAt: number;
  waitMs: number;
  /** One row was let through to see. */
  isTrying: boolean;
  /** Where new messages are refused, an edit that goes through says nothing; null of an earlier process. */
  readonly by: 'post' | 'edit' | null;
}

interface PlacesContext {
  readonly places: Places;
  readonly workspace: Workspace;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * Channels that Slack does not let us write into: archived, the bot removed, read-only. One message at a time is
 * tried there, ever more seldom; all that is due waits until one goes through.
 */
export class ClosedPlaces {
  readonly #context: PlacesContext;
  readonly #closed = new Map<string, Closed>();
  #loading: Promise<void> | undefined;

  constructor(context: PlacesContext) {
    this.#context = context;
  }

  /** What an earlier process left closed is tried at once. */
  async load(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    await this.#loading;
  }

  channels(): readonly string[] {
    return [...this.#closed.keys()];
  }

  /** Those of which a message is to be tried now. */
  takeDue(): readonly string[] {
    const now = this.#context.clock();
    const due = [...this.#closed].filter(([, place]) => place.retryAt <= now);
    for (const [, place] of due) {
      place.retryAt = now + place.waitMs;
      place.isTrying = true;
    }
    return due.map(([channel]) => channel);
  }

  /** Until the next try. */
  waitMs(): number {
    const next = Math.min(...Array.from(this.#closed.values(), ({ retryAt }) => retryAt));
    return Math.max(0, next - this.#context.clock());
  }

  /** Slack refused a message there. Rejects where the store does. */
  async refused(channel: string, code: string, by: 'post' | 'edit'): Promise<void> {
    const { places, log, clock } = this.#context;
    const known = this.#closed.get(channel);
    // Of those that were on their way already, one tells enough.
    if (known !== undefined && !known.isTrying) return;
    const waitMs = known === undefined ? FIRST_WAIT_MS : Math.min(LAST_WAIT_MS, known.waitMs * 2);
    this.#closed.set(channel, {
      by: known === undefined ? by : known.by,
      waitMs,
      retryAt: clock() + waitMs,
      isTrying: false,
    });
    const { refusals, closedForMs, runs } = await places.close(channel, code);
    if (refusals === 1) log.error({ channel, error: code }, 'Slack does not let us write in a channel');
    if (refusals === TOLD_AT) await this.#tell(channel, code, runs);
    if (closedForMs > GIVEN_UP_AFTER_MS) await places.giveUp(channel, code);
  }

  /** Slack took something there. Rejects where the store does. */
  async worked(channel: string, how: 'post' | 'edit'): Promise<void> {
    const known = this.#closed.get(channel);
    if (known === undefined || (how === 'edit' && known.by === 'post')) return;
    const { places, log } = this.#context;
    await places.reopen(channel);
    this.#closed.delete(channel);
    log.info({ channel }, 'Slack lets us write in a channel again');
  }

  async #load(): Promise<void> {
    for (const channel of await this.#context.places.list()) {
      if (this.#closed.has(channel)) continue;
      this.#closed.set(channel, { by: null, waitMs: FIRST_WAIT_MS, retryAt: 0, isTrying: false });
    }
  }

  async #tell(
    channel: string,
    code: string,
    runs: readonly { readonly runId: string; readonly userId: string }[],
  ): Promise<void> {
    const { workspace, log } = this.#context;
    const answers = new Answers(workspace, log);
    for (const [userId, theirs] of Map.groupBy(runs, (run) => run.userId)) {
      const runIds = theirs.map(({ runId }) => runId);
      const message = workspace.masked(formatUnread(channel, code, runIds));
      const failure = await answers.give({ respond: undefined, channelId: '', userId }, message);
      if (failure === undefined) continue;
      log.warn({ user: userId, error: failure.code }, 'a person could not be told that nobody can read');
    }
  }
}
