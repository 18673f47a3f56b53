import { type Kysely, sql } from 'kysely';
import { CHAIN_START } from '../schema.ts';

/**
 * All tables as they are in a file after `0032-uploads`, at once. Text is compared by its bytes, as SQLite and
 * JavaScript do: keys are walked in that order. What only several processes need is at the end.
 */
export async function createBaseline(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...TABLES, ...INDEXES, ...TRIGGERS]) await sql.raw(statement).execute(db);
}

const TEXT = 'text collate "C"';
/** Which process put it down: each says its name to the server as it connects. */
const OPENER = `${TEXT} default current_setting('batchops.self', true)`;

const TABLES: readonly string[] = [
  `create table run (
    id ${TEXT} primary key,
    number integer not null unique,
    request_key ${TEXT} not null unique,
    plan_json text not null,
    plan_hash text not null,
    action text not null,
    team_id ${TEXT} not null,
    user_id ${TEXT} not null,
    channel_id ${TEXT} not null,
    state ${TEXT} not null check (state in ('opening', 'open', 'finished')),
    root_ts ${TEXT},
    root_lost integer not null default 0,
    created_at bigint not null,
    cancelled_at bigint,
    cancelled_team ${TEXT},
    cancelled_user ${TEXT},
    finished_at bigint,
    output_retired_at bigint,
    gone_at bigint,
    held text,
    digest text,
    opener ${OPENER},
    changed bigint)`,
  `create table job (
    id ${TEXT} primary key,
    run_id ${TEXT} not null references run (id),
    position integer not null,
    host ${TEXT} not null,
    state ${TEXT} not null check (state in ('queued', 'running', 'settled')),
    kind ${TEXT} check ((kind is not null) = (state = 'settled')),
    started_at bigint,
    ended_at bigint,
    worker ${TEXT},
    lane ${TEXT},
    stop_asked boolean not null default false,
    changed bigint,
    unique (run_id, position),
    unique (run_id, host))`,
  `create table result (
    job_id ${TEXT} primary key references job (id),
    outcome_json text not null,
    fold text,
    exit_code bigint,
    duration_ms bigint,
    output_chars bigint,
    output_hash text,
    first_keys integer)`,
  `create table output (
    job_id ${TEXT} primary key references job (id),
    streams_json text not null)`,
  `create table audit (
    seq bigint primary key,
    at bigint not null,
    team_id ${TEXT} not null,
    user_id ${TEXT} not null,
    action ${TEXT} not null,
    run_id ${TEXT},
    channel_id ${TEXT},
    detail_json text not null,
    prev text not null,
    hash text not null unique)`,
  `create table audit_head (
    id integer primary key check (id = 1),
    seq bigint not null,
    hash text not null,
    runs bigint not null default 0,
    refusals bigint not null default 0)`,
  `insert into audit_head (id, seq, hash) values (1, 0, '${CHAIN_START}')`,
  `create table leftover (
    host ${TEXT} not null,
    path ${TEXT} not null,
    run_id ${TEXT} not null,
    belongs_at text,
    noted_at bigint not null)`,
  `create table beat (
    id integer primary key check (id = 1),
    at bigint not null,
    boot text not null,
    uptime_ms bigint not null)`,
  `create table outbox (
    key ${TEXT} primary key,
    sends ${TEXT} not null check (sends in ('message', 'file', 'bulk')),
    turn ${TEXT} not null,
    run_id ${TEXT} references run (id),
    position integer not null,
    joins ${TEXT},
    only_if_stands integer not null default 0,
    channel_id ${TEXT},
    due_at bigint,
    lease_until bigint not null,
    attempts integer not null,
    tries integer not null default 0,
    faults integer not null default 0,
    version integer not null,
    ts ${TEXT},
    upload_id text,
    lost integer not null default 0,
    given_up_at bigint,
    error text)`,
  `create table refusals (
    team_id ${TEXT} not null,
    user_id ${TEXT} not null,
    since bigint not null,
    seen integer not null,
    counted integer not null,
    channel_id ${TEXT},
    last_json text,
    primary key (team_id, user_id))`,
  `create table origin (
    path ${TEXT} not null,
    kind ${TEXT} not null check (kind in ('fetched', 'shared')),
    place ${TEXT} not null,
    remote ${TEXT} not null,
    user_id ${TEXT} not null)`,
  `create table sealed (
    run_id ${TEXT} primary key references run (id),
    salt text not null,
    work_json text not null)`,
  `create table text_reading (
    team_id ${TEXT} not null,
    source ${TEXT} not null check (source in ('command', 'form')),
    reading ${TEXT} not null check (reading in ('raw', 'entities')),
    primary key (team_id, source))`,
  `create table doubt (
    id ${TEXT} primary key,
    request_key ${TEXT} not null unique,
    team_id ${TEXT} not null,
    user_id ${TEXT} not null,
    channel_id ${TEXT} not null,
    kind ${TEXT} not null check (kind in ('text', 'late', 'form')),
    command text not null,
    words text not null,
    put_at bigint not null,
    taken_at bigint)`,
  `create table place (
    channel_id ${TEXT} primary key,
    since bigint not null,
    error text not null,
    refusals integer not null)`,
  `create table expiring (
    run_id ${TEXT} primary key references run (id),
    what ${TEXT} not null check (what in ('output', 'runs')))`,
  `create table received (
    id ${TEXT} primary key,
    request_key ${TEXT} not null,
    team_id ${TEXT} not null,
    user_id ${TEXT} not null,
    channel_id ${TEXT} not null,
    what ${TEXT} not null,
    at bigint not null,
    run_id ${TEXT},
    opener ${OPENER})`,
  `create table replica (
    id ${TEXT} primary key,
    seen_at bigint not null)`,
  `create table posting (
    id integer primary key check (id = 1),
    replica ${TEXT} not null,
    until bigint not null)`,
];

const INDEXES: readonly string[] = [
  'create index run_open on run (number) where finished_at is null',
  'create index run_output_kept on run (finished_at, id) where finished_at is not null and output_retired_at is null',
  'create index run_kept on run (finished_at, id) where finished_at is not null and gone_at is null',
  'create index run_listed on run (number, team_id, user_id, gone_at)',
  'create index job_count on job (run_id, state, kind)',
  "create index job_running on job (id) where state = 'running'",
  'create index audit_run on audit (run_id) where run_id is not null',
  'create index outbox_due on outbox (turn, due_at, position, key desc) where due_at is not null',
  'create index outbox_given_up on outbox (turn) where given_up_at is not null',
  // Not as keys: what is longer than a third of a page has no place in an index.
  'create unique index leftover_path on leftover (host, md5(path))',
  'create unique index origin_path on origin (md5(path), kind, md5(place), md5(remote), user_id)',
  // A host's lane belongs to one job: with pg-boss, the second lock on it.
  "create unique index job_lane on job (lane) where worker is not null and state <> 'settled'",
  'create index job_changed on job (changed) where changed is not null',
  'create index run_changed on run (changed) where changed is not null',
];

const TRIGGERS: readonly string[] = [
  `create function batchops_keeps_audit() returns trigger language plpgsql as $$
    begin raise exception 'audit entries cannot be changed or deleted'; end $$`,
  `create trigger audit_keeps before update or delete on audit
    for each row execute function batchops_keeps_audit()`,
  `create trigger audit_keeps_all before truncate on audit
    for each statement execute function batchops_keeps_audit()`,
  // What happened to jobs and runs, in order: by it each process keeps its map of what waits up to date.
  'create sequence batchops_changes',
  `create function batchops_numbers() returns trigger language plpgsql as $$
    begin new.changed := nextval('batchops_changes'); return new; end $$`,
  `create trigger job_changes before update of state, worker on job
    for each row execute function batchops_numbers()`,
  `create trigger run_changes before update of state, held, cancelled_at on run
    for each row execute function batchops_numbers()`,
  `create function batchops_place() returns trigger language plpgsql as $$
    begin
      update run set changed = nextval('batchops_changes')
        where finished_at is null and channel_id = coalesce(new.channel_id, old.channel_id);
      return null;
    end $$`,
  `create trigger place_changes after insert or delete on place
    for each row execute function batchops_place()`,
];
