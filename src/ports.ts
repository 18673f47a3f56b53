/** What the program needs of the world, a sentence a verb. `main.ts` alone knows which products fill these. */
import type { FoldRow } from './gather/fold.ts';
import type { Host } from './inventory/inventory.ts';
import type { Approved } from './policy/approved.ts';
import type { Message } from './report/message.ts';
import type { Outcome } from './run/outcome.ts';
import type { FileDigest, Plan, Requester, Work } from './run/plan.ts';
import type { Job, Run } from './run/run.ts';

/** Structured log lines for the administrator; no output of hosts, no secrets. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

// ── hosts ────────────────────────────────────────────────────────────────────────────────────────────────

export interface Transport {
  /** Does the work on one host. Never rejects; answers exactly once, whatever the host does. */
  execute(host: Host, work: Work, how: Execution): Promise<Outcome>;
  /** Closes every idle and busy connection; what still runs ends as `interrupted`. */
  close(): Promise<void>;
}

export interface Execution {
  readonly runId: string;
  readonly timeLimitMs: number;
  /**
   * Of a copy: whether the rules reach this path on this host. Asked with the file's true name, links followed,
   * before it is read or written: whoever may write to a folder of the host can plant a link there.
   */
  mayTouch(path: string): boolean;
  /** Aborted with a reason `cancelled` (a person) or `interrupted` (the process is stopping). */
  readonly signal: AbortSignal;
}

/** The folder that `-local` may name things in. */
export interface TransferFolder {
  /** Size and checksum of the file to send; a `Refusal` where it is not a file inside the folder. */
  digestSource(local: string): Promise<FileDigest>;
  /** A `Refusal` where the fetched files could not be put there. */
  checkDestination(local: string): Promise<void>;
  /** A fetched file's bytes, by its path below the folder, for the thread. Null where it is gone or above `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array | null>;
  /** Keeps a file under this name, whole or not at all. The same name again takes its place. */
  keep(local: string, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/** What commands said beyond what the store keeps, each stream's masked beginning a file. */
export interface Spool {
  /** The file's bytes, by its path below the spool folder; undefined where there is none any more. */
  read(path: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

// ── the record ───────────────────────────────────────────────────────────────────────────────────────────

export interface Store {
  /**
   * Puts down the run, its jobs and the audit entry `accepted` in one transaction. The same `requestKey`
   * twice finds the first run. Targets with `skip` are settled at once.
   */
  createRun(
    plan: Approved<Plan>,
    requestKey: string,
  ): Promise<{ readonly run: Run; readonly isNew: boolean }>;
  /** The root message stands: the run's jobs may start. Where it rejects, they never will by this call. */
  releaseRun(runId: string, rootTs: string): Promise<void>;
  /** The root message cannot stand: every job becomes `skipped` with this reason; audited as refused. */
  abandonRun(runId: string, reason: string): Promise<void>;
  /**
   * Settles what waits as `skipped`, audits, and tells which jobs run right now: theirs to abort.
   * A second cancel of the same run changes nothing but says again what runs.
   */
  cancelRun(
    runId: string,
    by: Requester,
  ): Promise<{ readonly skipped: number; readonly running: readonly Job[] }>;
  /** The same for some of its hosts; the others go on. Audited where there was something to stop. */
  cancelHosts(
    runId: string,
    hosts: readonly string[],
    by: Requester,
  ): Promise<{ readonly skipped: number; readonly running: readonly Job[] }>;
  /**
   * Holds what waits of every released run: it does not start before `resumeRun`, also not after a restart. Told
   * in the root messages, audited as `held`; the number of jobs.
   */
  holdRuns(reason: string): Promise<number>;
  /** Lets what is held of a run go, audited as `resumed`: how many jobs; undefined where nothing is held (any more). */
  resumeRun(runId: string, by: Requester): Promise<number | undefined>;
  /** Settles the waiting jobs of these hosts as `skipped`: what they would do is no longer allowed or known. */
  skipJobs(runId: string, hosts: readonly string[], reason: string): Promise<void>;
  /** Puts a finished run's log files into its thread where they are not there yet. True: they are. */
  postLog(runId: string): Promise<boolean>;
  /** Writes down a refusal (and nothing else happens). */
  recordRefusal(refusal: AuditedRefusal): Promise<void>;

  findRun(runId: string): Promise<Run | undefined>;
  /** Newest first. */
  listRuns(count: number): Promise<readonly Run[]>;
  /** Runs that are not finished, oldest first: what goes on after a restart. */
  openRuns(): Promise<readonly Run[]>;
  /** In plan order; without output unless asked for. */
  listJobs(runId: string): Promise<readonly Job[]>;
  findJob(runId: string, host: string): Promise<Job | undefined>;
  /** The settled jobs as folding needs them, in plan order. */
  listFoldRows(runId: string): Promise<readonly FoldRow[]>;
  /** The settled jobs with their output, in plan order, never many in memory at once: for files. */
  readJobs(runId: string): AsyncIterable<Job>;
  /** What keeps a run: the jobs that run longest now; of a finished run, those that took longest. */
  listSlowest(runId: string, count: number): Promise<readonly SlowJob[]>;

  readonly jobs: JobSource;
  readonly outbox: Outbox;
  readonly audit: AuditTrail;
  /** When all was last well; undefined where nobody ever said so. */
  lastBeat(): Promise<Beat | undefined>;
  beat(beat: Beat): Promise<void>;
  /** Rejects where a run could not be recorded: the file gone or replaced, no room, no right to write. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** A moment, by the wall clock and by one that nobody can set. */
export interface Beat {
  /** Epoch ms. */
  readonly at: number;
  /** Which start of the machine; empty where it does not tell. */
  readonly boot: string;
  /** Since that start, sleep included. */
  readonly uptimeMs: number;
}

export interface SlowJob {
  readonly host: string;
  /** Epoch ms: it still runs. */
  readonly startedAt?: number;
  readonly durationMs?: number;
}

export interface AuditedRefusal {
  readonly requester: Requester;
  readonly channelId: string;
  /** As typed. */
  readonly typed: string;
  readonly code: string;
  readonly reason: string;
}

/**
 * Which jobs may run now. The embedded one keeps its order in memory; one over several replicas asks its
 * engine. At-most-once does not rest on it: `start` is the only way to begin a job, and answers once in a
 * job's life.
 */
export interface JobSource {
  /**
   * At most `n` jobs that may start now: of released runs, each run within its fan-out, each host within its
   * limit, runs taking turns. A taken job is not handed out again before it is settled.
   */
  take(n: number): Promise<readonly TakenJob[]>;
  /** The start guard: marks `queued` jobs as `running`, durably, and tells which ones: only these may be run. */
  start(jobs: readonly TakenJob[]): Promise<readonly TakenJob[]>;
  /** Stores outcomes, their outbox rows and, with a run's last job, the audit entry `settled`: one transaction. */
  settle(ended: readonly EndedJob[]): Promise<void>;
  /** Calls back when there may be something to take. */
  onReady(listener: () => void): void;
}

export interface TakenJob {
  readonly id: string;
  readonly runId: string;
  readonly host: string;
}

export interface EndedJob {
  readonly job: TakenJob;
  readonly outcome: Outcome;
}

/**
 * Messages to keep in line with the store, not events: a row stays due until what Slack shows is what the
 * store says, so no result is lost; a claim holds for a lease, so (almost) none is doubled.
 */
export interface Outbox {
  /** Up to `limit` due rows, oldest first, none of these channels; each is ours until `now + leaseMs`. */
  claim(query: OutboxClaim): Promise<readonly OutboxRow[]>;
  /** Slack has it under this `ts`. The row is done unless the store moved on since the claim. */
  sent(row: OutboxRow, ts: string): Promise<void>;
  /** Slack does not have it: due again at `at`. */
  defer(row: OutboxRow, at: number, error: string): Promise<void>;
  /** It can never be sent (channel gone, bot removed): kept with its error, no longer due. */
  giveUp(row: OutboxRow, error: string): Promise<void>;
  /** When the next row falls due; undefined where none waits. */
  nextDueAt(): Promise<number | undefined>;
  onDue(listener: () => void): void;
}

export interface OutboxClaim {
  readonly limit: number;
  readonly now: number;
  readonly leaseMs: number;
  /** Channels that may not be written to at the moment. */
  readonly except: readonly string[];
  /**
   * Only these kinds; all where left out. Slack counts edits and posts apart, and a backlog of replies must
   * not keep the root message's edit waiting behind it.
   */
  readonly kinds?: readonly OutboxRow['kind'][];
  /** Only rows whose message stands already (true), or does not (false). */
  readonly standing?: boolean;
}

export interface OutboxRow {
  readonly key: string;
  /**
   * `root`, `board`: posted once, then edited. `reply`, `file`: a host's result. `log`: a file on a whole run,
   * or with a host, on what of its output is on disk; it may be long in coming.
   * `audit`: a line for the audit channel.
   */
  readonly kind: 'root' | 'reply' | 'file' | 'board' | 'log' | 'audit';
  /** Null for `audit`: the channel is a setting. */
  readonly channelId: string | null;
  readonly runId: string | null;
  readonly host: string | null;
  readonly auditSeq: number | null;
  /** Of a board its page, of a log its form; what stands behind the run in the key. */
  readonly part?: string;
  /** The message's own `ts` where it was posted before. */
  readonly ts: string | null;
  /** The root message's `ts`, for all that goes into the thread. */
  readonly threadTs: string | null;
  /** Claims before this one: above 0, an earlier try may have reached Slack. */
  readonly attempts: number;
  /** Counts the store's changes to what the row shows. */
  readonly version: number;
}

export interface AuditEntry {
  readonly seq: number;
  readonly at: number;
  readonly teamId: string;
  readonly userId: string;
  readonly action:
    | 'accepted'
    | 'refused'
    | 'cancelled'
    | 'settled'
    | 'interrupted'
    | 'started'
    | 'held'
    | 'resumed';
  readonly runId: string | null;
  readonly channelId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly prev: string;
  readonly hash: string;
}

export interface AuditTrail {
  find(seq: number): Promise<AuditEntry | undefined>;
  /** Walks the whole chain. */
  verify(): Promise<{ readonly entries: number; readonly head: string; readonly faults: readonly string[] }>;
  entries(): AsyncIterable<AuditEntry>;
}

// ── Slack ────────────────────────────────────────────────────────────────────────────────────────────────

export interface SharedFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
}

/** Files that people put into Slack. */
export interface SharedFiles {
  /** Those of this channel, newest first; not all of a long history. A `Refusal` where Slack tells none. */
  list(channelId: string): Promise<readonly SharedFile[]>;
  /** The file's bytes as they come; a `Refusal` where the bot may not have it or it is above `maxBytes`. */
  open(fileId: string, maxBytes: number): Promise<AsyncIterable<Uint8Array>>;
}

/** Posts a run's root message at once, before anything runs. */
export interface Opener {
  /**
   * The `ts` of the message; a `Refusal` (`cannot-post`) where Slack will not have it. `mayStand`: an earlier
   * process may have posted it already, so it is looked for first where Slack lets us look.
   */
  openThread(channelId: string, message: Message, key: string, mayStand?: boolean): Promise<string>;
}
