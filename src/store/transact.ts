import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './schema.ts';

/** By transaction: what waits for it to stand. */
const waiting = new WeakMap<Transaction<Schema>, (() => void)[]>();

/** A transaction, and then what was put off until it stands: that is done once, and not where it is rolled back. */
export async function transact<T>(
  db: Kysely<Schema>,
  work: (trx: Transaction<Schema>) => Promise<T>,
): Promise<T> {
  const acts: (() => void)[] = [];
  const result = await db.transaction().execute((trx) => {
    waiting.set(trx, acts);
    return work(trx);
  });
  for (const act of acts) act();
  return result;
}

/** For what must not be said before it is so. */
export function onceItStands(trx: Transaction<Schema>, act: () => void): void {
  const acts = waiting.get(trx);
  if (acts === undefined) throw new Error('the transaction was not begun by transact');
  acts.push(act);
}
