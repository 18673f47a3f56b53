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
import { UploadLimited } from '../failure.ts';

export interface Place {
  readonly channel: string;
  readonly threadTs: string;
}

/** Slack may think long about a large file; nothing at all for this long is no answer. */
const SILENCE_MS = 60_000;
/** Slower than that it does not go on, and one that drips would hold its place for ever. */
const LEAST_BYTES_PER_SECOND = 64 * 1024;
/** What a host may make us wait for, whatever it says. */
const LONGEST_WAIT_MS = 60 * 60_000;

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
  await sendBytes(upload_url, body, 2 * SILENCE_MS + (length / LEAST_BYTES_PER_SECOND) * 1_000);
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

/** The second step: what it brings is seen by nobody before the third. In all it takes no longer than `mostMs`. */
export async function sendBytes(url: string, body: Bytes, mostMs: number): Promise<void> {
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(body.length) },
    body: body.read(),
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
    signal: AbortSignal.timeout(Math.ceil(mostMs)),
  });
  await answer.body.dump();
  if (answer.statusCode === 429) throw new UploadLimited(waitOf(answer.headers['retry-after']));
  if (answer.statusCode !== 200) throw new Error(`Slack took no file (HTTP ${answer.statusCode})`);
}

/** Seconds; a date (RFC 9110, 10.2.3) is as good as nothing said. */
function waitOf(retryAfter: string | readonly string[] | undefined): number | undefined {
  const seconds =
    typeof retryAfter === 'string' && retryAfter.trim() !== '' ? Number(retryAfter) : Number.NaN;
  return seconds >= 0 ? Math.min(seconds * 1_000, LONGEST_WAIT_MS) : undefined;
}

export interface Bytes {
  readonly length: number;
  read(): Readable;
}

type Body = Bytes & AsyncDisposable;

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
