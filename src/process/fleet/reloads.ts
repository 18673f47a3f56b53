import type { Log } from '../../ports/log.ts';
import type { AuditedEvent } from '../../run/audit-entry.ts';
import { delay } from '../../time/delay.ts';
import { boundChanges, describeChanges, type FleetChanges } from './changes.ts';

/** A record that fails is tried again after this: what is in force has to be found in it. */
const RETRY_MS = 5_000;
const MAX_PROBLEMS = 100;

export interface ReloadSettings {
  readonly record: (event: AuditedEvent) => Promise<void>;
  readonly log: Log;
}

/** Writes down what a reload came to, one after the other, each until it stands in the audit. */
export class ReloadRecord {
  readonly #settings: ReloadSettings;
  readonly #stop = new AbortController();
  #last: Promise<void> = Promise.resolve();

  constructor(settings: ReloadSettings) {
    this.#settings = settings;
  }

  changed(changes: FleetChanges): void {
    const reason = describeChanges(changes) || 'read again; nothing changed';
    this.#settings.log.info({ changes: reason }, 'inventory and allowlist were read again');
    this.#add({ action: 'reloaded', detail: { reason, changes: boundChanges(changes) } });
  }

  failed(problems: readonly string[]): void {
    const { log } = this.#settings;
    for (const problem of problems) log.error({}, `not taken over: ${problem}`);
    const said = problems.slice(0, MAX_PROBLEMS);
    const reason = `the last good version stays in force; ${said.join('; ')}`;
    this.#add({ action: 'reload-failed', detail: { reason, problems: said } });
  }

  /** What could not be written by now is in the log. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#last;
  }

  #add(event: AuditedEvent): void {
    this.#last = this.#last.then(() => this.#write(event));
  }

  async #write(event: AuditedEvent): Promise<void> {
    for (;;) {
      try {
        return await this.#settings.record(event);
      } catch (error) {
        this.#settings.log.error(
          { err: error, action: event.action },
          'a reload could not be written to the audit',
        );
      }
      if (this.#stop.signal.aborted) return;
      await delay(RETRY_MS, this.#stop.signal);
    }
  }
}
