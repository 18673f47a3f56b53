import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Kysely, sql } from 'kysely';
import { ConfigError } from '../../errors.ts';
import type { Schema } from '../schema.ts';

/**
 * A copy of the database as it is at one moment, beside whoever writes to it: whole, readable by its owner only, and
 * not there before it was checked. `finish` may still change the copy. Rejects with a `ConfigError` where `to` is
 * there already, or cannot be written.
 */
export async function copyDatabase(
  db: Kysely<Schema>,
  to: string,
  finish: (part: string) => void | Promise<void>,
): Promise<void> {
  if (isThere(to)) throw new ConfigError([`${to} is there already; nothing was written. Name another file`]);
  // Nobody else's, so that two at once do not write to one file.
  const part = `${to}.part-${randomBytes(4).toString('hex')}`;
  try {
    closeSync(openSync(part, 'wx', 0o600));
    // Not SQLite's backup API: that begins anew with each write of another process. And what was deleted is not copied.
    await sql`vacuum into ${part}`.execute(db);
    await finish(part);
    checkCopy(part);
    flush(part);
    place(part, to);
    flush(dirname(to));
  } catch (error) {
    throw asRefused(to, error);
  } finally {
    for (const path of [part, `${part}-journal`]) rmSync(path, { force: true });
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function checkCopy(path: string): void {
  const copy = new DatabaseSync(path, { readOnly: true });
  try {
    const found = copy.prepare('pragma quick_check(1)').get()?.quick_check;
    if (found !== 'ok')
      throw new ConfigError([`${path}: the copy is damaged (${String(found)}); it was removed`]);
  } finally {
    copy.close();
  }
}

function flush(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A link takes nobody's place; not every file system has them. */
function place(part: string, to: string): void {
  try {
    linkSync(part, to);
  } catch (error) {
    if (!hasCode(error, ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])) throw error;
    if (isThere(to)) throw new ConfigError([`${to} is there already; it was left as it is`]);
    renameSync(part, to);
  }
}

function hasCode(error: unknown, codes: readonly unknown[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code);
}

function asRefused(to: string, error: unknown): unknown {
  if (error instanceof ConfigError || !(error instanceof Error) || !('code' in error)) return error;
  const why = error.code === 'ERR_SQLITE_ERROR' ? error.message : String(error.code);
  return new ConfigError([`${to} cannot be written (${why}); what was begun of it is removed`]);
}
