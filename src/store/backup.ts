import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { UNMETERED } from '../ports/meters.ts';
import { isServerUrl } from './database-url.ts';
import { copyDatabase } from './embedded/copy.ts';
import { openCopy, openReader, parseDatabaseUrl } from './embedded/database.ts';
import { forgetMove } from './migrations/moved.ts';
import { closeDoubts } from './people/doubts.ts';
import { holdRuns } from './runs/holds.ts';
import { Plans } from './runs/plans.ts';

/** What a backup holds. */
export interface Backup {
  readonly path: string;
  readonly bytes: number;
  readonly runs: number;
  /** Of the audit's chain, as it was when the copy was begun: `NUMBER:HASH`. */
  readonly head: string;
  /** Jobs that were waiting: held in the copy. */
  readonly held: number;
}

/**
 * Copies the database beside a running bot, which goes on meanwhile. In the copy everything that waits is held, and no
 * question about a command is open: by the time somebody starts a bot on it, it may have run. Rejects with a `ConfigError` where the administrator has to do
 * something.
 */
export async function backUp(databaseUrl: string, file: string, now: () => number): Promise<Backup> {
  if (isServerUrl(databaseUrl)) {
    throw new ConfigError([
      'backup: BATCHOPS_DATABASE_URL names a server; use pg_dump --format=custom, which sees one moment of it',
    ]);
  }
  const path = resolve(file);
  const reader = openReader(parseDatabaseUrl(databaseUrl));
  let found = { head: '', runs: 0, held: 0 };
  try {
    await copyDatabase(reader.db, path, async (part) => {
      found = await holdWaiting(part, now);
    });
  } finally {
    await reader.close();
  }
  return { path, bytes: statSync(path).size, ...found };
}

async function holdWaiting(part: string, now: () => number): Promise<Pick<Backup, 'head' | 'runs' | 'held'>> {
  const { db, close } = openCopy(part);
  try {
    const { seq, hash } = await db.selectFrom('audit_head').select(['seq', 'hash']).executeTakeFirstOrThrow();
    const { runs } = await db
      .selectFrom('run')
      .select(({ fn }) => fn.countAll<number>().as('runs'))
      .where('gone_at', 'is', null)
      .executeTakeFirstOrThrow();
    const ledger = {
      db,
      plans: new Plans(),
      now,
      beat: () => ({ at: now(), boot: '', uptimeMs: 0 }),
      mask: (text: string) => text,
      meters: UNMETERED,
      erase() {},
    };
    const alone = { self: 'backup', async askToStop() {} };
    const day = new Date(now()).toISOString().slice(0, 16).replace('T', ' ');
    const held = await holdRuns(
      { ...ledger, ...alone, auditLines: 'nobody' },
      `the database is a backup of ${day} UTC: what waited then may have run since`,
      // Whoever was to say so may have said it after the backup was made.
      { andHeld: true },
    );
    await closeDoubts(db, now);
    // Nothing of it starts by itself, so a bot may.
    await forgetMove(db);
    return { head: `${seq}:${hash}`, runs, held: held.length };
  } finally {
    await close();
  }
}
