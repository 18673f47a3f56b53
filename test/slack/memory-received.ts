import type { Received } from '../../src/ports/records.ts';
import type { ReceivedRequest, Unanswered } from '../../src/run/received.ts';

/** The port by its contract, in memory. */
export class MemoryReceived implements Received {
  readonly rows: Unanswered[] = [];
  /** How long the store takes to put one down. */
  noting: Promise<void> = Promise.resolve();

  async note(request: ReceivedRequest, id: string): Promise<void> {
    await this.noting;
    this.rows.push({ ...request, id, receivedAt: Date.now(), runId: undefined });
  }

  async forget(ids: readonly string[]): Promise<void> {
    const left = this.rows.filter(({ id }) => !ids.includes(id));
    this.rows.splice(0, this.rows.length, ...left);
  }

  async unanswered(): Promise<readonly Unanswered[]> {
    return [...this.rows];
  }
}
