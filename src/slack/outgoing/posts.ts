import type { FileUpload, Message } from '../../report/message.ts';
import { plainVariant } from '../../report/message.ts';
import { joinMessages } from '../../thread/join.ts';
import type { OutboxRow } from '../../thread/row.ts';
import { editMessage, Lookup, postMessage } from './delivery.ts';
import { classify } from './failure.ts';
import { reportMissingFile, uploadFile } from './files/upload.ts';
import { delay } from './pace.ts';
import { type ClaimedRow, LEASE_MS, mayStillSend } from './row/claimed-row.ts';
import type { PosterContext } from './row/context.ts';
import { type Rendered, renderRow } from './row/render-row.ts';
import { settleRows } from './row/settle-row.ts';

/** How many rows wait in a channel's line; more stay in the store, where runs take turns. */
const LINE = 2;
/** As many as may have a reply each. */
const MAX_JOINED = 10;

/** A row with what it shows. */
interface Shown<T extends Message | FileUpload = Message | FileUpload> {
  readonly row: OutboxRow;
  readonly content: T;
  readonly what: Rendered['what'];
}

/**
 * New messages and files, a line per channel: one at a time and in order, at the channel's pace. Where the head
 * of a line would have to wait, what is due by then and may go out with it (`OutboxRow.joins`) does.
 */
export class Posts {
  readonly #context: PosterContext;
  readonly #lines = new Map<string, ClaimedRow[]>();
  readonly #working = new Set<Promise<void>>();
  readonly #lookup: Lookup;
  /** Keys of rows that certainly never reached Slack: they need no looking for. */
  readonly #unsent = new Set<string>();
  /** What Slack refused to have in one message. */
  readonly #apart = new Set<string>();

  constructor(context: PosterContext) {
    this.#context = context;
    this.#lookup = new Lookup(context.workspace.posts);
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
    if (joins === null || this.#apart.has(joins)) return [head];
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
      const query = { limit: MAX_JOINED, now: now(), leaseMs: LEASE_MS, except: [], lane: 'posts' } as const;
      const rows = await outbox.claim({ ...query, joins });
      return rows.map((row) => ({ row, claimedAt: clock() }));
    } catch (error) {
      log.error({ err: error }, 'the outbox cannot be read');
      return [];
    }
  }

  async #send(channel: string, head: ClaimedRow, rows: readonly OutboxRow[]): Promise<void> {
    const { workspace, clock, signal } = this.#context;
    for (const { key, attempts } of rows) if (attempts === 0) this.#unsent.add(key);
    const waitMs = workspace.paces.waitMs(channel);
    if (signal.aborted || !mayStillSend(head, clock() + waitMs)) {
      await this.#giveBack(rows, waitMs, 'waits for its place');
      return;
    }
    const shown: Shown[] = [];
    for (const row of rows) {
      // One that cannot be made, or not soon, is no reason for the others to stay away.
      await settleRows(this.#context, [row], async () => {
        if (!mayStillSend(head, clock())) {
          await this.#giveBack([row], 0, 'waits for its place');
          return;
        }
        const { content, what } = await renderRow(this.#context, row);
        if (content !== undefined) shown.push({ row, content: workspace.masked(content), what });
        else await this.#done(row, row.ts ?? '');
      });
    }
    if (shown.length === 0) return;
    await workspace.paces.waitForPlace(channel, signal);
    const made = shown.map(({ row }) => row);
    if (signal.aborted) {
      await this.#giveBack(made, 0, 'stopping');
      return;
    }
    // Whose message could not be made is settled already.
    await settleRows(this.#context, made, () => this.#deliver(channel, shown));
  }

  /** Each of these at its place in the thread, once; what has no room beside the first of them is given back. */
  async #deliver(channel: string, shown: readonly Shown[]): Promise<void> {
    const [first] = shown;
    if (first === undefined) return;
    const file = shown.find(isFile);
    if (file !== undefined) {
      const others = shown.filter((one) => one !== file).map(({ row }) => row);
      await this.#giveBack(others, 0, 'waits for its place');
      await this.#upload(file.row, channel, file.content);
      return;
    }
    const missing = (await this.#settleStanding(channel, shown)).filter(isMessage);
    const { message, count } = joinMessages(
      missing.map(({ row, content }) => ({ key: row.key, message: content })),
    );
    if (message === undefined) return;
    await this.#giveBack(
      missing.slice(count).map(({ row }) => row),
      0,
      'waits for its place',
    );
    await this.#post(channel, missing.slice(0, count), message);
  }

  /** Settles those that an earlier try brought there, unanswered or by a process that died; the others. */
  async #settleStanding(channel: string, shown: readonly Shown[]): Promise<readonly Shown[]> {
    const mayStand = shown.map(({ row }) => row).filter(({ key }) => !this.#unsent.has(key));
    const [one] = mayStand;
    if (one === undefined) return shown;
    const keys = mayStand.map(({ key }) => key);
    const found = await this.#ask(channel, mayStand, () =>
      this.#lookup.find({ channel, threadTs: one.threadTs, keys }),
    );
    if (found.others === 'absent') {
      for (const key of keys) if (!found.standing.has(key)) this.#unsent.add(key);
    }
    const missing: Shown[] = [];
    for (const each of shown) {
      const { row, content, what } = each;
      const ts = found.standing.get(row.key);
      if (ts === undefined) {
        missing.push(each);
        continue;
      }
      // What stands there may be of an earlier time; a message that others may share is as it will stay.
      if (row.version > 1 && row.joins === null && !('filename' in content)) {
        await editMessage(this.#context.workspace.posts, { channel, ts, key: row.key }, content);
      }
      await this.#done(row, ts, what);
    }
    return missing;
  }

  async #post(channel: string, shown: readonly Shown<Message>[], message: Message): Promise<void> {
    const { workspace, log, signal } = this.#context;
    const [first] = shown;
    if (first === undefined) return;
    const rows = shown.map(({ row }) => row);
    const keys = rows.map(({ key }) => key);
    const to = { channel, threadTs: first.row.threadTs, keys };
    const post = (form: Message) => this.#ask(channel, rows, () => postMessage(workspace.posts, to, form));
    let ts: string;
    try {
      ts = await post(message);
    } catch (error) {
      const failure = classify(error);
      if (failure.kind !== 'content') throw error;
      if (rows.length > 1 && first.row.joins !== null) {
        log.error({ keys, error: failure.code }, 'Slack refuses messages in one: each is sent by itself');
        this.#apart.add(first.row.joins);
        await this.#giveBack(rows, 0, failure.code);
        return;
      }
      log.error(
        { key: first.row.key, error: failure.code },
        'Slack refuses the form of a message: sent as bare text',
      );
      await workspace.paces.waitForPlace(channel, signal);
      ts = await post(plainVariant(message));
    }
    for (const { row, what } of shown) await this.#done(row, ts, what);
  }

  async #upload(row: OutboxRow, channel: string, file: FileUpload): Promise<void> {
    const { workspace, outbox, signal } = this.#context;
    const isEmpty = file.content instanceof Uint8Array && file.content.length === 0;
    if (isEmpty || row.threadTs === null) {
      await outbox.giveUp(row, isEmpty ? 'an empty file cannot be uploaded' : 'no thread');
      return;
    }
    const to = { channel, threadTs: row.threadTs };
    let id: string;
    try {
      id = await this.#ask(channel, [row], () => uploadFile(workspace, to, file));
    } catch (error) {
      const failure = classify(error);
      if (failure.kind === 'place') {
        await workspace.paces.waitForPlace(channel, signal);
        await reportMissingFile(workspace, to, row.key, file.filename, failure.code);
      }
      throw error;
    }
    await this.#done(row, id);
  }

  /** A call to Slack for these rows: what its failure says about where they are is kept. */
  async #ask<T>(channel: string, rows: readonly OutboxRow[], call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const { kind, code, retryAfterMs } = classify(error);
      // What Slack refused is as unsent as it was before; without an answer nobody knows.
      if (kind === 'unknown' || kind === 'odd') for (const { key } of rows) this.#unsent.delete(key);
      if (code === 'ratelimited') this.#context.workspace.paces.suspend(channel, retryAfterMs ?? 1_000);
      throw error;
    }
  }

  async #done(row: OutboxRow, ts: string, what?: Rendered['what']): Promise<void> {
    this.#unsent.delete(row.key);
    await this.#context.outbox.sent(row, ts, what);
  }

  async #giveBack(rows: readonly OutboxRow[], inMs: number, why: string): Promise<void> {
    const { outbox, now } = this.#context;
    for (const row of rows) await outbox.defer(row, now() + inMs, why);
  }
}

function isFile(shown: Shown): shown is Shown<FileUpload> {
  return 'filename' in shown.content;
}

function isMessage(shown: Shown): shown is Shown<Message> {
  return !isFile(shown);
}
