import type { Kysely } from 'kysely';
import type { Origins } from '../ports/disk.ts';
import type { Origin } from '../run/plan.ts';
import type { Schema } from './schema.ts';

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

  async settle(path: string, origin: Origin): Promise<void> {
    const { kind, place, remote } = toRow(path, origin);
    await this.#db
      .deleteFrom('origin')
      .where('path', '=', path)
      .where((is) => is.not(is.and({ kind, place, remote })))
      .execute();
  }
}

function toRow(path: string, origin: Origin): OriginRow {
  return origin.kind === 'fetched'
    ? { path, kind: 'fetched', place: origin.host, remote: origin.path, user_id: origin.by }
    : { path, kind: 'shared', place: origin.id, remote: '', user_id: origin.by };
}

function toOrigin({ kind, place, remote, user_id: by }: OriginRow): Origin {
  return kind === 'fetched'
    ? { kind: 'fetched', host: place, path: remote, by }
    : { kind: 'shared', id: place, by };
}
