import { type FileUpload, type Message, plainVariant } from '../../report/message.ts';
import { joinMessages } from '../../thread/join.ts';
import type { OutboxRow } from '../../thread/row.ts';
import { editMessage, postMessage } from './delivery.ts';
import { classify, NotShownYet } from './failure.ts';
import { reportMissingFile, uploadFile } from './files/upload.ts';
import { Lookup, type SoughtFile } from './lookup.ts';
import type { PosterContext } from './row/context.ts';
import type { Rendered } from './row/render-row.ts';
import { giveBack, settleRows } from './row/settle-row.ts';

/** How often a message is looked for that is only to be put right where it stands: Slack may show it late. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 5_000;
/** A file that Slack has is waited for so often, for minutes; then a result that comes twice is better than none. */
const LATE_TRIES = 12;

/** A row with what it shows. */
export interface Shown<T extends Message | FileUpload = Message | FileUpload> {
  readonly row: OutboxRow;
  readonly content: T;
  readonly what: Rendered['what'];
}

/**
 * Brings new messages and hosts' files to Slack, each once: what an earlier try may have brought there is looked
 * for first. Whoever calls has waited for a place in the channel.
 */
export class Arrivals {
  readonly #context: PosterContext;
  readonly #lookup: Lookup;
  /** Keys of rows that certainly never reached Slack: they need no looking for. */
  readonly #unsent = new Set<string>();
  /** What Slack refused to have in one message. */
  readonly #apart = new Set<string>();

  constructor(context: PosterContext) {
    this.#context = context;
    this.#lookup = new Lookup(context.workspace.posts);
  }

  /** These were claimed. To be told before anything else is done with them: a later claim tells less. */
  expect(rows: readonly OutboxRow[]): void {
    for (const { key, attempts } of rows) if (attempts === 0) this.#unsent.add(key);
  }

  /** Slack will not have them in one message. */
  comeApart(joins: string): boolean {
    return this.#apart.has(joins);
  }

  /** As many of these as one message holds; the others are given back. Never rejects. */
  async bring(channel: string, shown: readonly Shown[]): Promise<void> {
    const file = shown.find(isFile);
    if (file !== undefined) {
      await settleRows(this.#context, [file.row], () => this.#upload(file.row, channel, file.content));
    }
    const messages = shown.filter(isMessage);
    const mayStand = messages.filter(({ row }) => row.onlyIfStands || !this.#unsent.has(row.key));
    // Those of which Slack does not tell are asked for again later.
    let standing: ReadonlySet<OutboxRow> = new Set(rowsOf(mayStand));
    await settleRows(this.#context, rowsOf(mayStand), async () => {
      standing = await this.#settleStanding(channel, mayStand);
    });
    const absent = messages.filter(({ row }) => !standing.has(row));
    for (const { row } of absent) if (row.onlyIfStands) await this.#lookAgain(row);
    const missing = absent.filter(({ row }) => !row.onlyIfStands);
    const parts = missing.map(({ row, content }) => ({ key: row.key, message: content }));
    const { message, count } = joinMessages(parts);
    if (message === undefined) return;
    const [going, left] = [missing.slice(0, count), missing.slice(count)];
    await settleRows(this.#context, rowsOf(left), () => giveBack(this.#context, rowsOf(left)));
    await settleRows(this.#context, rowsOf(going), () => this.#post(channel, going, message));
  }

  /** It stands under this `ts`; empty where there is nothing to show. */
  async done(row: OutboxRow, ts: string, what?: Rendered['what']): Promise<void> {
    this.#unsent.delete(row.key);
    await this.#context.outbox.sent(row, ts, what);
  }

  /** Settles, and tells, those that an earlier try brought there, unanswered or by a process that died. */
  async #settleStanding(channel: string, shown: readonly Shown<Message>[]): Promise<ReadonlySet<OutboxRow>> {
    const [first] = shown;
    const settled = new Set<OutboxRow>();
    if (first === undefined) return settled;
    const rows = rowsOf(shown);
    const keys = rows.map(({ key }) => key);
    const to = { channel, threadTs: first.row.threadTs, keys };
    const { standing, others } = await this.#ask(channel, rows, () => this.#lookup.find(to));
    for (const { row, content, what } of shown) {
      const ts = standing.get(row.key);
      if (ts === undefined) {
        if (others === 'absent') this.#unsent.add(row.key);
        continue;
      }
      // What stands there may be of an earlier time; a message that others may share is as it will stay.
      if ((row.version > 1 || row.onlyIfStands) && row.joins === null) {
        await this.#edit({ channel, ts, key: row.key }, content);
      }
      await this.done(row, ts, what);
      settled.add(row);
    }
    return settled;
  }

  async #edit(at: { channel: string; ts: string; key: string }, message: Message): Promise<void> {
    const { workspace, log } = this.#context;
    try {
      await editMessage(workspace.posts, at, message, log);
    } catch (error) {
      const { kind, code } = classify(error);
      if (kind !== 'content') throw error;
      log.error({ key: at.key, error: code }, 'Slack refuses the form of an edit: sent as bare text');
      await editMessage(workspace.posts, at, plainVariant(message), log);
    }
  }

  #lookAgain(row: OutboxRow): Promise<void> {
    const { outbox, now } = this.#context;
    return settleRows(this.#context, [row], () =>
      row.tries < LOOKS
        ? outbox.failed(row, now() + LOOK_AGAIN_MS, 'it is not there, or not yet')
        : outbox.giveUp(row, 'it never came to stand'),
    );
  }

  async #post(channel: string, shown: readonly Shown<Message>[], message: Message): Promise<void> {
    const { workspace, log, signal } = this.#context;
    const [first] = shown;
    if (first === undefined) return;
    const rows = rowsOf(shown);
    const keys = rows.map(({ key }) => key);
    const to = { channel, threadTs: first.row.threadTs, keys };
    const post = (form: Message) =>
      this.#ask(channel, rows, () => postMessage(workspace.posts, to, form, log));
    let ts: string;
    try {
      ts = await post(message);
    } catch (error) {
      const failure = classify(error);
      if (failure.kind !== 'content') throw error;
      if (rows.length > 1 && first.row.joins !== null) {
        log.error({ keys, error: failure.code }, 'Slack refuses messages in one: each is sent by itself');
        this.#apart.add(first.row.joins);
        await giveBack(this.#context, rows);
        return;
      }
      log.error(
        { key: first.row.key, error: failure.code },
        'Slack refuses the form of a message: sent as bare text',
      );
      await workspace.paces.waitForPlace(channel, signal);
      ts = await post(plainVariant(message));
    }
    for (const { row, what } of shown) await this.done(row, ts, what);
    await this.#context.closed.worked(channel, 'post');
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
      id = await this.#ask(channel, [row], () =>
        uploadFile(workspace, to, file, {
          find: (bytes) => this.#findFile(row, { ...to, name: file.filename, bytes }),
          note: (fileId) => outbox.uploaded(row, fileId),
        }),
      );
    } catch (error) {
      const failure = classify(error);
      // Once: it is tried again for a day.
      const isFirst = row.tries === 0 && (failure.kind === 'place' || failure.kind === 'app');
      if (isFirst || failure.kind === 'content') {
        await workspace.paces.waitForPlace(channel, signal);
        await reportMissingFile(this.#context, to, row.key, file.filename, failure.code);
      }
      throw error;
    }
    await this.done(row, id);
    await this.#context.closed.worked(channel, 'post');
    await this.#context.places.filesWork(channel);
  }

  /** The id of the file where an earlier try brought it there; throws where Slack has it and does not show it yet. */
  async #findFile(row: OutboxRow, sought: SoughtFile): Promise<string | undefined> {
    const { uploadId } = row;
    const found = uploadId === null ? 'unknown' : await this.#lookup.findNoted({ ...sought, id: uploadId });
    switch (found) {
      case 'shown':
        return uploadId ?? undefined;
      case 'late':
        if (row.tries < LATE_TRIES) throw new NotShownYet('Slack does not show a file yet');
        this.#context.log.error(
          { key: row.key, file: uploadId },
          'Slack does not show a file: it is sent anew',
        );
        return undefined;
      case 'absent':
        return undefined;
      case 'unknown':
        return this.#unsent.has(row.key) ? undefined : await this.#lookup.findFile(sought);
      default:
        return found satisfies never;
    }
  }

  /** A call to Slack for these rows: what its failure says about where they are is kept. */
  async #ask<T>(channel: string, rows: readonly OutboxRow[], call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const { kind, code, retryAfterMs } = classify(error);
      // What Slack refuses is as unsent as it was before; else nobody knows, or will ask again.
      const isRefused = kind !== 'unknown' && kind !== 'odd';
      if (!isRefused) for (const { key } of rows) this.#unsent.delete(key);
      if (code === 'ratelimited') this.#context.workspace.paces.suspend(channel, retryAfterMs ?? 1_000);
      throw error;
    }
  }
}

function isFile(shown: Shown): shown is Shown<FileUpload> {
  return 'filename' in shown.content;
}

function isMessage(shown: Shown): shown is Shown<Message> {
  return !isFile(shown);
}

function rowsOf(shown: readonly Shown[]): readonly OutboxRow[] {
  return shown.map(({ row }) => row);
}
