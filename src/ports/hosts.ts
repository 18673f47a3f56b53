import type { Host } from '../inventory/inventory.ts';
import type { CopyMeter } from '../run/copy-progress.ts';
import type { HostKeyPolicy, KeyReport, TrustableReport, Trusted } from '../run/host-key.ts';
import type { Leftover } from '../run/leftover.ts';
import type { LookAtOutput } from '../run/live-output.ts';
import type { Outcome } from '../run/outcome.ts';
import type { Meeting } from '../run/ping/ping.ts';
import type { Work } from '../run/plan.ts';

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
  /** Of a command: the longest silence. */
  readonly idleMs?: number;
  /** Of a command: what words in it stand for on this host. */
  readonly values?: Readonly<Record<string, string>>;
  /**
   * Of a copy: whether the rules reach this path on this host. Asked with the file's true name, links followed,
   * before it is read or written: whoever may write to a folder of the host can plant a link there.
   */
  mayTouch(path: string): boolean;
  /** Hears how far a copy has come; nobody where it is left out. */
  readonly meter?: CopyMeter;
  /** Hears how it was logged in, where it was for this. */
  readonly onMet?: (meeting: Meeting) => void;
  /** Of a command: hears how to look at what it says, once it is on its way. */
  readonly onBegun?: (look: LookAtOutput) => void;
  /** Whose run it is: what is fetched is theirs. */
  readonly by: string;
  /**
   * Aborted with a reason: `cancelled` (a person), `interrupted` (the process is stopping; the command goes on) or
   * `cut-off` (others are about to take the host: the command is ended there, in haste).
   */
  readonly signal: AbortSignal;
  /** Asked right before a command is sent; false: it is not. Left out where nobody else could have the host. */
  mayBegin?(): boolean;
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

/** The files on hosts that are ours to remove, also after a crash. */
export interface Leftovers {
  /** Durably, before the file's first byte. */
  note(leftover: Leftover): Promise<void>;
  /** It is gone, or has become what it was to be. */
  forget(leftover: Leftover): Promise<void>;
  /** On this host: of this run, and of jobs that do not run any more. Oldest first. */
  list(host: string, runId: string): Promise<readonly Leftover[]>;
}
