import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { createFirst } from './first.ts';

/** In this order. The SQL of one never changes once released. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first': { up: createFirst },
  '0002-boards': { up: addBoards },
  '0003-leftovers': { up: addLeftovers },
  '0003-tries': { up: addTries },
  '0004-holds': { up: addHolds },
  '0005-rows': { up: forgetKinds },
  '0006-joins': { up: addJoins },
  '0007-shares': { up: addRefusals },
  '0008-origins': { up: addOrigins },
  '0013-secrets': { up: addSealed },
  '0016-posted': { up: addOnlyIfStands },
  '0017-audit': { up: coverOutputs },
  '0017-trust': { up: addFirstKeys },
  '0018-slash-text': { up: addDoubts },
  '0019-places': { up: addPlaces },
  '0020-expiry': { up: addExpiry },
  '0021-received': { up: addReceived },
  '0025-rollouts': { up: addRollouts },
  '0031-doubtful-forms': { up: letFormsWait },
  '0032-uploads': { up: addUploads },
  '0035-origin-files': { up: addOriginFiles },
  '0037-key-offers': { up: addKeyOffers },
  '0042-host-facts': { up: addHostFacts },
};

/** Results can be folded, and the outbox takes boards and logs. SQLite cannot change a check: the table is made anew. */
async function addBoards(db: Kysely<unknown>): Promise<void> {
  for (const column of ['fold text', 'exit_code bigint', 'duration_ms bigint', 'output_chars bigint']) {
    await sql`alter table result add column ${sql.raw(column)}`.execute(db);
  }
  await sql`create table outbox_next (
    key text primary key,
    kind text not null check (kind in ('root', 'reply', 'file', 'board', 'log', 'audit')),
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
  const columns = sql.raw(
    'key, kind, turn, run_id, host, position, audit_seq, channel_id, due_at, lease_until, attempts, version, ts, given_up_at, error',
  );
  await sql`insert into outbox_next (${columns}) select ${columns} from outbox`.execute(db);
  await sql`drop table outbox`.execute(db);
  await sql`alter table outbox_next rename to outbox`.execute(db);
  await sql`create index outbox_due on outbox (turn, due_at, position) where due_at is not null`.execute(db);
}

/** Temporary files on hosts are known, and a copy says how it was verified instead of whether. */
async function addLeftovers(db: Kysely<unknown>): Promise<void> {
  await sql`create table leftover (
    host text not null,
    path text not null,
    run_id text not null,
    belongs_at text,
    noted_at bigint not null,
    primary key (host, path))`.execute(db);
  // Within a JSON text a quote would be escaped, so this is the key and nothing that a host said.
  for (const [was, is] of [
    ['"verified":true', '"verified":"checksum"'],
    ['"verified":false', '"verified":"size"'],
  ]) {
    await sql`update result set outcome_json = replace(outcome_json, ${was}, ${is})
      where outcome_json like ${`%${was}%`}`.execute(db);
  }
}

/** What came of a row's claims is counted apart: only some are tries, and only some of those fail in our own hands. */
async function addTries(db: Kysely<unknown>): Promise<void> {
  await sql`alter table outbox add column tries integer not null default 0`.execute(db);
  await sql`alter table outbox add column faults integer not null default 0`.execute(db);
}

async function addHolds(db: Kysely<unknown>): Promise<void> {
  await sql`alter table run add column held text`.execute(db);
  await sql`create table beat (
    id integer primary key check (id = 1),
    at bigint not null,
    boot text not null,
    uptime_ms bigint not null)`.execute(db);
}

/** What a row shows stands in its key; the table knows only how it is sent. The root message has its row from the start. */
async function forgetKinds(db: Kysely<unknown>): Promise<void> {
  await sql`create table outbox_next (
    key text primary key,
    sends text not null check (sends in ('message', 'file', 'bulk')),
    turn text not null,
    run_id text references run (id),
    position integer not null,
    channel_id text,
    due_at bigint,
    lease_until bigint not null,
    attempts integer not null,
    version integer not null,
    ts text,
    given_up_at bigint,
    error text,
    tries integer not null default 0,
    faults integer not null default 0)`.execute(db);
  const columns = sql.raw(
    'turn, run_id, position, channel_id, due_at, lease_until, attempts, version, ts, given_up_at, error, tries, faults',
  );
  await sql`insert into outbox_next (key, sends, ${columns})
    select key, case kind when 'file' then 'file' when 'log' then 'bulk' else 'message' end, ${columns}
    from outbox`.execute(db);
  await sql`insert into outbox_next (key, sends, turn, run_id, position, channel_id, lease_until, attempts, version)
    select 'root:' || id, 'message', id, id, -1, channel_id, 0, 0, 1 from run where state = 'opening'`.execute(
    db,
  );
  await sql`drop table outbox`.execute(db);
  await sql`alter table outbox_next rename to outbox`.execute(db);
  await sql`create index outbox_due on outbox (turn, due_at, position) where due_at is not null`.execute(db);
}

/** Hosts' replies may share a message. */
async function addJoins(db: Kysely<unknown>): Promise<void> {
  await sql`alter table outbox add column joins text`.execute(db);
  // In the order in which rows are claimed, so that a claim need not sort a backlog.
  await sql`drop index outbox_due`.execute(db);
  await sql`create index outbox_due on outbox (turn, due_at, position, key desc) where due_at is not null`.execute(
    db,
  );
}

/** Refusals that were counted and are not in the audit yet. */
async function addRefusals(db: Kysely<unknown>): Promise<void> {
  await sql`create table refusals (
    team_id text not null,
    user_id text not null,
    since bigint not null,
    seen integer not null,
    counted integer not null,
    channel_id text,
    last_json text,
    primary key (team_id, user_id))`.execute(db);
}

async function addOrigins(db: Kysely<unknown>): Promise<void> {
  await sql`create table origin (
    path text not null,
    kind text not null check (kind in ('fetched', 'shared')),
    place text not null,
    remote text not null,
    user_id text not null,
    primary key (path, kind, place, remote, user_id))`.execute(db);
}

/** Words with a secret stand apart from the plan, and are gone when they have run. */
async function addSealed(db: Kysely<unknown>): Promise<void> {
  await sql`create table sealed (
    run_id text primary key references run (id),
    salt text not null,
    work_json text not null)`.execute(db);
}

/** A message that nobody may post any more may stand all the same, and is to say so then. */
async function addOnlyIfStands(db: Kysely<unknown>): Promise<void> {
  await sql`alter table outbox add column only_if_stands integer not null default 0`.execute(db);
}

/** The audit covers outputs, and counts what could be deleted. What ended before is not covered after the fact. */
async function coverOutputs(db: Kysely<unknown>): Promise<void> {
  await sql`alter table result add column output_hash text`.execute(db);
  await sql`alter table run add column output_retired_at bigint`.execute(db);
  await sql`alter table audit_head add column runs bigint not null default 0`.execute(db);
  await sql`alter table audit_head add column refusals bigint not null default 0`.execute(db);
  await sql`update audit_head set
    runs = (select coalesce(max(number), 0) from run),
    refusals = (select coalesce(sum(counted), 0) from refusals) + (
      select coalesce(sum(case when json_valid(detail_json)
        then case when json_type(detail_json, '$.count') in ('integer', 'real')
          then json_extract(detail_json, '$.count') else 1 end
        else 1 end), 0)
      from audit where action = 'refused' and run_id is null)`.execute(db);
}

/** How many keys a job believed, or let pass, that were not known before. */
async function addFirstKeys(db: Kysely<unknown>): Promise<void> {
  await sql`alter table result add column first_keys integer`.execute(db);
}

/** How Slack writes what people type, as they said; and commands that wait for a word of who typed them. */
async function addDoubts(db: Kysely<unknown>): Promise<void> {
  await sql`create table text_reading (
    team_id text not null,
    source text not null check (source in ('command', 'form')),
    reading text not null check (reading in ('raw', 'entities')),
    primary key (team_id, source))`.execute(db);
  await sql`create table doubt (
    id text primary key,
    request_key text not null unique,
    team_id text not null,
    user_id text not null,
    channel_id text not null,
    kind text not null check (kind in ('text', 'late')),
    command text not null,
    words text not null,
    put_at bigint not null,
    taken_at bigint)`.execute(db);
}

/** Channels that cannot be written into for a time, and root messages that somebody deleted. */
async function addPlaces(db: Kysely<unknown>): Promise<void> {
  await sql`create table place (
    channel_id text primary key,
    since bigint not null,
    error text not null,
    refusals integer not null)`.execute(db);
  await sql`alter table run add column root_lost integer not null default 0`.execute(db);
  await sql`alter table outbox add column lost integer not null default 0`.execute(db);
}

/** Runs are not kept for ever: what is being removed goes on after a crash, and what is next is found without a look at what stays. */
async function addExpiry(db: Kysely<unknown>): Promise<void> {
  await sql`alter table run add column gone_at bigint`.execute(db);
  await sql`create table expiring (
    run_id text primary key references run (id),
    what text not null check (what in ('output', 'runs')))`.execute(db);
  await sql`create index run_output_kept on run (finished_at, id)
    where finished_at is not null and output_retired_at is null`.execute(db);
  await sql`create index run_kept on run (finished_at, id)
    where finished_at is not null and gone_at is null`.execute(db);
  await sql`create index run_listed on run (number, team_id, user_id, gone_at)`.execute(db);
  await sql`create index outbox_given_up on outbox (turn) where given_up_at is not null`.execute(db);
}

/** What is remembered of hosts from contacts with them. */
async function addHostFacts(db: Kysely<unknown>): Promise<void> {
  await sql`create table host_fact (
    host text primary key,
    at bigint not null,
    facts_json text not null)`.execute(db);
  await sql`create index host_fact_at on host_fact (at)`.execute(db);
}

/** What people asked for and has no answer yet. */
async function addReceived(db: Kysely<unknown>): Promise<void> {
  await sql`create table received (
    id text primary key,
    request_key text not null,
    team_id text not null,
    user_id text not null,
    channel_id text not null,
    what text not null,
    at bigint not null,
    run_id text)`.execute(db);
}

/** Not all hosts of a run may start at once. */
async function addRollouts(db: Kysely<unknown>): Promise<void> {
  await sql`create table rollout (
    run_id text primary key references run (id),
    phase text not null check (phase in ('running', 'paused', 'waiting', 'stopped')),
    batch integer not null,
    starts_before integer not null,
    failures integer not null,
    since bigint,
    since_boot text,
    since_uptime_ms bigint)`.execute(db);
}

/** Forms wait for a word of their person, too. SQLite cannot change a check: the table is made anew. */
async function letFormsWait(db: Kysely<unknown>): Promise<void> {
  await sql`create table doubt_next (
    id text primary key,
    request_key text not null unique,
    team_id text not null,
    user_id text not null,
    channel_id text not null,
    kind text not null check (kind in ('text', 'late', 'form')),
    command text not null,
    words text not null,
    put_at bigint not null,
    taken_at bigint)`.execute(db);
  const columns = sql.raw(
    'id, request_key, team_id, user_id, channel_id, kind, command, words, put_at, taken_at',
  );
  await sql`insert into doubt_next (${columns}) select ${columns} from doubt`.execute(db);
  await sql`drop table doubt`.execute(db);
  await sql`alter table doubt_next rename to doubt`.execute(db);
}

/** A file that was brought to Slack is asked for by its id where the answer was lost. */
async function addUploads(db: Kysely<unknown>): Promise<void> {
  await sql`alter table outbox add column upload_id text`.execute(db);
}

/** A yes to host keys is taken by whichever process hears it. */
async function addKeyOffers(db: Kysely<unknown>): Promise<void> {
  await sql`create table key_offer (
    id text primary key,
    team_id text not null,
    user_id text not null,
    reports_json text not null,
    ends_at bigint not null,
    taken_at bigint)`.execute(db);
}

/** How the file was that the bot put there: another one in its place is not the bot's to remove. */
async function addOriginFiles(db: Kysely<unknown>): Promise<void> {
  await sql`alter table origin add column bytes bigint`.execute(db);
  await sql`alter table origin add column changed_at bigint`.execute(db);
}
