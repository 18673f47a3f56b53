import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import { formatDuration } from '../report/text/wording.ts';
import { type Beat, measureAway } from '../time/beat.ts';
import { Deadline } from '../time/deadline.ts';

/** Looked at this often, and at least four times within the limit. */
const LONGEST_BEAT_MS = 15_000;

export interface PresenceSettings {
  readonly store: Pick<Store, 'holdRuns' | 'lastBeat' | 'beat'>;
  /** Now, by both clocks. */
  readonly read: () => Beat;
  /** Null where the bot can record, show and start; else what is wrong, in a sentence. */
  readonly trouble: () => Promise<string | null>;
  /** Away for longer than this, nothing that waits starts by itself. */
  readonly resumeWithinMs: number;
  readonly log: Log;
}

/**
 * How long nobody was there: the process down, standing still (a suspended machine), or blind (Slack gone, the
 * store not to be written). What was asked for before that may not be wanted any more, so beyond the limit it is
 * held for a person to let go. A beat in the store says when all was last well, so this holds over a restart.
 */
export class Presence {
  readonly #settings: PresenceSettings;
  readonly #beatMs: number;
  /** When all was last well, and when we last looked. */
  #wellAt: Beat;
  #lookedAt: Beat;
  /** Held already for the absence that goes on. */
  #isHeld = false;
  #isClosed = false;
  #looking: Promise<void> | undefined;
  readonly #next = new Deadline({ keepsProcess: false });

  private constructor(settings: PresenceSettings) {
    this.#settings = settings;
    this.#beatMs = Math.min(LONGEST_BEAT_MS, settings.resumeWithinMs / 4);
    this.#wellAt = settings.read();
    this.#lookedAt = this.#wellAt;
  }

  /** Before anything starts: how long was the bot away? */
  static async open(settings: PresenceSettings): Promise<Presence> {
    const presence = new Presence(settings);
    const { store, read, resumeWithinMs } = settings;
    const last = await store.lastBeat();
    const awayMs = last === undefined ? undefined : measureAway(last, read());
    if (awayMs === undefined || awayMs > resumeWithinMs) await presence.#hold('the bot was away', awayMs);
    await store.beat(read());
    presence.#plan();
    return presence;
  }

  /** Before jobs start: where we stood still, that is seen to first. Cheap. */
  async check(): Promise<void> {
    const unseenMs = measureAway(this.#lookedAt, this.#settings.read());
    if (unseenMs === undefined || unseenMs > 2 * this.#beatMs) await this.#look();
  }

  /** Says that all was well until now, where it was; asks nobody again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#next.clear();
    const { store, read, log } = this.#settings;
    if (this.#wellAt !== this.#lookedAt) return;
    await store.beat(read()).catch((error: unknown) => log.warn({ err: error }, 'the beat was not stored'));
  }

  #plan(): void {
    if (this.#isClosed) return;
    this.#next.set(this.#beatMs, () => void this.#look());
  }

  /** One at a time; never rejects but where what waits had to be held and could not be. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
      this.#plan();
    });
    // The timer's call has nobody who listens.
    this.#looking.catch((error: unknown) => {
      this.#settings.log.error({ err: error }, 'what waits could not be held');
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { store, read, trouble, resumeWithinMs, log } = this.#settings;
    const now = read();
    const unseenMs = measureAway(this.#lookedAt, now);
    const awayMs = measureAway(this.#wellAt, now);
    const stoodStill = unseenMs === undefined || unseenMs > resumeWithinMs;
    const wrong = await trouble().catch(() => 'the bot does not answer itself');
    if (this.#isClosed) return;
    if (!this.#isHeld && (awayMs === undefined || awayMs > resumeWithinMs) && !(await this.#wasThere())) {
      await this.#hold(
        stoodStill || wrong === null ? 'the bot stood still' : `the bot was cut off (${wrong})`,
        awayMs,
      );
      this.#isHeld = true;
    }
    this.#lookedAt = now;
    if (wrong !== null) return;
    this.#wellAt = now;
    this.#isHeld = false;
    await store.beat(now).catch((error: unknown) => log.warn({ err: error }, 'the beat was not stored'));
  }

  /** Of several processes that share the store another one was. */
  async #wasThere(): Promise<boolean> {
    const { store, read, resumeWithinMs } = this.#settings;
    const last = await store.lastBeat().catch(() => undefined);
    if (last === undefined) return false;
    const now = read();
    const ms = measureAway(last, now);
    // The clock of another machine may be a little ahead of ours.
    return ms === undefined
      ? last.boot !== now.boot && last.at - now.at < resumeWithinMs
      : ms <= resumeWithinMs;
  }

  async #hold(why: string, awayMs: number | undefined): Promise<void> {
    const howLong =
      awayMs === undefined ? ', and the clocks do not tell how long' : ` for ${formatAway(awayMs)}`;
    const jobs = await this.#settings.store.holdRuns(`${why}${howLong}`);
    if (jobs > 0)
      this.#settings.log.warn({ jobs, awayMs }, `${why}: what waited is held for a person to let go`);
  }
}

/** Seconds tell nothing where it is minutes. */
function formatAway(ms: number): string {
  return formatDuration(ms < 120_000 ? ms : Math.round(ms / 60_000) * 60_000);
}
