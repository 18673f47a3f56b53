import type { FileUpload, Message } from '../../report/message.ts';
import { plainVariant } from '../../report/message.ts';
import type { OutboxRow } from '../../thread/row.ts';
import { editMessage, Lookup, postMessage } from './delivery.ts';
import { classify } from './failure.ts';
import { reportMissingFile, uploadFile } from './files/upload.ts';
import { fate, type Held, type PosterContext, settleRow } from './held.ts';
import { renderRow } from './render.ts';

/** How many rows wait in a channel's line; more stay in the store, where runs take turns. */
const LINE = 2;

/**
 * New messages and files, a line per channel: one at a time and in order, at the channel's pace.
 */
export class Posts {
  readonly #context: PosterContext;
  readonly #lines = new Map<string, Held[]>();
  readonly #working = new Set<Promise<void>>();
  readonly #lookup: Lookup;
  /** Keys that were claimed before but certainly never reached Slack: they need no looking for. */
  readonly #unsent = new Set<string>();

  constructor(context: PosterContext) {
    this.#context = context;
    this.#lookup = new Lookup(context.workspace.posts);
  }

  /** Channels that have enough to do for now, or that Slack told us to leave alone. */
  fullChannels(): readonly string[] {
    const full = [...this.#lines].filter(([, line]) => line.length >= LINE).map(([channel]) => channel);
    return [...new Set([...full, ...this.#context.workspace.paces.suspended()])];
  }

  add(held: Held): void {
    const line = this.#lines.get(held.channel);
    if (line !== undefined) {
      line.push(held);
      return;
    }
    const fresh = [held];
    this.#lines.set(held.channel, fresh);
    const work = this.#work(held.channel, fresh).finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#working);
  }

  async #work(channel: string, line: Held[]): Promise<void> {
    for (let held = line[0]; held !== undefined; held = line[0]) {
      await settleRow(this.#context, held, () => this.#send(held));
      line.shift();
      this.#context.onRoom();
    }
    this.#lines.delete(channel);
  }

  async #send({ row, channel, claimedAt }: Held): Promise<void> {
    const { workspace, outbox, now, clock, signal } = this.#context;
    const waitMs = workspace.paces.waitMs(channel);
    if (signal.aborted || fate(clock() + waitMs, claimedAt) === 'give back') {
      this.#unsent.add(row.key);
      await outbox.defer(row, now() + waitMs, 'waits for its turn');
      return;
    }
    // Where its message cannot be made, nothing has reached Slack by that.
    if (row.attempts === 0) this.#unsent.add(row.key);
    const { content, what } = await renderRow(this.#context, row);
    if (content === undefined) {
      this.#unsent.delete(row.key);
      await outbox.sent(row, row.ts ?? '');
      return;
    }
    await workspace.paces.turn(channel, signal);
    if (signal.aborted) {
      this.#unsent.add(row.key);
      await outbox.defer(row, now(), 'stopping');
      return;
    }
    const shown = workspace.masked(content);
    const ts =
      'filename' in shown ? await this.#upload(row, channel, shown) : await this.#post(row, channel, shown);
    this.#unsent.delete(row.key);
    if (ts !== undefined) await outbox.sent(row, ts, what);
  }

  async #post(row: OutboxRow, channel: string, message: Message): Promise<string | undefined> {
    const { workspace, log, signal } = this.#context;
    const to = { channel, threadTs: row.threadTs, key: row.key };
    try {
      // An earlier try may have got through without an answer, or its answer may have died with a process.
      const found = row.attempts > 0 && !this.#unsent.has(row.key) ? await this.#lookup.find(to) : 'absent';
      if (typeof found === 'object') {
        // What stands there may be of an earlier time.
        if (row.version > 1) {
          await editMessage(workspace.posts, { channel, ts: found.ts, key: row.key }, message);
        }
        return found.ts;
      }
      return await postMessage(workspace.posts, to, message);
    } catch (error) {
      const failure = classify(error);
      if (failure.kind !== 'content') return this.#failed(row, channel, error);
      log.error(
        { key: row.key, error: failure.code },
        'Slack refuses the form of a message: sent as bare text',
      );
    }
    await workspace.paces.turn(channel, signal);
    try {
      return await postMessage(workspace.posts, to, plainVariant(message));
    } catch (error) {
      return this.#failed(row, channel, error);
    }
  }

  async #upload(row: OutboxRow, channel: string, file: FileUpload): Promise<string | undefined> {
    const { workspace, outbox, signal } = this.#context;
    const isEmpty = file.content instanceof Uint8Array && file.content.length === 0;
    if (isEmpty || row.threadTs === null) {
      await outbox.giveUp(row, isEmpty ? 'an empty file cannot be uploaded' : 'no thread');
      return undefined;
    }
    const to = { channel, threadTs: row.threadTs };
    try {
      return await uploadFile(workspace, to, file);
    } catch (error) {
      const failure = classify(error);
      if (failure.kind === 'place') {
        await workspace.paces.turn(channel, signal);
        await reportMissingFile(workspace, to, row.key, file.filename, failure.code);
      }
      return this.#failed(row, channel, error);
    }
  }

  async #failed(row: OutboxRow, channel: string, error: unknown): Promise<undefined> {
    const failure = classify(error);
    if (failure.kind === 'later') this.#unsent.add(row.key);
    else this.#unsent.delete(row.key);
    if (failure.code === 'ratelimited') {
      this.#context.workspace.paces.suspend(channel, failure.retryAfterMs ?? 1_000);
    }
    throw error;
  }
}
