import type { Log } from '../ports/log.ts';
import type { AnchoredAt } from '../run/audit-entry.ts';
import { Deadline } from '../time/deadline.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

export interface AnchorSettings {
  /** Shows the head of the audit's chain outside the database, and tells it. */
  readonly anchor: (when: AnchoredAt) => Promise<string>;
  readonly log: Log;
  readonly everyMs?: number;
}

/**
 * The head of the audit's chain, shown at the start, daily and at the stop: in the audit's channel and, with or
 * without one, in the log. One that cannot be shown stops nothing; the next one covers what it would have.
 */
export class Anchors {
  readonly #settings: AnchorSettings;
  readonly #next = new Deadline({ keepsProcess: false });
  #isClosed = false;

  private constructor(settings: AnchorSettings) {
    this.#settings = settings;
  }

  static async open(settings: AnchorSettings): Promise<Anchors> {
    const anchors = new Anchors(settings);
    await anchors.#show('start');
    anchors.#plan();
    return anchors;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#next.clear();
    await this.#show('stop');
  }

  #plan(): void {
    if (this.#isClosed) return;
    this.#next.set(this.#settings.everyMs ?? DAY_MS, () => void this.#show('daily').then(() => this.#plan()));
  }

  async #show(when: AnchoredAt): Promise<void> {
    const { anchor, log } = this.#settings;
    try {
      log.info({ head: await anchor(when), when }, 'the head of the audit chain');
    } catch (error) {
      log.warn({ err: error, when }, 'the head of the audit chain could not be shown');
    }
  }
}
