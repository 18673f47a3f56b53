import type { FirstKey } from './host-key.ts';
import type { Ping } from './ping/ping.ts';

/**
 * How a job can end. Closed, one cause each, never mapped onto an exit code.
 *
 * - `ok`: exit 0 (or the file is where it should be, whole).
 * - `failed`: the command ended with another exit code.
 * - `killed`: the command was ended by a signal.
 * - `timed-out`: the command was still running at its time limit and was stopped; or the host was silent, or too
 *   slow, for that long during a copy.
 * - `unreachable`: no SSH session came about (name, route, port, handshake); nothing was sent.
 * - `auth-failed`: the host refused our login and nothing was sent, or its sudo the password; the command did not begin.
 * - `host-key-failed`: the host is not the one we trust; no secret and no command was sent.
 * - `lost`: the connection died after the command was sent; it may or may not have run to its end. Of a copy: it died
 *   while the file got its name, and which file is there is not known.
 * - `cancelled`: a person stopped it while it ran.
 * - `skipped`: it was never started (disabled, cancelled before its turn, its credential refused by two others, …).
 * - `not-run`: the host answered with something else than our command (a login shell, forced command or policy of
 *   its own), or let us in and opened no channel for it: there is no sign that the command began.
 * - `interrupted`: this process died while it ran; what became of the command is unknown.
 * - `transfer-failed`: the session stood, the copy did not succeed. The final name was not touched, or the reason says
 *   where the old file is.
 */
export const OUTCOME_KINDS = [
  'ok',
  'failed',
  'killed',
  'timed-out',
  'unreachable',
  'auth-failed',
  'host-key-failed',
  'lost',
  'cancelled',
  'skipped',
  'not-run',
  'interrupted',
  'transfer-failed',
] as const;

export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

/** Nobody knows whether the work was done: it is repeated only where that is asked for by this name. */
export function mayHaveRun(kind: OutcomeKind): boolean {
  return kind === 'lost' || kind === 'interrupted';
}

/** What one stream said, decoded and bounded. Secrets are already masked. */
export interface StreamText {
  /** The first part; all of it where nothing was left out. */
  readonly head: string;
  /** The last part; empty where nothing was left out. */
  readonly tail: string;
  /** All that came, before bounding. */
  readonly totalBytes: number;
  /** What stands in neither part. */
  readonly omittedBytes: number;
  /** Not text (`isBinary`): a NUL, or more than a tenth not UTF-8, near its beginning. `head` and `tail` are then empty. */
  readonly binary: boolean;
  /** Hex, over all bytes as they came. */
  readonly sha256: string;
  /** Where more of it is on disk than stands here. */
  readonly spool?: SpooledText;
}

/** The beginning of a stream as a file, masked; all of it where `bytes` is the stream's `totalBytes`. */
export interface SpooledText {
  /** Below the spool folder. */
  readonly path: string;
  /** Of the stream as it came: markers may make the file itself shorter or longer. */
  readonly bytes: number;
}

export const NO_OUTPUT: StreamText = {
  head: '',
  tail: '',
  totalBytes: 0,
  omittedBytes: 0,
  binary: false,
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};

/** A file that a `get` brought or a `put` sent. */
export interface MovedFile {
  /** Of a get: below the transfer folder. Of a put: the full remote name. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly verified: Verification;
  /** Set where it is a folder: size and checksum are of all that is in it. */
  readonly folder?: MovedFolder;
}

export interface MovedFolder {
  /** Files that were copied. */
  readonly copied: number;
  readonly copiedBytes: number;
  /** Files that were the same there already, by size and checksum. */
  readonly unchanged: number;
  /** Links and what else is no file: neither copied nor followed. */
  readonly leftOut: number;
}

/**
 * What was compared of a copied file. `checksum`: the host computed the same one. `read-back`: what lies there
 * was fetched again, and is the same. `size`: only that, since the host tells no more. `nothing`: the host says
 * another size than came, as of files that grow or have none, or no size at all; or it changed while it was fetched.
 */
export type Verification = 'checksum' | 'read-back' | 'size' | 'nothing';

export interface Outcome {
  readonly kind: OutcomeKind;
  /** Null where the command did not end by itself. */
  readonly exitCode: number | null;
  /** Without the SIG: `TERM`. */
  readonly signal: string | null;
  /** One sentence for people on why it ended so; empty where the kind says all. */
  readonly reason: string;
  readonly stdout: StreamText;
  readonly stderr: StreamText;
  readonly file?: MovedFile;
  /** Of a ping. What hosts have in common of it is its `stdout`; this is no part of what makes two results the same. */
  readonly ping?: Ping;
  /** Keys that were not known before; left out where there were none. No part of what makes two results the same. */
  readonly firstKeys?: readonly FirstKey[];
  /** From the job's start (name, route and login count, its wait in the queue does not) to its end; 0 where it never started. */
  readonly durationMs: number;
}

/** Characters of output that were kept. */
export function keptChars({ stdout, stderr }: Pick<Outcome, 'stdout' | 'stderr'>): number {
  return stdout.head.length + stdout.tail.length + stderr.head.length + stderr.tail.length;
}

/** Keys that were not known before and did not stop it. */
export function countFirstKeys({ firstKeys = [] }: Pick<Outcome, 'firstKeys'>): number {
  return firstKeys.filter(({ how }) => how !== 'refused').length;
}

/** Whether more of its output is on disk than in the outcome. */
export function isSpooled({ stdout, stderr }: Pick<Outcome, 'stdout' | 'stderr'>): boolean {
  return stdout.spool !== undefined || stderr.spool !== undefined;
}

/** An outcome without output: everything that ended before a command could say something. */
export function bareOutcome(kind: OutcomeKind, reason: string, durationMs = 0): Outcome {
  return { kind, exitCode: null, signal: null, reason, stdout: NO_OUTPUT, stderr: NO_OUTPUT, durationMs };
}

/** The kind as it stands in a summary: `97 ok, 1 timed out`. One name for one thing, wherever it is read. */
export function outcomeWords(kind: OutcomeKind): string {
  return kind.replaceAll('-', ' ');
}
