import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** The id of the file where it is in the thread already: an earlier try may have brought it there. */
type FindFile = (bytes: number) => Promise<string | undefined>;

/**
 * Puts the file into the thread where it is not there. Slack gives no `ts` for a file; its id stands in. Empty
 * files are refused.
 */
export async function uploadFile(
  workspace: Workspace,
  to: Place,
  file: FileUpload,
  find: FindFile,
): Promise<string> {
  return file.content instanceof Uint8Array
    ? ((await find(file.content.length)) ?? (await uploadBytes(workspace, to, file, file.content)))
    : await uploadStream(workspace, to, file, file.content, find);
}

async function uploadBytes(
  { posts }: Workspace,
  { channel, threadTs }: Place,
  file: FileUpload,
  content: Uint8Array,
): Promise<string> {
  const uploaded = await posts.filesUploadV2({
    channel_id: channel,
    thread_ts: threadTs,
    filename: file.filename,
    title: file.filename,
    // Always bytes: a string here is a path, and the SDK would read that file.
    file: Buffer.from(content),
    ...saidWith(file),
  });
  return uploaded.files[0]?.files?.[0]?.id ?? '';
}

/**
 * The SDK would hold the file in memory, and Slack wants its size before the first byte: so it is written to a
 * file without a name first, which is gone with the process however that ends.
 */
async function uploadStream(
  { posts }: Workspace,
  { channel, threadTs }: Place,
  upload: FileUpload,
  chunks: () => AsyncIterable<Uint8Array>,
  find: FindFile,
): Promise<string> {
  const { filename } = upload;
  await using file = await openNameless();
  let length = 0;
  for await (const chunk of chunks()) {
    await file.handle.write(chunk);
    length += chunk.length;
  }
  const standing = await find(length);
  if (standing !== undefined) return standing;
  const begun = await posts.files.getUploadURLExternal({ filename, length });
  const { upload_url, file_id } = begun;
  if (upload_url === undefined || file_id === undefined) throw new Error('Slack named no place for a file');
  const answer = await request(upload_url, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(length) },
    body: file.handle.createReadStream({ start: 0, autoClose: false }),
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`Slack took no file (HTTP ${answer.statusCode})`);
  await posts.files.completeUploadExternal({
    files: [{ id: file_id, title: filename }],
    channel_id: channel,
    thread_ts: threadTs,
    ...saidWith(upload),
  });
  return file_id;
}

/** An empty text is none: Slack refuses it elsewhere. */
function saidWith({ comment }: FileUpload): { readonly initial_comment?: string } {
  return comment === '' ? {} : { initial_comment: comment };
}

async function openNameless() {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-'));
  try {
    const handle = await open(join(folder, 'upload'), 'wx+', 0o600);
    return { handle, [Symbol.asyncDispose]: () => handle.close() };
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
