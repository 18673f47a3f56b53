import { type Kysely, sql, type Transaction } from 'kysely';
import { ConfigError, codeOf } from '../../errors.ts';
import type { AuditRow } from '../audit.ts';
import { migrateTables } from '../migrations/server.ts';
import { type Closed, closeServer, findClosed } from '../postgres/closed.ts';
import { addressOf, asConfigError, isAway, openMover } from '../postgres/connect.ts';
import { CHAIN_START, type Schema } from '../schema.ts';

/** A database on a server, which no other move goes to meanwhile. */
export interface Target {
  /** Without what is secret in it. */
  readonly name: string;
  readonly db: Kysely<Schema>;
  readonly closed: Closed | undefined;
}

export async function withTarget<T>(url: string, work: (target: Target) => Promise<T>): Promise<T> {
  const { name } = addressOf(url);
  const { db, close } = openMover(url);
  try {
    // A connection of its own, so that it lasts as long as this does.
    return await db.connection().execute(async (own) => {
      const { rows } = await sql<{ isOurs: boolean }>`select
        pg_try_advisory_lock(hashtext('batchops migrate')) as "isOurs"`.execute(own);
      if (rows[0]?.isOurs !== true) throw new ConfigError([`${name}: another npm run migrate is at it`]);
      return await work({ name, db, closed: await findClosed(db) });
    });
  } catch (error) {
    if (!isAway(error)) throw asConfigError(name, error);
    const why = error instanceof Error ? error.message || String(codeOf(error)) : '';
    throw new ConfigError([
      `${name} does not answer (${why}): once it does, run this once more, it says how far it came`,
    ]);
  } finally {
    await close();
  }
}

/** Tables of this release without a row in them, where no bot can start. A `ConfigError` where anything is in them. */
export async function prepareTarget({ name, db, closed }: Target, tables: readonly string[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    if (await hasTables(trx)) {
      await takeHead(trx);
      if (closed === undefined) await refuseUsed(trx, name);
      else await empty(trx, tables);
    }
    await closeServer(trx, 'moving');
  });
  await migrateTables(db, name);
}

/** Until the end of the transaction nobody else writes, nor begins to. */
export async function takeHead(trx: Transaction<Schema>): Promise<void> {
  await sql`select 1 from audit_head where id = 1 for update`.execute(trx);
}

async function hasTables(db: Kysely<Schema>): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`select to_regclass('kysely_migration') is not null
    and to_regclass('audit_head') is not null as found`.execute(db);
  return rows[0]?.found === true;
}

/** The last of its audit; undefined where there is none. */
export async function findLast(db: Kysely<Schema>): Promise<AuditRow | undefined> {
  if (!(await hasTables(db))) return undefined;
  return await db.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst();
}

/** The entry of the move that brought a chain with this head (`NUMBER:HASH`) here. */
export async function findMoveOf(db: Kysely<Schema>, head: string): Promise<AuditRow | undefined> {
  if (!(await hasTables(db))) return undefined;
  const prev = head.slice(head.indexOf(':') + 1);
  const moves = db.selectFrom('audit').selectAll().where('action', '=', 'moved').where('prev', '=', prev);
  return await moves.executeTakeFirst();
}

async function refuseUsed(trx: Transaction<Schema>, name: string): Promise<void> {
  const head = await trx.selectFrom('audit_head').select('seq').executeTakeFirst();
  if (head?.seq === 0) return;
  throw new ConfigError([
    `${name} is not empty: a bot was started on it. Name an empty database (createdb --encoding=UTF8 --template=template0 NAME); nothing was changed`,
  ]);
}

/** Of a move that was broken off, or taken back: no bot has ever written there since. */
async function empty(trx: Transaction<Schema>, tables: readonly string[]): Promise<void> {
  const { rows } = await sql<{ name: string }>`select relname as name from pg_class
    where relkind = 'r' and relnamespace = current_schema()::regnamespace
      and relname = any(${tables}::text[])`.execute(trx);
  await sql`alter table audit disable trigger user`.execute(trx);
  await sql`truncate ${sql.join(rows.map(({ name }) => sql.id(name)))}`.execute(trx);
  await sql`alter table audit enable trigger user`.execute(trx);
  await trx
    .insertInto('audit_head')
    .values({ id: 1, seq: 0, hash: CHAIN_START, runs: 0, refusals: 0 })
    .execute();
}
