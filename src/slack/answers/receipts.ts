import type { Log } from '../../ports/log.ts';
import type { Received } from '../../ports/records.ts';
import type { ReceivedRequest } from '../../run/received.ts';
import { within } from '../../time/within.ts';

/** Slack waits 3 s for an ack, and people for what comes after it: a store that is busy for longer is not waited for. */
const NOTE_MS = 1_000;

/** What came in is put down before it is acked: from the ack on nobody but us knows of it. */
export class Receipts {
  readonly #received: Received;
  readonly #log: Log;

  constructor(received: Received, log: Log) {
    this.#received = received;
    this.#log = log;
  }

  /** Resolves once it is put down, or after a second; what it resolves with says that it was answered. Neither rejects. */
  async note(request: ReceivedRequest): Promise<() => Promise<void>> {
    const noting = this.#received.note(request).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'a request could not be put down: after a crash nobody would be told');
      return undefined;
    });
    await within(noting, { ms: NOTE_MS, late: () => undefined });
    return async () => {
      const id = await noting;
      if (id === undefined) return;
      await this.#received.forget([id]).catch((error: unknown) => {
        this.#log.warn({ err: error }, 'an answered request stays put down: the next start tells of it');
      });
    };
  }
}
