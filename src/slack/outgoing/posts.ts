import { MAX_REPLIES } from '../../run/plan.ts';
import type { OutboxRow } from '../../thread/row.ts';
import { delay } from '../../time/delay.ts';
import { Arrivals, type Shown } from './arrivals.ts';
import { type ClaimedRow, LEASE_MS, mayStillSend } from './row/claimed-row.ts';
import type { PosterContext } from './row/context.ts';
import { renderRow } from './row/render-row.ts';
import { giveBack, settleRows } from './row/settle-row.ts';

/** How many rows wait in a channel's line; more stay in the store, where runs take turns. */
const LINE = 2;

/**
 * New messages and files, a line per channel: one at a time and in order, at the channel's pace. Where the head
 * of a line would have to wait, what is due by then and may go out with it (`OutboxRow.joins`) does.
 */
export class Posts {
  readonly #context: PosterContext;
  readonly #lines = new Map<string, ClaimedRow[]>();
  readonly #working = new Set<Promise<void>>();
  readonly #arrivals: Arrivals;

  constructor(context: PosterContext) {
    this.#context = context;
    this.#arrivals = new Arrivals(context);
  }

  /** Channels that have enough to do for now, or that Slack told us to leave alone. */
  fullChannels(): readonly string[] {
    const full = [...this.#lines].filter(([, line]) => line.length >= LINE).map(([channel]) => channel);
    return [...new Set([...full, ...this.#context.workspace.paces.suspended()])];
  }

  add(claimed: ClaimedRow): void {
    const { channelId } = claimed.row;
    const line = this.#lines.get(channelId);
    if (line !== undefined) {
      line.push(claimed);
      return;
    }
    const fresh = [claimed];
    this.#lines.set(channelId, fresh);
    const work = this.#work(channelId, fresh).finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#working);
  }

  async #work(channel: string, line: ClaimedRow[]): Promise<void> {
    for (let head = line[0]; head !== undefined; head = line[0]) {
      const together = await this.#gather(head, line);
      const rows = together.map(({ row }) => row);
      await settleRows(this.#context, rows, () => this.#send(channel, head, rows));
      // What was sent kept its place in the line until now.
      const left = line.filter((claimed) => !together.includes(claimed));
      line.splice(0, line.length, ...left);
      this.#context.onRoom();
    }
    this.#lines.delete(channel);
  }

  /** The head of the line alone; or, where it has to wait, all that may go out with it by then, in their order. */
  async #gather(head: ClaimedRow, line: readonly ClaimedRow[]): Promise<readonly ClaimedRow[]> {
    const { workspace, clock, signal } = this.#context;
    const { joins, channelId } = head.row;
    const waitMs = workspace.paces.waitMs(channelId);
    if (joins === null || this.#arrivals.comeApart(joins)) return [head];
    if (waitMs <= 0 || !mayStillSend(head, clock() + waitMs)) return [head];
    await delay(waitMs, signal);
    if (signal.aborted) return [head];
    const waiting = line.filter(({ row }) => row.joins === joins);
    const due = await this.#claimJoining(joins);
    return [...waiting, ...due].toSorted((one, other) => one.row.position - other.row.position);
  }

  async #claimJoining(joins: string): Promise<readonly ClaimedRow[]> {
    const { outbox, log, now, clock } = this.#context;
    try {
      const query = { limit: MAX_REPLIES, now: now(), leaseMs: LEASE_MS, except: [], lane: 'posts' } as const;
      const rows = await outbox.claim({ ...query, joins });
      return rows.map((row) => ({ row, claimedAt: clock() }));
    } catch (error) {
      log.error({ err: error }, 'the outbox cannot be read');
      return [];
    }
  }

  async #send(channel: string, head: ClaimedRow, rows: readonly OutboxRow[]): Promise<void> {
    const { workspace, clock, signal } = this.#context;
    this.#arrivals.expect(rows);
    const waitMs = workspace.paces.waitMs(channel);
    if (signal.aborted || !mayStillSend(head, clock() + waitMs)) {
      await giveBack(this.#context, rows, waitMs);
      return;
    }
    const shown: Shown[] = [];
    for (const row of rows) {
      // One that cannot be made, or not soon, is no reason for the others to stay away.
      await settleRows(this.#context, [row], async () => {
        if (!mayStillSend(head, clock())) {
          await giveBack(this.#context, [row]);
          return;
        }
        const { content, what } = await renderRow(this.#context, row);
        if (content !== undefined) shown.push({ row, content: workspace.masked(content), what });
        else await this.#arrivals.done(row, row.ts ?? '');
      });
    }
    if (shown.length === 0) return;
    await workspace.paces.waitForPlace(channel, signal);
    if (!signal.aborted) await this.#arrivals.bring(channel, shown);
    else {
      await giveBack(
        this.#context,
        shown.map(({ row }) => row),
      );
    }
  }
}
