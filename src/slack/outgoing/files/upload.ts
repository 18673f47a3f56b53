import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { request } from 'undici';
import type { Log } from '../../../ports/log.ts';
import { formatNotice } from '../../../report/answers.ts';
import type { FileUpload } from '../../../report/message.ts';
import type { Workspace } from '../../workspace.ts';
import { postMessage } from '../delivery.ts';

export interface Place {
  readonly channel: string;
  readonly threadTs: string;
}

/** Slack may think long about a large file; nothing at all for this long is no answer. */
const SILENCE_MS = 60_000;

/** What is known of earlier tries, and is to be known of this one. */
export interface Tries {
  /** The id of the file where it is in the thread already: an earlier try may have brought it there. */
  find(bytes: number): Promise<string | undefined>;
  /** Slack has the bytes under this id, and is about to be asked to show them. False: they are not ours to send now. */
  note(id: string): Promise<boolean>;
}

/**
 * Puts the file into the thread where it is not there. Slack gives no `ts` for a file; its id stands in. Empty
 * files are refused. In Slack's three steps, and not by the SDK's `filesUploadV2`: the id has to be known before the
 * last one, whose answer may be lost.
 */
export async function uploadFile(
  { posts }: Workspace,
  { channel, threadTs }: Place,
  { filename, content, comment }: FileUpload,
  { find, note }: Tries,
): Promise<string> {
  await using body = await openBody(content);
  const { length } = body;
  const standing = await find(length);
  if (standing !== undefined) return standing;
  const begun = await posts.files.getUploadURLExternal({ filename, length });
  const { upload_url, file_id } = begun;
  if (upload_url === undefined || file_id === undefined) throw new Error('Slack named no place for a file');
  const answer = await request(upload_url, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(length) },
    body: body.read(),
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`Slack took no file (HTTP ${answer.statusCode})`);
  if (!(await note(file_id))) throw new Error('a file was claimed by somebody else meanwhile');
  await posts.files.completeUploadExternal({
    files: [{ id: file_id, title: filename }],
    channel_id: channel,
    thread_ts: threadTs,
    // An empty text is none: Slack refuses it elsewhere.
    ...(comment === '' ? {} : { initial_comment: comment }),
  });
  return file_id;
}

interface Body extends AsyncDisposable {
  /** In bytes. */
  readonly length: number;
  read(): Readable;
}

/**
 * Slack wants a file's size before its first byte: what is made as it is sent is written to a file without a name
 * first, which is gone with the process however that ends.
 */
async function openBody(content: FileUpload['content']): Promise<Body> {
  if (content instanceof Uint8Array) {
    return {
      length: content.length,
      read: () => Readable.from([content]),
      async [Symbol.asyncDispose]() {},
    };
  }
  const handle = await openNameless();
  const close = () => handle.close();
  let length = 0;
  try {
    for await (const chunk of content()) {
      await handle.write(chunk);
      length += chunk.length;
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    length,
    read: () => handle.createReadStream({ start: 0, autoClose: false }),
    [Symbol.asyncDispose]: close,
  };
}

async function openNameless() {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-'));
  try {
    return await open(join(folder, 'upload'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file was promised: where it cannot come, the thread says so. The log says it in any case. */
export async function reportMissingFile(
  { workspace, log }: { readonly workspace: Workspace; readonly log: Log },
  { channel, threadTs }: Place,
  key: string,
  filename: string,
  code: string,
): Promise<void> {
  // chat:write.public lets us write where we are no member, but not upload (docs.slack.dev, files).
  const remedy =
    code === 'not_in_channel' || code === 'channel_not_found'
      ? `the bot has to be in this channel for that (\`/invite @${workspace.botName}\`)`
      : code;
  const notice = formatNotice(`The file \`${filename}\` could not be put here: ${remedy}.`);
  await postMessage(workspace.posts, { channel, threadTs, keys: [key] }, notice, log).catch(() => undefined);
}
