import { randomUUID } from 'node:crypto';
import type { Log } from '../../ports/log.ts';
import type { Received } from '../../ports/records.ts';
import type { ReceivedRequest } from '../../run/received.ts';
import { tryAgain } from '../../time/again.ts';
import { within } from '../../time/within.ts';

/** Slack waits 3 s for an ack, and people for what comes after it: a store that is busy for longer is not waited for. */
const NOTE_MS = 1_000;
const LATE_MS = 30_000;

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
    const id = randomUUID();
    const noting = this.#received.note(request, id).then(
      () => true,
      (error: unknown) => {
        this.#log.warn({ err: error }, 'a request could not be put down: after a crash nobody would be told');
        return false;
      },
    );
    await within(noting, { ms: NOTE_MS, late: () => undefined });
    return async () => {
      const isNoted = await noting;
      await this.#forget(id);
      // It may have been put down all the same, or be so yet: what is on its way to a server may come late.
      if (!isNoted) setTimeout(() => void this.#forget(id), LATE_MS).unref();
    };
  }

  /** For as long as it takes: told of it after a crash, its person would hear that nothing came of it. */
  async #forget(id: string): Promise<void> {
    const forget = (): Promise<void> => this.#received.forget([id]);
    const complain = (error: unknown): void =>
      this.#log.warn({ err: error }, 'an answered request stays put down for now: a crash would tell of it');
    await forget().catch((error: unknown) => {
      complain(error);
      tryAgain(forget, complain);
    });
  }
}
