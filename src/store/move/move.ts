import { sql } from 'kysely';
import { ConfigError } from '../../errors.ts';
import type { AuditVerification } from '../../run/audit-entry.ts';
import { verifyAll } from '../audit/verify.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import { closeServer, openClosed } from '../postgres/closed.ts';
import { transact } from '../transact.ts';
import { type Copied, copyTables } from './copy-tables.ts';
import { type Contents, lockSource, openContents, type Source } from './source.ts';
import { findLast, findMoveOf, prepareTarget, type Target, takeHead, withTarget } from './target.ts';

/** More than that nobody reads here. */
const MAX_TOLD = 20;

export interface MoveSettings {
  /** The file, as the administrator names it. */
  readonly file: string;
  /** The server's address. */
  readonly url: string;
  /** Who moves it: an account of the machine. */
  readonly by: string;
  readonly auditLines: 'channel' | 'nobody';
  readonly now: () => number;
  /** What is done, as it is done. */
  readonly tell: (line: string) => void;
}

/** The file and the server. */
export interface Ends {
  readonly from: string;
  readonly to: string;
}

export interface Moved extends Ends {
  /** Of the audit there, with the entry that tells of the move. */
  readonly head: string;
  /** What is wrong with the audit, there as in the file. */
  readonly faults: readonly string[];
}

/**
 * Takes the record of a stopped bot from its file to a server. At each moment a bot can start on one of the two at most:
 *
 * 1. the server is closed to bots, and empty;
 * 2. all is copied, compared by `verify` and noted in the audit, in one transaction; the server is closed still;
 * 3. the file is marked as moved: no bot starts on it any more;
 * 4. the server is opened.
 *
 * Whatever ends it between two of them, the same once more goes on: after 2 it begins anew, as the file may have been
 * used; after 3 only 4 is left. The mark is all that is written to the file.
 */
export async function moveToServer(settings: MoveSettings): Promise<Moved> {
  const { file, url, now, tell } = settings;
  await using source = await lockSource(file);
  return await withTarget(url, async (target) => {
    if (source.movedTo !== undefined) return await finish(source, target, tell);
    const done = await fill(settings, source, target);
    await source.markMoved(target.name, now);
    tell(`${source.path} is marked as moved: no bot starts on it any more`);
    await openClosed(target.db);
    return { ...done, from: source.path, to: target.name };
  });
}

async function fill(
  settings: MoveSettings,
  source: Source,
  target: Target,
): Promise<Omit<Moved, keyof Ends>> {
  const { tell } = settings;
  await using contents = await openContents(source);
  const { copiedAt, tables } = contents;
  const names = tables.map(({ name }) => name);
  const old =
    copiedAt === undefined ? '' : `, of an older release (${copiedAt}): brought up to date in a copy`;
  tell(`from ${source.path} (${source.bytes} bytes${old})`);
  tell(`to ${target.name}`);
  try {
    await prepareTarget(target, names);
    tell('the audit of the file is verified');
    const before = await contents.verify();
    tellAudit(before, tell);
    return await copyAll(settings, { source, target, contents, before });
  } catch (error) {
    if (error instanceof ConfigError)
      throw new ConfigError([...error.problems, ...(await leave(target, source))]);
    throw error;
  }
}

interface Move {
  readonly source: Source;
  readonly target: Target;
  readonly contents: Contents;
  readonly before: AuditVerification;
}

async function copyAll(
  { by, auditLines, now, tell }: MoveSettings,
  { source, target, contents, before }: Move,
): Promise<Omit<Moved, keyof Ends>> {
  return await transact(target.db, async (trx) => {
    await takeHead(trx);
    const { rows, nuls } = await copyTables(contents, trx, tell);
    tellNuls(nuls, tell);
    // Nothing is known of new rows, and `verify` would walk all of them for each.
    await sql`analyze ${sql.join(contents.tables.map(({ name }) => sql.id(name)))}`.execute(trx);
    tell(`${rows} rows are there; their audit is verified`);
    const after = await verifyAll(trx);
    compare(before, after);
    tell(`it is as in the file: ${after.entries} entries, ${after.faults.length} faults; head ${after.head}`);
    const reason = `${by} moved the database from ${source.path} to ${target.name}, with all up to ${after.head}`;
    const detail = { reason, by, from: source.path, to: target.name, head: after.head, rows };
    const event = { at: now(), by: NOBODY, action: 'moved', runId: null, channelId: null, detail } as const;
    return { head: await appendAudit(trx, event, auditLines), faults: after.faults };
  });
}

function tellAudit({ entries, head, faults, notes }: AuditVerification, tell: (line: string) => void): void {
  for (const note of notes.slice(0, MAX_TOLD)) tell(`note: ${note}`);
  for (const fault of faults.slice(0, MAX_TOLD)) tell(`fault: ${fault}`);
  if (faults.length > MAX_TOLD) tell(`and ${faults.length - MAX_TOLD} more: npm run audit -- verify`);
  tell(`${entries} entries, ${faults.length} faults; head ${head}`);
}

function tellNuls(nuls: Copied['nuls'], tell: (line: string) => void): void {
  if (nuls.length === 0) return;
  tell(
    `NUL characters in ${nuls.join(', ')}: PostgreSQL keeps none, so U+FFFD stands there; a question about such a command is closed`,
  );
}

function compare(before: AuditVerification, after: AuditVerification): void {
  const told = ({ entries, head, faults, notes }: AuditVerification) =>
    JSON.stringify([entries, head, faults, notes]);
  if (told(before) !== told(after)) {
    throw new ConfigError([
      `what arrived is not what is in the file: head ${after.head} with ${after.faults.length} faults (${after.faults[0] ?? 'none'})`,
    ]);
  }
}

/** After a failure: what the server has now, for the administrator. */
async function leave({ db, name }: Target, { path }: Source): Promise<readonly string[]> {
  try {
    const isEmpty = (await findLast(db)) === undefined;
    if (isEmpty) await openClosed(db);
    return [
      `nothing was moved: ${name} is ${isEmpty ? 'empty' : 'as it was'}, and ${path} can be used as before`,
    ];
  } catch {
    return [`nothing was moved: ${path} can be used as before`];
  }
}

/** The file is marked: whatever is left to do is there. */
async function finish(
  { path, head, movedTo }: Source,
  { name, db, closed }: Target,
  tell: (line: string) => void,
): Promise<Moved> {
  const entry = await findMoveOf(db, head);
  if (entry === undefined) {
    throw new ConfigError([
      `${path} was moved to ${movedTo} before, and ${name} does not hold it; nothing was changed`,
    ]);
  }
  if (closed === 'left') {
    throw new ConfigError([
      `going back to ${path} was broken off: run npm run migrate -- undo ${path} once more`,
    ]);
  }
  tell(
    closed === undefined
      ? 'it was moved before: nothing was left to do'
      : 'all was there, and the file is marked as moved',
  );
  await openClosed(db);
  return { from: path, to: name, head: `${entry.seq}:${entry.hash}`, faults: [] };
}

/**
 * Back to the file as it was, as long as no bot was started on the server: that is closed to bots first, so that here
 * as well one can start on one of the two at most.
 */
export async function undoMove({ file, url }: Pick<MoveSettings, 'file' | 'url'>): Promise<Ends> {
  await using source = await lockSource(file);
  const { path, head, movedTo } = source;
  if (movedTo === undefined)
    throw new ConfigError([`${path} was not moved anywhere: a bot can be started on it`]);
  return await withTarget(url, async ({ name, db }) => {
    await db.transaction().execute(async (trx) => {
      const entry = await findMoveOf(trx, head);
      if (entry !== undefined) await takeHead(trx);
      if (entry === undefined || entry.seq !== (await findLast(trx))?.seq) {
        throw new ConfigError([
          `${path} was moved to ${movedTo}, and ${entry === undefined ? `${name} does not hold it` : `a bot was started there since: what waited in the file may have run`}. ` +
            `npm run backup (with BATCHOPS_DATABASE_URL=file:${path}) makes a copy of the file on which a bot can be started: what waited then is held in it`,
        ]);
      }
      await closeServer(trx, 'left');
    });
    await source.forgetMove();
    return { from: path, to: name };
  });
}
