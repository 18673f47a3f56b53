import type { OutboxRow } from '../../ports.ts';
import { formatNotice } from '../../report/answers.ts';
import type { FileUpload, Message } from '../../report/message.ts';
import { plainVariant } from '../../report/message.ts';
import { Lookup, postMessage } from './delivery.ts';
import { classify } from './failure.ts';
import { delay, fate, type Held, type PosterContext, settleRow } from './held.ts';

/** How many rows wait in a channel's line; more stay in the store, where they cost nothing. */
const LINE = 4;

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
    const { workspace, outbox, now, signal, render } = this.#context;
    const waitMs = workspace.paces.waitMs(channel);
    if (signal.aborted || fate(now() + waitMs, claimedAt) === 'give back') {
      this.#unsent.add(row.key);
      await outbox.defer(row, now() + waitMs, 'waits for its turn');
      return;
    }
    const content = await render(row);
    if (content === undefined) {
      await outbox.sent(row, row.ts ?? '');
      return;
    }
    await delay(workspace.paces.reserve(channel), signal);
    if (signal.aborted) {
      this.#unsent.add(row.key);
      await outbox.defer(row, now(), 'stopping');
      return;
    }
    const shown = workspace.masked(content);
    const ts =
      'filename' in shown ? await this.#upload(row, channel, shown) : await this.#post(row, channel, shown);
    this.#unsent.delete(row.key);
    if (ts !== undefined) await outbox.sent(row, ts);
  }

  async #post(row: OutboxRow, channel: string, message: Message): Promise<string | undefined> {
    const { workspace, log, signal } = this.#context;
    const to = { channel, threadTs: row.threadTs, key: row.key };
    try {
      // An earlier try may have got through without an answer, or its answer may have died with a process.
      const found = row.attempts > 0 && !this.#unsent.has(row.key) ? await this.#lookup.find(to) : 'absent';
      if (typeof found === 'object') return found.ts;
      return await postMessage(workspace.posts, to, message);
    } catch (error) {
      const failure = classify(error);
      if (failure.kind !== 'content') return this.#failed(row, channel, error);
      log.error(
        { key: row.key, error: failure.code },
        'Slack refuses the form of a message: sent as bare text',
      );
    }
    await delay(workspace.paces.reserve(channel), signal);
    try {
      return await postMessage(workspace.posts, to, plainVariant(message));
    } catch (error) {
      return this.#failed(row, channel, error);
    }
  }

  /** Slack gives no `ts` for a file; its id stands in. */
  async #upload(row: OutboxRow, channel: string, file: FileUpload): Promise<string | undefined> {
    const { workspace, outbox } = this.#context;
    if (file.content.length === 0 || row.threadTs === null) {
      await outbox.giveUp(row, file.content.length === 0 ? 'an empty file cannot be uploaded' : 'no thread');
      return undefined;
    }
    try {
      const uploaded = await workspace.posts.filesUploadV2({
        channel_id: channel,
        thread_ts: row.threadTs,
        filename: file.filename,
        title: file.filename,
        // Always bytes: a string here is a path, and the SDK would read that file.
        file: Buffer.from(file.content),
        initial_comment: file.comment,
      });
      return uploaded.files[0]?.files?.[0]?.id ?? '';
    } catch (error) {
      const failure = classify(error);
      if (failure.kind === 'place') await this.#missFile(row, channel, file.filename, failure.code);
      return this.#failed(row, channel, error);
    }
  }

  /** The reply promised a file: where it cannot come, the thread says so. The log says it in any case. */
  async #missFile(row: OutboxRow, channel: string, filename: string, code: string): Promise<void> {
    const { workspace, signal } = this.#context;
    // chat:write.public lets us write where we are no member, but not upload (docs.slack.dev, files).
    const remedy =
      code === 'not_in_channel' || code === 'channel_not_found'
        ? `the bot has to be in this channel for that (\`/invite @${workspace.botName}\`)`
        : code;
    const notice = formatNotice(`The file \`${filename}\` could not be put here: ${remedy}.`);
    await delay(workspace.paces.reserve(channel), signal);
    await postMessage(workspace.posts, { channel, threadTs: row.threadTs, key: row.key }, notice).catch(
      () => undefined,
    );
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
