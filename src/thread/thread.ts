import { type Bundle, chooseReference, foldResults, generalize } from '../gather/fold.ts';
import type { Mask } from '../gather/mask.ts';
import { openMasker } from '../gather/spool.ts';
import type { Ground } from '../lifecycle/execution.ts';
import type { OutboxRow, Spool } from '../ports.ts';
import { formatAuditLine } from '../report/audit-line.ts';
import { formatBoard, MAX_PAGES, planBoard } from '../report/board/board.ts';
import { type BoardEntry, formatBundle } from '../report/board/bundle.ts';
import {
  formatLogHeader,
  formatLogPart,
  formatLogRecord,
  MAX_SPOOLED_FILES,
  shareLog,
  spooledFileName,
} from '../report/board/log.ts';
import type { FileUpload, Message } from '../report/message.ts';
import { formatReply, replyShowsAll } from '../report/reply.ts';
import { formatRoot } from '../report/root.ts';
import { formatFullOutput, formatSpooledOutput } from '../report/text/full-output.ts';
import type { NameSet } from '../report/text/host-names.ts';
import type { Outcome } from '../run/outcome.ts';
import { findTarget } from '../run/plan.ts';
import { type Job, type Run, totalJobs } from '../run/run.ts';

/** A fetched file up to this size is offered in the thread; Slack itself would take 1 GB. */
const MAX_OFFERED_BYTES = 50 * 1024 * 1024;
const SLOWEST_SHOWN = 3;
const MAX_BOARDS_KEPT = 8;
const CHUNK_BYTES = 256 * 1024;

/** What Slack should show for a row of the outbox; undefined where there is nothing to show (any more). */
export type Renderer = (row: OutboxRow) => Promise<Message | FileUpload | undefined>;

interface Board {
  /** What of the run it was made from. */
  readonly stamp: string;
  readonly pages: Promise<readonly Message[]>;
}

/** What is on disk, and what takes secrets out of a text too long to be masked at once. */
export interface Spooled {
  readonly spool: Spool;
  readonly mask: Mask;
}

/** `masked` takes secrets out of what leaves as bytes: messages are masked where they leave. */
export function createRenderer(
  ground: Ground,
  masked: (text: string) => string,
  spooled?: Spooled,
): Renderer {
  const { store, now } = ground;
  const nameSet = createNameSet(ground);
  /** The pages of a board are asked for one after the other, and made together. */
  const boards = new Map<string, Board>();

  function boardOf(run: Run): Promise<readonly Message[]> {
    const { queued, running } = run.progress;
    const stamp = `${run.state} ${totalJobs(run.progress) - queued - running}`;
    const known = boards.get(run.id);
    if (known?.stamp === stamp) return known.pages;
    const pages = renderBoard(ground, run, nameSet);
    boards.delete(run.id);
    boards.set(run.id, { stamp, pages });
    pages.catch(() => boards.delete(run.id));
    const [oldest] = boards.keys();
    if (oldest !== undefined && boards.size > MAX_BOARDS_KEPT) boards.delete(oldest);
    return pages;
  }

  return async (row) => {
    if (row.kind === 'audit') {
      const entry = row.auditSeq === null ? undefined : await store.audit.find(row.auditSeq);
      return entry === undefined ? undefined : formatAuditLine(entry);
    }
    const run = row.runId === null ? undefined : await store.findRun(row.runId);
    if (run === undefined) return undefined;
    switch (row.kind) {
      case 'root': {
        const slowest = totalJobs(run.progress) === 1 ? [] : await store.listSlowest(run.id, SLOWEST_SHOWN);
        return formatRoot(run, { now: now(), slowest });
      }
      case 'board':
        return (await boardOf(run))[Number(row.part) - 1];
      case 'log':
        if (row.host !== null) {
          const job = await store.findJob(run.id, row.host);
          return job?.outcome === undefined ? undefined : renderSpooled(run, job, masked, spooled);
        }
        return await renderLog(ground, run, row.part === 'json' ? 'json' : 'text', masked);
      case 'reply':
      case 'file': {
        const job = row.host === null ? undefined : await store.findJob(run.id, row.host);
        if (job?.outcome === undefined) return undefined;
        return row.kind === 'reply' ? formatReply(run, job) : await renderFile(ground, run, job, masked);
      }
      default:
        return row.kind satisfies never;
    }
  };
}

/** Equal results together, as many as fit, each with the output of its first host: all other output stays where it is. */
async function renderBoard(ground: Ground, run: Run, nameSet: NameSet): Promise<readonly Message[]> {
  const { store } = ground;
  const { plan } = run;
  const maxPages = run.state === 'finished' ? MAX_PAGES : 1;
  const bundles = foldResults(await store.listFoldRows(run.id));
  const { shown, rest, maxChars } = planBoard(bundles, maxPages);

  const outcomeOf = async ({ hosts: [host, ...others] }: Bundle): Promise<Outcome | undefined> => {
    // Each is a read and some cleaning: others get their turn between them.
    await new Promise((resolve) => setImmediate(resolve));
    const outcome = (await store.findJob(run.id, host))?.outcome;
    const target = findTarget(plan, host);
    return outcome === undefined || target === undefined || (others.length === 0 && plan.fold !== 'similar')
      ? outcome
      : generalize(outcome, target, plan.fold ?? 'exact');
  };
  const compared = plan.diff === true ? chooseReference(bundles) : undefined;
  const reference = compared && { bundle: compared, outcome: await outcomeOf(compared) };

  const entries: BoardEntry[] = [];
  for (const bundle of shown) {
    const outcome = await outcomeOf(bundle);
    if (outcome === undefined) continue;
    entries.push(
      formatBundle(run, bundle, outcome, {
        maxChars,
        nameSet,
        where: {
          kept: `all that was kept is in ${run.id}.txt in this thread`,
          spooled: `kept: ${run.id}.txt in this thread says where`,
        },
        ...(reference?.outcome !== undefined && bundle !== reference.bundle
          ? { reference: { bundle: reference.bundle, outcome: reference.outcome } }
          : {}),
      }),
    );
  }
  return formatBoard(run, { entries, rest, maxPages, nameSet });
}

/** A group's name for a set of hosts that is exactly that group; of several, the first. */
function createNameSet({ inventory }: Ground): NameSet {
  const groups = Array.from(inventory.groups.values(), ({ name, hosts }) => ({
    name,
    hosts: new Set(hosts.map((host) => host.name)),
  }));
  return (hosts) =>
    groups.find((group) => group.hosts.size === hosts.length && hosts.every((host) => group.hosts.has(host)))
      ?.name;
}

/** A whole run as a file, made as it is sent: never in memory as a whole. */
async function renderLog(
  ground: Ground,
  run: Run,
  form: 'text' | 'json',
  masked: (text: string) => string,
): Promise<FileUpload> {
  const { store, now } = ground;
  const rows = await store.listFoldRows(run.id);
  const share = shareLog(
    rows.length,
    rows.reduce((sum, { outputChars }) => sum + outputChars, 0),
  );
  async function* parts(): AsyncGenerator<string> {
    if (form === 'text') yield formatLogHeader(run, rows.length, share, now());
    let spooledHosts = 0;
    for await (const job of store.readJobs(run.id)) {
      if (isSpooled(job)) spooledHosts += 1;
      yield masked(
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

async function renderFile(
  { transfers }: Ground,
  run: Run,
  job: Job,
  masked: (text: string) => string,
): Promise<FileUpload | undefined> {
  const file = job.outcome?.file;
  if (run.plan.work.action === 'get' && file !== undefined) {
    const content = await transfers.read(file.path, MAX_OFFERED_BYTES);
    if (content === null) return undefined;
    return { filename: `${job.host}-${baseName(file.path)}`, content, comment: '' };
  }
  if (run.plan.work.action !== 'run' || replyShowsAll(job)) return undefined;
  // Its secrets are masked already, but colours may have stood in the middle of one: they are gone now.
  const content = new TextEncoder().encode(masked(formatFullOutput(run, job)));
  return { filename: `${run.id}-${job.host}.txt`, content, comment: '' };
}

function isSpooled({ outcome }: Job): boolean {
  return outcome?.stdout.spool !== undefined || outcome?.stderr.spool !== undefined;
}

/** A host's output with what is on disk of it: never in memory as a whole. */
function renderSpooled(
  run: Run,
  job: Job,
  masked: (text: string) => string,
  spooled: Spooled | undefined,
): FileUpload {
  const filename = spooledFileName(run, job);
  const read = (path: string) => spooled?.spool.read(path) ?? Promise.resolve(undefined);
  const chunks = (): AsyncIterable<Uint8Array> => encodeChunks(formatSpooledOutput(run, job, read));
  if (spooled !== undefined) {
    return { filename, content: () => maskChunks(chunks(), spooled.mask), comment: '' };
  }
  return { filename, content: new TextEncoder().encode(masked(formatFullOutput(run, job))), comment: '' };
}

/** Its secrets are masked already, but colours may have stood in the middle of one: they are gone now. */
async function* maskChunks(chunks: AsyncIterable<Uint8Array>, mask: Mask): AsyncGenerator<Uint8Array> {
  const masker = openMasker(mask);
  for await (const chunk of chunks) for (const { bytes } of masker.push(chunk)) yield bytes;
  for (const { bytes } of masker.end()) yield bytes;
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? path;
}
