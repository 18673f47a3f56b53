import { type Kysely, sql } from 'kysely';
import { CHAIN_START } from '../schema.ts';

/** The tables of the first release. */
export async function createFirst(db: Kysely<unknown>): Promise<void> {
  await sql`create table run (
    id text primary key,
    number integer not null unique,
    request_key text not null unique,
    plan_json text not null,
    plan_hash text not null,
    action text not null,
    team_id text not null,
    user_id text not null,
    channel_id text not null,
    state text not null check (state in ('opening', 'open', 'finished')),
    root_ts text,
    created_at bigint not null,
    cancelled_at bigint,
    cancelled_team text,
    cancelled_user text,
    finished_at bigint,
    digest text)`.execute(db);
  await sql`create index run_open on run (number) where finished_at is null`.execute(db);

  await sql`create table job (
    id text primary key,
    run_id text not null references run (id),
    position integer not null,
    host text not null,
    state text not null check (state in ('queued', 'running', 'settled')),
    kind text check ((kind is not null) = (state = 'settled')),
    started_at bigint,
    ended_at bigint,
    unique (run_id, position),
    unique (run_id, host))`.execute(db);
  await sql`create index job_count on job (run_id, state, kind)`.execute(db);
  await sql`create index job_running on job (id) where state = 'running'`.execute(db);

  await sql`create table result (
    job_id text primary key references job (id),
    outcome_json text not null)`.execute(db);
  await sql`create table output (
    job_id text primary key references job (id),
    streams_json text not null)`.execute(db);

  await sql`create table outbox (
    key text primary key,
    kind text not null check (kind in ('root', 'reply', 'file', 'audit')),
    turn text not null,
    run_id text references run (id),
    host text,
    position integer not null,
    audit_seq bigint,
    channel_id text,
    due_at bigint,
    lease_until bigint not null,
    attempts integer not null,
    version integer not null,
    ts text,
    given_up_at bigint,
    error text)`.execute(db);
  await sql`create index outbox_due on outbox (turn, due_at, position) where due_at is not null`.execute(db);

  await sql`create table audit (
    seq bigint primary key,
    at bigint not null,
    team_id text not null,
    user_id text not null,
    action text not null,
    run_id text,
    channel_id text,
    detail_json text not null,
    prev text not null,
    hash text not null unique)`.execute(db);
  await sql`create index audit_run on audit (run_id) where run_id is not null`.execute(db);
  await sql`create trigger audit_keeps_entries before delete on audit
    begin select raise(abort, 'audit entries cannot be deleted'); end`.execute(db);
  await sql`create trigger audit_keeps_words before update on audit
    begin select raise(abort, 'audit entries cannot be changed'); end`.execute(db);
  await sql`create table audit_head (
    id integer primary key check (id = 1),
    seq bigint not null,
    hash text not null)`.execute(db);
  await sql`insert into audit_head (id, seq, hash) values (1, 0, ${sql.lit(CHAIN_START)})`.execute(db);
}
