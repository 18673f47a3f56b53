import type { SecretKind } from '../../gather/scan.ts';
import { bold, type FileUpload, line, type Message, richText } from '../../report/message.ts';
import { escapeShort } from '../../report/text/escape.ts';
import { cleanOutput, shortLine } from '../../report/text/plain.ts';
import { isSpooled } from '../../run/outcome.ts';
import type { Job, Run } from '../../run/run.ts';
import type { ThreadFacts } from '../facts.ts';
import { MAX_SPOOLED_FILES } from '../layout.ts';
import { replyShowsAll } from '../reply/reply.ts';
import type { LogForm } from '../row.ts';
import { formatFullOutput, formatSpooledOutput } from './full-output.ts';
import { formatLogHeader, formatLogPart, formatLogRecord, shareLog, spooledFileName } from './log.ts';

/** A fetched file up to this size is offered in the thread; Slack itself would take 1 GB. */
export const MAX_OFFERED_BYTES = 50 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** A whole run as a file, made as it is sent: never in memory as a whole. */
export async function renderLog(facts: ThreadFacts, run: Run, form: LogForm): Promise<FileUpload> {
  const rows = await facts.listFoldRows(run.id);
  const share = shareLog(
    rows.length,
    rows.reduce((sum, { outputChars }) => sum + outputChars, 0),
  );
  async function* parts(): AsyncGenerator<string> {
    if (form === 'text') yield formatLogHeader(run, rows.length, share, facts.now());
    let spooledHosts = 0;
    for await (const job of facts.readJobs(run.id)) {
      if (job.outcome !== undefined && isSpooled(job.outcome)) spooledHosts += 1;
      yield facts.masked(
        form === 'text'
          ? formatLogPart(run, job, share, spooledHosts <= MAX_SPOOLED_FILES)
          : formatLogRecord(run, job, share),
      );
    }
  }
  return {
    filename: form === 'text' ? `${run.id}.txt` : `${run.id}.jsonl`,
    content: () => encodeChunks(parts()),
    comment: '',
  };
}

/** Each chunk holds until the next is asked for: a hundred megabytes go through one buffer. */
async function* encodeChunks(parts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const buffer = new Uint8Array(CHUNK_BYTES);
  let used = 0;
  for await (const part of parts) {
    for (let rest = part; rest !== ''; ) {
      const { read, written } = encoder.encodeInto(rest, buffer.subarray(used));
      used += written;
      rest = rest.slice(read);
      if (rest === '') break;
      yield buffer.subarray(0, used);
      used = 0;
    }
  }
  if (used > 0) yield buffer.subarray(0, used);
}

/**
 * What a get fetched; of a command, the output that its reply does not show. A fetched file goes out as it is or
 * not at all: one with a secret or a private key in it stays where it is, and so does what has taken its place.
 */
export async function renderHostFile(
  facts: ThreadFacts,
  run: Run,
  job: Job,
): Promise<FileUpload | Message | undefined> {
  const file = job.outcome?.file;
  if (run.plan.work.action === 'get' && file !== undefined) {
    const content = await facts.readFetched(file.path, MAX_OFFERED_BYTES);
    if (content === null) return undefined;
    // The name may be another get's by now: what goes into this thread is what this run brought.
    if ((await facts.digest(content)) !== file.sha256) return formatKeptBack(job, file.path, REPLACED);
    const secret = await facts.findSecret(content, file);
    if (secret !== undefined) return formatKeptBack(job, file.path, KEPT_BACK[secret]);
    return { filename: `${job.host}-${baseName(file.path)}`, content, comment: '' };
  }
  if (run.plan.work.action !== 'run' || replyShowsAll(job)) return undefined;
  // Its secrets are masked already, but colours may have stood in the middle of one: they are gone now.
  const content = new TextEncoder().encode(facts.masked(formatFullOutput(run, job)));
  return { filename: `${run.id}-${job.host}.txt`, content, comment: '' };
}

/** A host's output with what is on disk of it: never in memory as a whole. */
export function renderSpooled(facts: ThreadFacts, run: Run, job: Job): FileUpload {
  const chunks = () => encodeChunks(formatSpooledOutput(run, job, (path) => facts.readSpooled(path)));
  // Its secrets are masked already, but colours may have stood in the middle of one: they are gone now.
  return { filename: spooledFileName(run, job), content: () => facts.maskedChunks(chunks()), comment: '' };
}

const WHERE = "It lies under this name in the transfer folder, on the bot's machine.";
const KEPT_BACK: Readonly<Record<SecretKind, string>> = {
  secret: `it holds a password, key or token that the bot works with. ${WHERE}`,
  key: `something in it begins as a private key does. ${WHERE}`,
  unseen:
    'no worker that could look for secrets in it sees the file. The bot and its workers have to share the transfer folder.',
};
const REPLACED = 'what lies there now is not what this run fetched.';

function formatKeptBack(job: Job, path: string, reason: string): Message {
  const host = shortLine(cleanOutput(job.host), 200);
  const name = shortLine(cleanOutput(path), 1_000);
  const why = `is not put into this thread: ${reason}`;
  return {
    text: `${escapeShort(host, 400)}: ${escapeShort(name, 1_000)} ${why}`,
    blocks: [
      richText(
        line(
          bold(host),
          ' · ',
          { type: 'text', text: name === '' ? ' ' : name, style: { code: true } },
          ` ${why}`,
        ),
      ),
    ],
  };
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? path;
}
