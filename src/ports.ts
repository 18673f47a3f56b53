/** What the program needs of the world, a sentence a verb. `main.ts` alone knows which products fill these. */
import type { TextReading, TextSource } from './command/slash-text.ts';
import type { FoldRow } from './gather/fold.ts';
import type { Host } from './inventory/inventory.ts';
import type { Approved } from './policy/approved.ts';
import type { Unfinished } from './policy/shares.ts';
import type { Standing } from './policy/standing.ts';
import type { Message } from './report/message.ts';
import type {
  AnchoredAt,
  AuditEntry,
  AuditedEvent,
  AuditedRead,
  AuditedRefusal,
  AuditedTrust,
  AuditVerification,
  ExpectedHead,
} from './run/audit-entry.ts';
import type { DoubtfulCommand } from './run/doubtful-command.ts';
import type { FirstKey, HostKeyPolicy, KeyReport, TrustableReport, Trusted } from './run/host-key.ts';
import type { Leftover } from './run/leftover.ts';
import type { Outcome } from './run/outcome.ts';
import type { FileDigest, Origin, Plan, Requester, Work } from './run/plan.ts';
import type { ReceivedRequest, Unanswered } from './run/received.ts';
import type { Click, EndedJob, GoneRun, Job, Run, RunsOf, SlowJob, TakenJob } from './run/run.ts';
import type { SharedFile } from './run/shared-file.ts';
import type { Waits } from './run/waits.ts';
import type { OutboxClaim, OutboxRow } from './thread/row.ts';
import type { ClosedPlace } from './thread/unread.ts';
import type { Beat } from './time/beat.ts';

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
  /** The inventory changed: closes what is kept open to hosts that are not in it as they were, once it is idle. */
  closeStale(): void;
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
  /** Whose run it is: what is fetched is theirs. */
  readonly by: string;
  /** Aborted with a reason `cancelled` (a person) or `interrupted` (the process is stopping). */
  readonly signal: AbortSignal;
}

/** What hosts are known by. */
export interface HostKeyring {
  readonly policy: HostKeyPolicy;
  /**
   * Asks each host for its keys, without logging in there, and tells them next to the known ones. Within a time;
   * a `Refusal` where nothing known can be read.
   */
  look(hosts: readonly Host[]): Promise<readonly KeyReport[]>;
  /**
   * Makes hosts known by exactly the keys of these reports, where what is known of them is still what the reports
   * say; all of those in one step, or none. `record` puts them down first; what it throws is thrown on, and
   * nothing is written. Kept connections to them are closed.
   */
  trust(
    reports: readonly TrustableReport[],
    record: (reports: readonly TrustableReport[]) => Promise<void>,
  ): Promise<Trusted>;
}

/** The folder that `-local` may name things in. */
export interface TransferFolder {
  /** Size and checksum of the file to send; a `Refusal` where it is not a file inside the folder. */
  digestSource(local: string): Promise<FileDigest>;
  /**
   * What is on record of where this file came from; ask after its digest, so that it is of that content. Of one
   * that is being replaced both, and none of what an administrator placed. What lies where Slack's files are kept and
   * has no record is of somebody who is not known.
   */
  originsOf(local: string): Promise<readonly Origin[]>;
  /** A `Refusal` where the fetched files could not be put there. */
  checkDestination(local: string): Promise<void>;
  /** A fetched file's bytes, by its path below the folder, for the thread. Null where it is gone or above `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Keeps a file under this name, whole or not at all. The same name again takes its place; a `Refusal` where the
   * one there is another person's, and, before it is opened, where there is no room for it.
   */
  keep(local: string, file: KeptFile, origin: Origin): Promise<void>;
}

export interface KeptFile {
  /** As whoever has it says. */
  readonly bytes: number;
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/**
 * The record of where files of the transfer folder came from, by their true path below it. It holds for the name
 * until the bot puts another file there, whatever else is done to it on the disk.
 */
export interface Origins {
  list(path: string): Promise<readonly Origin[]>;
  /**
   * Durably, before the file takes its place: the new origin beside the old ones. Answers with the first old one
   * that is of another person; nothing was noted then.
   */
  claim(path: string, origin: Origin): Promise<Origin | undefined>;
  /** The file is in its place: of its origins only this one is left. */
  settle(path: string, origin: Origin): Promise<void>;
}

/** The files on hosts that are ours to remove, also after a crash. */
export interface Leftovers {
  /** Durably, before the file's first byte. */
  note(leftover: Leftover): Promise<void>;
  /** It is gone, or has become what it was to be. */
  forget(leftover: Leftover): Promise<void>;
  /** On this host: of this run, and of jobs that do not run any more. Oldest first. */
  list(host: string, runId: string): Promise<readonly Leftover[]>;
}

/**
 * Who asked for something and has no answer yet, so that a crash cannot lose it without a word: the next process
 * tells them. It carries none of it out.
 */
export interface Received {
  /** Durably; what to forget it by. */
  note(request: ReceivedRequest): Promise<string>;
  /** They were answered. What becomes a run is forgotten as its thread stands: `releaseRun`. */
  forget(ids: readonly string[]): Promise<void>;
  /** All, oldest first. */
  unanswered(): Promise<readonly Unanswered[]>;
}

/** What commands said beyond what the store keeps, each stream's masked beginning a file. */
export interface Spool {
  /** The file's bytes, by its path below the spool folder; undefined where there is none any more. */
  read(path: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** Room on the bot's own disk for the files of one folder, shared by all that write there. */
export interface Room {
  /** A file that is about to be written, by its full path. What it takes is counted until `keep` or `drop`. */
  claim(path: string): Claim;
}

export interface Claim {
  /**
   * Takes room for so many bytes more, before they are written. Undefined where there was enough; else why there is
   * none, in a clause for people, and none was taken.
   */
  grow(bytes: number): Promise<string | undefined>;
  /** The file is whole and in its place. */
  keep(): void;
  /** The file is gone. After `keep` nothing more. */
  drop(): void;
}

/** How much the bot's own disk holds of one kind. */
export interface DiskUse {
  readonly what: 'transfers' | 'spool' | 'database';
  readonly usedBytes: number;
  readonly maxBytes: number;
  /** On the disk that it lies on; infinite where that does not tell. */
  readonly freeBytes: number;
  /** Why nothing more is taken, a clause for people; null where there is room. */
  readonly trouble: string | null;
}

// ── the record ───────────────────────────────────────────────────────────────────────────────────────────

export interface Store {
  /**
   * Puts down the run, its jobs and the audit entry `accepted` in one transaction. The same `requestKey`
   * twice finds the first run, and the same click on a button, of which that is the key. Targets with `skip` are
   * settled at once. A `Refusal` where the requester would have more unfinished runs or waiting jobs than one person
   * may, and where the database or its disk is full. `receivedAs`: what the request was noted under (`Received`),
   * where that is another key.
   */
  createRun(
    plan: Approved<Plan>,
    requestKey: string,
    click?: Click,
    receivedAs?: string,
  ): Promise<{ readonly run: Run; readonly isNew: boolean }>;
  /** The root message stands: the run's jobs may start. Where it rejects, they never will by this call. */
  releaseRun(runId: string, rootTs: string): Promise<void>;
  /** The root message cannot stand: every job becomes `skipped` with this reason; audited as refused. */
  abandonRun(runId: string, reason: string): Promise<void>;
  /**
   * Settles what waits as `skipped`, audits, and tells which jobs run right now: theirs to abort.
   * A second cancel of the same run changes nothing, says again what runs, and is audited, once it is over too.
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
  /** Writes down a read of other people's results: of each person each run once within ten minutes. */
  recordRead(read: AuditedRead): Promise<void>;
  /** Writes down which keys a run is about to believe, or to let pass, by the policy: before anything is sent to their hosts. */
  recordFirstKeys(runId: string, keys: readonly FirstKey[]): Promise<void>;
  /** Writes down what a person says yes to, before it is so. */
  recordTrust(trust: AuditedTrust): Promise<void>;
  /** Writes down what came about without a request. */
  recordEvent(event: AuditedEvent): Promise<void>;
  /** Shows the head of the audit's chain in its channel, where there is one: `NUMBER:HASH`. */
  anchorAudit(when: AnchoredAt): Promise<string>;

  /** Of one that is not kept any more nothing: see `findGoneRun`. */
  findRun(runId: string): Promise<Run | undefined>;
  findGoneRun(runId: string): Promise<GoneRun | undefined>;
  /** Whether a run came of this request. `clickId`: of this click on the button that has the key. */
  hasRequest(requestKey: string, clickId?: number): Promise<boolean>;
  /** Newest first. */
  listRuns(count: number, whose?: RunsOf): Promise<readonly Run[]>;
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
  /** What this person has of the bot at the moment. */
  unfinishedOf(requester: Requester): Promise<Unfinished>;
  /** What the waiting jobs of these runs wait for; nothing of a run that has none to be handed out. */
  findWaits(runIds: readonly string[]): Promise<ReadonlyMap<string, Waits>>;

  readonly jobs: JobSource;
  readonly outbox: Outbox;
  readonly places: Places;
  readonly audit: AuditTrail;
  readonly leftovers: Leftovers;
  readonly origins: Origins;
  readonly received: Received;
  readonly expiry: Expiry;
  /** Runs that have not ended, or of which Slack is still to get something. */
  unfinishedRuns(): Promise<ReadonlySet<string>>;
  readonly doubts: Doubts;
  readonly readings: TextReadings;
  /** When all was last well; undefined where nobody ever said so. */
  lastBeat(): Promise<Beat | undefined>;
  beat(beat: Beat): Promise<void>;
  /** Bytes on disk that hold something. */
  usedBytes(): Promise<number>;
  /** Rejects where a run could not be recorded: the file gone or replaced, no room, no right to write. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Removes what is not to be kept any more; the audit stays whole. */
export interface Expiry {
  /** One small step. False: for now nothing is left to do. */
  step(keep: Keeping): Promise<boolean>;
}

/** How long what is stored is kept, from the end of its run on. Milliseconds, perhaps infinite. */
export interface Keeping {
  /** What hosts said, and the record of the messages that told it. */
  readonly outputMs: number;
  /** The runs themselves. */
  readonly runMs: number;
  /** Near so many bytes, the oldest goes whatever its age. */
  readonly maxBytes: number;
}

export interface Doubts {
  /** Under which id it waits; undefined where this very request was put there before, whatever came of it. */
  put(command: DoubtfulCommand): Promise<string | undefined>;
  /** Once, and only for whoever typed it. */
  take(id: string, by: Requester): Promise<DoubtfulCommand | undefined>;
}

/** How Slack writes `& < >` in this workspace, as people said. Audited. */
export interface TextReadings {
  find(teamId: string, source: TextSource): Promise<TextReading | undefined>;
  /** The first word stands until it is forgotten: false where there is one. */
  remember(by: Requester, source: TextSource, reading: TextReading): Promise<boolean>;
  /** False where there was none. */
  forget(by: Requester, source: TextSource): Promise<boolean>;
}

/**
 * Which jobs may run now. The embedded one keeps its order in memory; one over several replicas asks its
 * engine. At-most-once does not rest on it: `start` is the only way to begin a job, and answers once in a
 * job's life.
 */
export interface JobSource {
  /**
   * At most `n` jobs that may start now: of released runs, each person within their share, each run within its
   * fan-out, each host within its limit; who has the fewest comes first, and the runs of each take turns. A taken
   * job is not handed out again before it is settled.
   */
  take(n: number): Promise<readonly TakenJob[]>;
  /** The start guard: marks `queued` jobs as `running`, durably, and tells which ones: only these may be run. */
  start(jobs: readonly TakenJob[]): Promise<readonly TakenJob[]>;
  /** Stores outcomes, their outbox rows and, with a run's last job, the audit entry `settled`: one transaction. */
  settle(ended: readonly EndedJob[]): Promise<void>;
  /** Calls back when there may be something to take. */
  onReady(listener: () => void): void;
}

/**
 * Messages to keep in line with the store, not events: a row stays due until what Slack shows is what the
 * store says, so no result is lost; a claim holds for a lease, so (almost) none is doubled.
 */
export interface Outbox {
  /** Up to `limit` due rows, oldest first, none of these channels; each is ours until `now + leaseMs`. */
  claim(query: OutboxClaim): Promise<readonly OutboxRow[]>;
  /**
   * Slack has it under this `ts`, or a notice in its place, which leaves the row's faults. The row is done unless
   * the store moved on since the claim.
   */
  sent(row: OutboxRow, ts: string, what?: 'message' | 'notice'): Promise<void>;
  /** Its turn had not come, so nothing was tried: due again at `at`. */
  defer(row: OutboxRow, at: number, why: string): Promise<void>;
  /** Slack was asked and does not have it: due again at `at`, one try the wiser. */
  failed(row: OutboxRow, at: number, error: string): Promise<void>;
  /** Its message is about to be made once more: should that end the process, it counts as a fault. */
  making(row: OutboxRow): Promise<void>;
  /** Its message could not be made: due again at `at`. */
  faulted(row: OutboxRow, at: number, error: string): Promise<void>;
  /** It can never be sent in this form: kept with its error, no longer due. */
  giveUp(row: OutboxRow, error: string): Promise<void>;
  /**
   * Slack no longer has its message, or, of one that is to be posted, the root message of its thread: that is posted
   * anew, and all that is due goes below the new one. Given up where that came to pass a few times already.
   */
  lost(row: OutboxRow, error: string): Promise<void>;
  /** When the next row falls due, of channels that are not closed; undefined where none waits. */
  nextDueAt(): Promise<number | undefined>;
  onDue(listener: () => void): void;
}

/**
 * Channels that Slack does not let us write into at present. Durable: no job of a run starts whose channel is closed,
 * as nobody could read what came of it.
 */
export interface Places {
  list(): Promise<readonly string[]>;
  /** Slack said no once more, in this word. */
  close(channelId: string, error: string): Promise<ClosedPlace>;
  /** All that is due there is kept, and no longer due until it opens again. */
  giveUp(channelId: string, error: string): Promise<void>;
  /**
   * Something was written there: what was given up for its sake is due again, and what waited may start; where nobody
   * could read for longer than waiting work may begin by itself, it is held for a person to let go.
   */
  reopen(channelId: string): Promise<void>;
}

export interface AuditTrail {
  find(seq: number): Promise<AuditEntry | undefined>;
  /** Walks the whole chain, and all that it speaks of; looks for the `head` where one is given. */
  verify(head?: ExpectedHead): Promise<AuditVerification>;
  entries(): AsyncIterable<AuditEntry>;
}

// ── Slack ────────────────────────────────────────────────────────────────────────────────────────────────

/** Files that people put into Slack. */
export interface SharedFiles {
  /** Those of this channel, newest first; not all of a long history. A `Refusal` where Slack tells none. */
  list(channelId: string): Promise<readonly SharedFile[]>;
  /** What Slack tells of one file; a `Refusal` where it tells nothing. */
  describe(fileId: string): Promise<SharedFile>;
  /** The file's bytes as they come; a `Refusal` where the bot may not have it or it is above `maxBytes`. */
  open(fileId: string, maxBytes: number): Promise<AsyncIterable<Uint8Array>>;
}

/** Who people are, by Slack's word. */
export interface Directory {
  /**
   * What rules depend on: guest or not, shared channel or not, in which of the `named` user groups. Never older
   * than ten minutes. A `Refusal` for whoever may ask nothing (deactivated, a bot, of another organisation), and
   * where Slack does not tell. `channelId` is empty on the Home tab.
   */
  standingOf(requester: Requester, channelId: string, named: ReadonlySet<string>): Promise<Standing>;
}

/** Posts a run's root message at once, before anything runs. */
export interface Opener {
  /**
   * The `ts` of the message; a `Refusal` (`cannot-post`) where Slack will not have it. `mayStand`: an earlier
   * process may have posted it already, so it is looked for first where Slack lets us look.
   */
  openThread(channelId: string, message: Message, key: string, mayStand?: boolean): Promise<string>;
}
