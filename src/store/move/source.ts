import { existsSync, mkdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import type { Kysely } from 'kysely';
import { ConfigError } from '../../errors.ts';
import type { AuditVerification } from '../../run/audit-entry.ts';
import { verifyAll } from '../audit/verify.ts';
import {
  asConfigError,
  openBeside,
  openCopy,
  openLock,
  openReader,
  parseDatabaseUrl,
} from '../embedded/database.ts';
import { isCurrent, migrateCopy } from '../migrations/migrate.ts';
import { findMove, forgetMove, listChanges, markMoved } from '../migrations/moved.ts';
import type { Schema } from '../schema.ts';

/** A file whose bot is stopped, and stays so until this is closed. */
export interface Source extends AsyncDisposable {
  readonly path: string;
  readonly bytes: number;
  /** Its audit's head, `NUMBER:HASH`. */
  readonly head: string;
  /** Where it was moved to before. */
  readonly movedTo: string | undefined;
  /** No bot starts on it any more. A `ConfigError` where somebody wrote to it since it was opened. */
  markMoved(to: string, now: () => number): Promise<void>;
  forgetMove(): Promise<void>;
}

/** Takes the lock that a bot would have. `name`: a path, or `file:PATH`. */
export async function lockSource(name: string): Promise<Source> {
  const path = ofFile(name, () => parseDatabaseUrl(name.startsWith('file:') ? name : `file:${name}`));
  // Says what is wrong with the file, and makes none.
  await ofFile(path, () => openReader(path)).close();
  const lock = ofFile(path, () => openLock(path));
  try {
    const { db, close } = openReader(path);
    try {
      const movedTo = findMove(await listChanges(db));
      const head = await readHead(db);
      const { size: bytes } = statSync(path);
      return {
        path,
        bytes,
        head,
        movedTo,
        markMoved: (to, now) => change(path, head, (trx) => markMoved(trx, to, now)),
        forgetMove: () => change(path, head, forgetMove),
        async [Symbol.asyncDispose]() {
          lock.close();
        },
      };
    } finally {
      await close();
    }
  } catch (error) {
    lock.close();
    throw withoutVariable(asConfigError(path, error));
  }
}

/** What is in it, in the shape of this release; nothing of it is changed for that. */
export interface Contents extends AsyncDisposable {
  /** The last change that the file has, where it was brought up to date in a copy. */
  readonly copiedAt: string | undefined;
  readonly head: string;
  verify(): Promise<AuditVerification>;
  /** Tables that others speak of come before those. */
  readonly tables: readonly Table[];
  /** Values in the order of the table's columns; a row at a time is in memory. */
  rows(table: Table): Iterable<readonly SQLOutputValue[]>;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly count: number;
}

export async function openContents({ path }: Source): Promise<Contents> {
  const folder = `${path}.moving`;
  // Of one that was killed.
  rmSync(folder, { recursive: true, force: true });
  try {
    const copiedAt = await findOld(path);
    const at = copiedAt === undefined ? path : await copyUpToDate(path, folder);
    const reader = openReader(at);
    const sqlite = new DatabaseSync(at, { readOnly: true });
    // One moment from here on; `markMoved` sees whether it was the last.
    sqlite.exec('begin');
    return {
      copiedAt,
      head: await readHead(reader.db),
      verify: () => reader.db.transaction().execute((trx) => verifyAll(trx)),
      tables: listTables(sqlite),
      *rows({ name, columns }) {
        const statement = sqlite.prepare(`select ${columns.map(quote).join(', ')} from ${quote(name)}`);
        statement.setReturnArrays(true);
        yield* statement.iterate() as unknown as Iterable<readonly SQLOutputValue[]>;
      },
      async [Symbol.asyncDispose]() {
        sqlite.close();
        await reader.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw withoutVariable(asConfigError(path, error));
  }
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function findOld(path: string): Promise<string | undefined> {
  const { db, close } = openReader(path);
  try {
    const changes = await listChanges(db);
    return isCurrent(path, changes) ? undefined : changes.at(-1);
  } finally {
    await close();
  }
}

async function copyUpToDate(path: string, folder: string): Promise<string> {
  const { size } = statSync(path);
  const { bavail, bsize } = statfsSync(dirname(path));
  if (bavail * bsize < 2 * size) {
    throw new ConfigError([
      `${path} is of an older release, and is brought up to date in a copy: the disk has no room for one (${2 * size} bytes; ${bavail * bsize} are free)`,
    ]);
  }
  mkdirSync(folder, { mode: 0o700 });
  const copy = join(folder, 'batchops.db');
  const whole = new DatabaseSync(path, { readOnly: true });
  try {
    whole.prepare('vacuum into ?').run(copy);
  } finally {
    whole.close();
  }
  const { db, close } = openCopy(copy);
  try {
    await migrateCopy(db);
  } finally {
    await close();
  }
  return copy;
}

function listTables(sqlite: DatabaseSync): readonly Table[] {
  const names = sqlite
    .prepare(
      "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%'",
    )
    .all()
    .map(({ name }) => String(name));
  const speaksOf = new Map(
    names.map((name) => [
      name,
      sqlite
        .prepare('select "table" as other from pragma_foreign_key_list(?)')
        .all(name)
        .map(({ other }) => String(other)),
    ]),
  );
  const depth = (name: string): number => 1 + Math.max(0, ...(speaksOf.get(name) ?? []).map(depth));
  return names
    .toSorted((a, b) => depth(a) - depth(b))
    .map((name) => ({
      name,
      columns: sqlite
        .prepare('select name from pragma_table_info(?)')
        .all(name)
        .map((column) => String(column.name)),
      count: Number(sqlite.prepare(`select count(*) as rows from ${quote(name)}`).get()?.rows),
    }));
}

async function readHead(db: Kysely<Schema>): Promise<string> {
  const head = await db.selectFrom('audit_head').select(['seq', 'hash']).executeTakeFirst();
  return head === undefined ? 'none' : `${head.seq}:${head.hash}`;
}

/** The one transaction that writes to the file. */
async function change(
  path: string,
  head: string,
  work: (trx: Kysely<Schema>) => Promise<void>,
): Promise<void> {
  const { db, close } = await openBeside(path);
  try {
    await db.transaction().execute(async (trx) => {
      if ((await readHead(trx)) !== head) {
        throw new ConfigError([
          `${path} was written to meanwhile (by npm run outbox, perhaps): run this once more`,
        ]);
      }
      await work(trx);
    });
  } catch (error) {
    throw withoutVariable(asConfigError(path, error));
  } finally {
    await close();
  }
}

function ofFile<T>(name: string, open: () => T): T {
  if (name === '' || !existsSync(name.replace(/^file:/, ''))) {
    throw new ConfigError([`${name === '' ? 'FILE' : name}: there is no such file`]);
  }
  try {
    return open();
  } catch (error) {
    throw withoutVariable(error);
  }
}

/** The file is named on the command line here, and the variable names where it goes. */
function withoutVariable(error: unknown): unknown {
  if (!(error instanceof ConfigError)) return error;
  return new ConfigError(error.problems.map((problem) => problem.replace(/^BATCHOPS_DATABASE_URL: /, '')));
}
