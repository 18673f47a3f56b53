import type { Kysely } from 'kysely';
import type { FileMark, Origins } from '../../ports/disk.ts';
import type { Origin } from '../../run/plan.ts';
import type { Schema } from '../schema.ts';

type OriginRow = Schema['origin'];

/** Each step is one transaction, so of two who want one name at once the second finds the first. */
export class StoredOrigins implements Origins {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async list(path: string): Promise<readonly Origin[]> {
    const rows = await this.#db.selectFrom('origin').selectAll().where('path', '=', path).execute();
    return rows.map(toOrigin);
  }

  claim(path: string, origin: Origin): Promise<Origin | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      const other = await trx
        .selectFrom('origin')
        .selectAll()
        .where('path', '=', path)
        .where('user_id', '!=', origin.by)
        .executeTakeFirst();
      if (other !== undefined) return toOrigin(other);
      await trx
        .insertInto('origin')
        .values(toRow(path, origin))
        .onConflict((row) => row.doNothing())
        .execute();
      return undefined;
    });
  }

  settle(path: string, origin: Origin, { bytes, changedAt }: FileMark): Promise<void> {
    const { kind, place, remote } = toRow(path, origin);
    return this.#db.transaction().execute(async (trx) => {
      await trx
        .updateTable('origin')
        .set({ bytes, changed_at: changedAt })
        .where('path', '=', path)
        .where((is) => is.and({ kind, place, remote }))
        .execute();
      await trx
        .deleteFrom('origin')
        .where('path', '=', path)
        .where((is) => is.not(is.and({ kind, place, remote })))
        .execute();
    });
  }

  async isAsPut(path: string, { bytes, changedAt }: FileMark): Promise<boolean> {
    const row = await this.#db
      .selectFrom('origin')
      .select('path')
      .where('path', '=', path)
      .where('bytes', '=', bytes)
      .where('changed_at', '=', changedAt)
      .executeTakeFirst();
    return row !== undefined;
  }
}

function toRow(path: string, origin: Origin): OriginRow {
  return { ...placeOf(path, origin), bytes: null, changed_at: null };
}

function placeOf(path: string, origin: Origin): Omit<OriginRow, 'bytes' | 'changed_at'> {
  return origin.kind === 'fetched'
    ? { path, kind: 'fetched', place: origin.host, remote: origin.path, user_id: origin.by }
    : { path, kind: 'shared', place: origin.id, remote: '', user_id: origin.by };
}

function toOrigin({ kind, place, remote, user_id: by }: OriginRow): Origin {
  return kind === 'fetched'
    ? { kind: 'fetched', host: place, path: remote, by }
    : { kind: 'shared', id: place, by };
}
