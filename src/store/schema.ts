import type { Generated } from 'kysely';
import type { TextReading, TextSource } from '../command/slash-text.ts';
import type { AuditEntry } from '../run/audit-entry.ts';
import type { OutcomeKind } from '../run/outcome.ts';
import type { WorkAction } from '../run/plan.ts';
import type { ReceivedRequest } from '../run/received.ts';
import type { JobState, RolloutPhase, RunState } from '../run/run.ts';
import type { Sends } from '../thread/row.ts';

/** The tables. Times are epoch ms; `…_json` is JSON text, which also keeps NUL bytes out of a `text` column. */
export interface Schema {
  run: RunTable;
  job: JobTable;
  result: ResultTable;
  output: OutputTable;
  outbox: OutboxTable;
  place: PlaceTable;
  audit: AuditTable;
  audit_head: AuditHeadTable;
  leftover: LeftoverTable;
  origin: OriginTable;
  beat: BeatTable;
  refusals: RefusalsTable;
  expiring: ExpiringTable;
  sealed: SealedTable;
  received: ReceivedTable;
  text_reading: TextReadingTable;
  host_fact: HostFactTable;
  doubt: DoubtTable;
  key_offer: KeyOfferTable;
  rollout: RolloutTable;
}

export interface RunTable {
  id: string;
  /** Counts up: the order in which runs were asked for, also within a millisecond. */
  number: number;
  request_key: string;
  plan_json: string;
  plan_hash: string;
  /** Out of the plan, so that most questions need not read all of it. */
  action: WorkAction;
  team_id: string;
  user_id: string;
  channel_id: string;
  state: RunState;
  root_ts: string | null;
  created_at: number;
  cancelled_at: number | null;
  cancelled_team: string | null;
  cancelled_user: string | null;
  finished_at: number | null;
  /** Since when what its hosts said is not kept any more, nor the record of the messages that told it. */
  output_retired_at: number | null;
  /** How often its root message was found to be gone, and posted anew. */
  root_lost: Generated<number>;
  /** Why what waits does not start before a person says so; null where it starts by itself. */
  held: string | null;
  /** Over the outcomes, once finished; the audit entry has it too. */
  digest: string | null;
  /** Since when nothing is stored of it but this row, its plan left out: for the audit, and for whoever asks. */
  gone_at: number | null;
}

interface JobTable {
  id: string;
  run_id: string;
  position: number;
  host: string;
  state: JobState;
  kind: OutcomeKind | null;
  started_at: number | null;
  ended_at: number | null;
}

/** An outcome without its output. Apart from the job, so that counting jobs reads no outcomes. */
interface ResultTable {
  job_id: string;
  outcome_json: string;
  /** A hash, equal within a run where results are. Null in results of before there was folding. */
  fold: string | null;
  exit_code: number | null;
  duration_ms: number | null;
  /** Characters of output that were kept. */
  output_chars: number | null;
  /** Of the output as it is stored; null where there was none, or the run had ended before this was kept. */
  output_hash: string | null;
  /** Host keys that were new to it and let it go on. Null in results of before they were counted. */
  first_keys: number | null;
}

/** What a job said, where it said something. Apart from the result, so that a digest reads no output. */
interface OutputTable {
  job_id: string;
  streams_json: string;
}

interface OutboxTable {
  key: string;
  sends: Sends;
  /** Rows of one value take turns with the others: the run's id, or `audit`. */
  turn: string;
  run_id: string | null;
  /** Orders what fell due at once. */
  position: number;
  /** Rows of one value may go out in one message. */
  joins: string | null;
  /** 1: it is put right where it stands, and posted nowhere. */
  only_if_stands: Generated<number>;
  /** Null for the audit channel, which is a setting. */
  channel_id: string | null;
  /** Null while nothing is to be sent. */
  due_at: number | null;
  lease_until: number;
  attempts: number;
  tries: Generated<number>;
  faults: Generated<number>;
  version: number;
  ts: string | null;
  /** Slack's id of a file that it has the bytes of and was perhaps asked to show; null once it is known to stand. */
  upload_id: Generated<string | null>;
  /** How often its message was found to be gone, and posted anew; of a root message the run counts it. */
  lost: Generated<number>;
  given_up_at: number | null;
  error: string | null;
}

/** A channel that cannot be written into at present. */
interface PlaceTable {
  channel_id: string;
  since: number;
  /** Slack's word. */
  error: string;
  /** How often it was tried. */
  refusals: number;
}

interface AuditTable {
  seq: number;
  at: number;
  team_id: string;
  user_id: string;
  action: AuditEntry['action'];
  run_id: string | null;
  channel_id: string | null;
  detail_json: string;
  prev: string;
  hash: string;
}

interface AuditHeadTable {
  id: number;
  seq: number;
  hash: string;
  /** The number of the last run that was accepted: rows go, numbers are never given again. */
  runs: number;
  /** How often somebody was refused, also where it is only counted so far. */
  refusals: number;
}

/** Files on hosts that are ours to remove. */
interface LeftoverTable {
  host: string;
  path: string;
  run_id: string;
  belongs_at: string | null;
  noted_at: number;
}

/** Where the rollout of a run stands. */
export interface RolloutTable {
  run_id: string;
  phase: RolloutPhase;
  /** Which one runs, or ran last; the first is 1. */
  batch: number;
  /** Jobs at this position and behind it do not start yet: the start guard looks. */
  starts_before: number;
  /** Hosts that were begun on and did not end ok. */
  failures: number;
  /** While it waits or is paused, or once nobody answered: since when, by the wall clock and by the machine's own. */
  since: number | null;
  since_boot: string | null;
  since_uptime_ms: number | null;
}

/** Where files of the transfer folder came from; several for one path while one takes the place of another. */
interface OriginTable {
  path: string;
  kind: 'fetched' | 'shared';
  /** The host; the id of Slack's file. */
  place: string;
  /** On the host; empty for Slack's. */
  remote: string;
  user_id: string;
  /** Of the file that the bot put there, once it had; null before, and of releases that did not write it down. */
  readonly bytes: number | null;
  readonly changed_at: number | null;
}

/** The words of a run that hold a secret, for as long as they may have to run. */
interface SealedTable {
  run_id: string;
  /** Random, hex: what is hashed with the words. */
  salt: string;
  work_json: string;
}

/** What people asked for and has no answer yet. */
interface ReceivedTable {
  id: string;
  request_key: string;
  team_id: string;
  user_id: string;
  channel_id: string;
  what: ReceivedRequest['what'];
  at: number;
  /** What was put down for it, while its thread does not stand yet. */
  run_id: string | null;
}

/** One row: when all was last well, by every clock there is. */
interface BeatTable {
  id: number;
  at: number;
  boot: string;
  uptime_ms: number;
}

/** Of one person, within the minute since the first: how many there were, and how many are in no audit entry yet. */
interface RefusalsTable {
  team_id: string;
  user_id: string;
  since: number;
  seen: number;
  counted: number;
  /** Of the last that was counted; null where there is none. */
  channel_id: string | null;
  last_json: string | null;
}

/** What the last contacts with a host told. */
interface HostFactTable {
  /** In lower case. */
  host: string;
  at: number;
  facts_json: string;
}

/** What is being removed, step by step. */
interface ExpiringTable {
  run_id: string;
  what: Retired;
}

/**
 * What of a run is given up on purpose. `output`: what its hosts said, and the sent rows of the outbox. `runs`: its
 * jobs and its plan as well.
 */
export type Retired = 'output' | 'runs';

/** How Slack writes what people type, as they said. */
interface TextReadingTable {
  team_id: string;
  source: TextSource;
  reading: TextReading;
}

/** What waits for a word of who sent it, a form as JSON; once taken their words are blank, and the request stays known. */
interface DoubtTable {
  id: string;
  request_key: string;
  team_id: string;
  user_id: string;
  channel_id: string;
  kind: 'text' | 'late' | 'form';
  /** Of a form: which. */
  command: string;
  words: string;
  put_at: number;
  taken_at: number | null;
}

/** Host keys that were shown, until somebody has said yes to them or they are too old. */
interface KeyOfferTable {
  id: string;
  team_id: string;
  user_id: string;
  reports_json: string;
  ends_at: number;
  taken_at: number | null;
}

/** What the first entry's `prev` says. */
export const CHAIN_START = '0'.repeat(64);
