import type { FoldRow } from '../gather/fold.ts';
import type { Approved } from '../policy/approved.ts';
import type { Unfinished } from '../policy/shares.ts';
import type {
  AnchoredAt,
  AuditedEvent,
  AuditedRead,
  AuditedRefusal,
  AuditedTrust,
} from '../run/audit-entry.ts';
import type { FirstKey } from '../run/host-key.ts';
import type { Plan, Requester } from '../run/plan.ts';
import type { Click, GoneRun, Job, Run, RunsOf, SlowJob } from '../run/run.ts';
import type { Waits } from '../run/waits.ts';
import type { Beat } from '../time/beat.ts';
import type { Origins } from './disk.ts';
import type { Leftovers } from './hosts.ts';
import type { JobSource } from './job-source.ts';
import type { Outbox, Places } from './outbox.ts';
import type { AuditTrail, Doubts, Expiry, Received, TextReadings } from './records.ts';

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
  /**
   * Lets what is held of a run go, audited as `resumed`: how many jobs; undefined where nothing is held (any more), or
   * it waits for what comes of its canary.
   */
  resumeRun(runId: string, by: Requester): Promise<number | undefined>;
  /** The root message shows something that is not stored: it is made again. */
  refreshRoot(runId: string): Promise<void>;
  /** The same for what waits for that: its next batch may start. */
  continueRun(runId: string, by: Requester): Promise<number | undefined>;
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
  /** The id of the run that came of this request. `clickId`: of this click on the button that has the key. */
  runOfRequest(requestKey: string, clickId?: number): Promise<string | undefined>;
  /** Newest first. */
  listRuns(count: number, whose?: RunsOf): Promise<readonly Run[]>;
  /** Runs that a process which is gone had stored and not begun; each is told once, and to one process. */
  unopenedRuns(): Promise<readonly Run[]>;
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
  /** Epoch ms by the clock that leases of the outbox go by: of this process, or of all that share the store. */
  readonly clock: () => number;
  /** Which process this is, among those that share the store; and whether any may. */
  readonly self: string;
  readonly isShared: boolean;
  /** Whether this is one of those, or was within the last days. */
  isReplica(id: string): Promise<boolean>;
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
  /** What waits at the moment, for whoever watches. */
  backlog(): Promise<Backlog>;
  /** Bytes on disk that hold something. */
  usedBytes(): Promise<number>;
  /** What is wrong with the database or its disk, a clause, where that is what an error of ours comes from. */
  describeTrouble(error: unknown): string | undefined;
  /** Rejects where a run could not be recorded: the file gone or replaced, no room, no right to write. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** What waits; of none of it the age is 0. */
export interface Backlog {
  /** Jobs that have not begun. `held`: a person has to let them go. `oldestMs`: of the others, since their run was asked for. */
  readonly queue: { readonly waiting: number; readonly held: number; readonly oldestMs: number };
  /** Rows that are due, and those that were given up and might be sent again. */
  readonly outbox: { readonly due: number; readonly oldestMs: number; readonly givenUp: number };
}
