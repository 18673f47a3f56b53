import { closeSync, existsSync, mkdirSync, openSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { Kysely, SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement, sql } from 'kysely';
import { ConfigError, codeOf, showCode } from '../../errors.ts';
import type { Schema } from '../schema.ts';

/** A wait for another program's write lock (a backup tool) stops the whole process: node:sqlite is synchronous. */
const BUSY_TIMEOUT_MS = 1_000;
/** An administrator's command has the time to wait for its turn. */
const BESIDE_TIMEOUT_MS = 10_000;
/** Up to this size a database is read through once before it is written to; larger ones fail where they are read. */
const CHECKED_BYTES = 256 * 1024 * 1024;
/** Up to this size an older database is written anew so that it can shrink. */
const REWRITTEN_BYTES = 1024 ** 3;
const MAX_CACHED_STATEMENTS = 200;
/** https://www.sqlite.org/rescode.html */
const BUSY = 5;
const FULL = 13;

/** The file, as it is opened. */
export interface OwnDatabase {
  readonly path: string;
  readonly db: Kysely<Schema>;
  /** Whether pages that are free can be given back to the disk. */
  readonly isShrinkable: boolean;
  /** Gives back so many of them at most. */
  giveBack(pages: number): Promise<void>;
  close(): Promise<void>;
}

/** `file:data/batchops.db` → an absolute path, links followed, so that two names of one file share one lock. */
export function parseDatabaseUrl(url: string): string {
  const name = /^file:(?!\/\/)(.+)$/.exec(url)?.[1] ?? /^file:\/\/(\/.+)$/.exec(url)?.[1];
  if (name === undefined || /[?#]/.test(name)) {
    // The value is not shown: an address may hold a password.
    throw new ConfigError([
      'BATCHOPS_DATABASE_URL: expected file:PATH, such as file:data/batchops.db, or postgres://USER@HOST/DATABASE',
    ]);
  }
  const path = resolve(name);
  if (existsSync(path)) return realpathSync(path);
  return existsSync(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : path;
}

/**
 * Opens the file as its only user; what is not ours to write is refused before anything is written. `onFailure`: told
 * of each statement that was not carried out.
 */
export function openFile(path: string, onFailure: () => void = () => {}): OwnDatabase {
  const opened: DatabaseSync[] = [];
  try {
    makeFolder(dirname(path));
    const lock = openLock(path);
    opened.push(lock);
    createPrivately(path);
    const sqlite = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    opened.push(sqlite);
    checkFile(path, sqlite);
    makeShrinkable(path, sqlite);
    // FULL, not NORMAL: a power cut must not undo the last `running` mark, or a command could run twice.
    // What is deleted is written over: commands with a secret are kept no longer than they have to run.
    sqlite.exec('pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = on');
    return toDatabase(path, sqlite, { release: () => lock.close(), onFailure });
  } catch (error) {
    for (const database of opened.reverse()) database.close();
    throw asConfigError(path, error);
  }
}

/** A second view of the same file, for long walks: sees one moment, disturbs nobody. */
export function openReader(path: string): OwnDatabase {
  const opened: DatabaseSync[] = [];
  try {
    const sqlite = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    opened.push(sqlite);
    if (!hasOurTables(sqlite))
      throw new ConfigError([`BATCHOPS_DATABASE_URL: ${path} is not Batchops' database`]);
    return toDatabase(path, sqlite, { writes: false });
  } catch (error) {
    for (const database of opened) database.close();
    throw asConfigError(path, error);
  }
}

/**
 * Beside the bot, for one short transaction: nothing here takes the bot's lock, so whatever is written has to be what it
 * reads again each time. A file that is not there is not made.
 */
export async function openBeside(path: string): Promise<OwnDatabase> {
  // Says what is wrong with the file, and makes none.
  await openReader(path).close();
  try {
    const sqlite = new DatabaseSync(path, { timeout: BESIDE_TIMEOUT_MS, enableForeignKeyConstraints: true });
    sqlite.exec('pragma synchronous = full; pragma secure_delete = on');
    return toDatabase(path, sqlite, {});
  } catch (error) {
    throw asConfigError(path, error);
  }
}

/** A copy that nobody else knows of yet, to be changed before it is given out. */
export function openCopy(path: string): OwnDatabase {
  const sqlite = new DatabaseSync(path);
  sqlite.exec('pragma secure_delete = on');
  return toDatabase(path, sqlite, {});
}

/** https://www.sqlite.org/pragma.html#pragma_auto_vacuum */
const INCREMENTAL = 2;

const autoVacuumOf = (sqlite: DatabaseSync): number =>
  Number(sqlite.prepare('pragma auto_vacuum').get()?.auto_vacuum);

/**
 * A new file is made so that it can shrink. An older one has to be written anew for that, once (some 10 s a GiB): where
 * it is not too large, the disk has room for it twice, and nobody reads it at the moment. Otherwise it stays as it is.
 */
function makeShrinkable(path: string, sqlite: DatabaseSync): void {
  if (autoVacuumOf(sqlite) === INCREMENTAL) return;
  sqlite.exec(`pragma auto_vacuum = ${INCREMENTAL}`);
  const { size } = statSync(path);
  if (size === 0) return;
  const { bavail, bsize } = statfsSync(dirname(path));
  if (size > REWRITTEN_BYTES || bavail * bsize < 3 * size) return;
  try {
    // In WAL mode the setting cannot be changed.
    sqlite.exec(`pragma journal_mode = delete; pragma auto_vacuum = ${INCREMENTAL}; vacuum`);
  } catch (error) {
    if (![BUSY, FULL].includes(primaryCode(error))) throw error;
  }
}

/** Bytes of the file that hold something: what was freed in it is used again first. */
export async function measureUse(db: Kysely<Schema>): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`select (page_count - freelist_count) * page_size as bytes
    from pragma_page_count, pragma_freelist_count, pragma_page_size`.execute(db);
  return rows[0]?.bytes ?? 0;
}

interface Opened {
  readonly writes?: boolean;
  /** Called at its end. */
  readonly release?: () => void;
  readonly onFailure?: () => void;
}

function toDatabase(
  path: string,
  sqlite: DatabaseSync,
  { writes = true, release = () => {}, onFailure = () => {} }: Opened,
): OwnDatabase {
  const db = new Kysely<Schema>({
    dialect: new NodeSqliteDialect(sqlite, writes),
    log: ({ level }) => {
      if (level === 'error') onFailure();
    },
  });
  return {
    path,
    db,
    isShrinkable: autoVacuumOf(sqlite) === INCREMENTAL,
    // Not as a statement of Kysely's: that would take one step, and each is a page.
    giveBack: (pages) =>
      db.connection().execute(async () => sqlite.exec(`pragma incremental_vacuum(${pages})`)),
    async close() {
      // Behind whatever still waits for the one connection.
      await db.connection().execute(async () => {});
      await db.destroy();
      if (sqlite.isOpen) sqlite.close();
      release();
    },
  };
}

/**
 * Two processes on one file would both run its queue. The kernel frees this lock however the process ends, so
 * no stale lock can keep the bot from starting.
 */
function openLock(path: string): DatabaseSync {
  const name = `${path}.lock`;
  createPrivately(name);
  const lock = new DatabaseSync(name, { timeout: 0 });
  try {
    lock.exec('begin exclusive');
    return lock;
  } catch (error) {
    lock.close();
    if (primaryCode(error) === 5) {
      throw new ConfigError([
        `BATCHOPS_DATABASE_URL: ${path} is already in use by another Batchops; one process may use it at a time`,
      ]);
    }
    throw error;
  }
}

/** Not mkdir's own `recursive`: that never returns where the file system says ENOENT to every mkdir (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/**
 * SQLite would create the file readable by all. Only where there is none: to open and close a file that this
 * process holds locked would drop the lock (https://www.sqlite.org/howtocorrupt.html section 2.2).
 */
function createPrivately(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
}

function checkFile(path: string, sqlite: DatabaseSync): void {
  const size = sqlite.prepare(
    'select page_count * page_size as bytes from pragma_page_count, pragma_page_size',
  );
  if (Number(size.get()?.bytes) <= CHECKED_BYTES) {
    const found = sqlite.prepare('pragma quick_check(1)').get()?.quick_check;
    if (found !== 'ok') throw new ConfigError([damaged(path)]);
  }
  const tables = sqlite.prepare("select count(*) as count from sqlite_schema where type = 'table'").get();
  if (tables?.count !== 0 && !hasOurTables(sqlite)) {
    throw new ConfigError([
      `BATCHOPS_DATABASE_URL: ${path} belongs to another program: it has tables, none of them ours; name another file`,
    ]);
  }
}

function hasOurTables(sqlite: DatabaseSync): boolean {
  const names = sqlite.prepare("select name from sqlite_schema where name = 'kysely_migration'").all();
  return names.length > 0;
}

const damaged = (path: string, how = ''): string =>
  `BATCHOPS_DATABASE_URL: ${path} is damaged${how}; nothing was changed. Put a backup in its place, or move it away to start anew`;

/** What the administrator can mend, in a sentence; anything else goes on as the defect it is. */
export function asConfigError(path: string, error: unknown): unknown {
  if (error instanceof ConfigError || !(error instanceof Error) || codeOf(error) === undefined) return error;
  const because = (why: string): ConfigError => new ConfigError([`BATCHOPS_DATABASE_URL: ${path} ${why}`]);
  // https://www.sqlite.org/rescode.html: the low byte is the primary code.
  switch (primaryCode(error)) {
    case 1:
      if (/^no such (table|column):/.test(error.message)) {
        return new ConfigError([damaged(path, ` (${error.message})`)]);
      }
      break;
    case 26:
      return because('is not a database; nothing was changed. Name another file, or move this one away');
    case 11:
      return new ConfigError([damaged(path)]);
    case 5:
      return because('is locked by another program');
    case 8:
      return because('cannot be written (read-only)');
    case 10:
    case 13:
    case 14:
      return because(`cannot be opened (${error.message})`);
  }
  return codeOf(error) === 'ERR_SQLITE_ERROR' ? error : because(`cannot be created (${showCode(error)})`);
}

/** Locked, read-only, not to be read or written, full, not to be opened: see above. */
export function describeTrouble(error: unknown): string | undefined {
  const code = primaryCode(error);
  if (code === 13) return 'the disk of its database is full';
  return [5, 8, 10, 14].includes(code) ? 'its database cannot be read or written' : undefined;
}

function primaryCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}

/** SQLite rolls back `create table` like anything else, so a migration that dies half-way leaves no trace. */
class NodeSqliteDialect extends SqliteDialect {
  constructor(sqlite: DatabaseSync, writes: boolean) {
    super({ database: asBetterSqlite(sqlite, writes ? 'begin immediate' : 'begin') });
  }

  override createAdapter(): SqliteAdapter {
    return new (class extends SqliteAdapter {
      override get supportsTransactionalDdl(): boolean {
        return true;
      }
    })();
  }
}

/**
 * Kysely speaks better-sqlite3's interface; the only lines that know node:sqlite's. A transaction that reads first and
 * finds that another process wrote before its own first write fails at once (SQLITE_BUSY_SNAPSHOT): one that is to write
 * begins with the lock.
 */
function asBetterSqlite(sqlite: DatabaseSync, begin: string): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  return {
    close: () => sqlite.close(),
    prepare(sql) {
      const known = cache.get(sql);
      if (known !== undefined) return known;
      const statement = asBetterStatement(sqlite.prepare(sql === 'begin' ? begin : sql));
      // A full disk ends a transaction by itself (https://www.sqlite.org/lang_transaction.html section 3):
      // a complaint that there is none to roll back would hide what happened.
      const rollBack = { ...statement, run: () => (sqlite.isTransaction ? statement.run([]) : NOTHING_RUN) };
      const made = sql === 'rollback' ? rollBack : statement;
      if (cache.size >= MAX_CACHED_STATEMENTS) cache.clear();
      cache.set(sql, made);
      return made;
    },
  };
}

const NOTHING_RUN = { changes: 0, lastInsertRowid: 0 };

function asBetterStatement(statement: StatementSync): SqliteStatement {
  // Kysely binds what we give it: strings, numbers and nulls.
  const bound = (values: readonly unknown[]): SQLInputValue[] => values as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (values) => statement.all(...bound(values)),
    run: (values) => statement.run(...bound(values)),
    iterate: (values) => statement.iterate(...bound(values)),
  };
}
