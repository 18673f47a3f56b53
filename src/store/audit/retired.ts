import type { Kysely, Transaction } from 'kysely';
import { breathe } from '../../time/breathe.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import type { Ledger } from '../jobs/settle.ts';
import type { Retired, Schema } from '../schema.ts';
import { digestRun, hashOutput } from './digest.ts';
import { findWitnesses } from './witness.ts';

/** A run shortly before it goes. */
export interface RetiredRun {
  readonly id: string;
  /** As its last entry should have it. */
  readonly digest: string;
  /** Outputs that were not those that had been recorded. */
  readonly changed: number;
}

/**
 * All that is left of these runs, read once more before it goes, so that nothing is changed first and retired then. A
 * run on thousands of hosts takes a second or more: in small reads, not in a transaction, as nothing of a finished run
 * is changed by us, and everybody waits for a transaction.
 */
export async function examineRuns(
  db: Kysely<Schema>,
  runIds: readonly string[],
): Promise<readonly RetiredRun[]> {
  const witnesses = await findWitnesses(db, runIds);
  const runs: RetiredRun[] = [];
  for (const id of runIds) {
    const { output_retired_at } = await db
      .selectFrom('run')
      .select('output_retired_at')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    const end = witnesses.get(id)?.end;
    const changed = end?.cover === 'outputs' && output_retired_at === null ? await countChanged(db, id) : 0;
    runs.push({ id, digest: await digestRun(db, id, end?.cover), changed });
  }
  return runs;
}

/**
 * Signs off what is about to be deleted, in the transaction that says so, before the first row goes: the entry `retired`
 * names the runs with what was found of them. `reason` is a sentence for people. Rejects for a run that is not
 * finished, or not there.
 */
export async function recordRetired(
  ledger: Ledger,
  trx: Transaction<Schema>,
  what: Retired,
  runs: readonly RetiredRun[],
  reason: string,
): Promise<void> {
  if (runs.length === 0) return;
  const at = ledger.now();
  const ids = runs.map(({ id }) => id);
  const finished = await trx
    .selectFrom('run')
    .select('id')
    .where('id', 'in', ids)
    .where('state', '=', 'finished')
    .execute();
  const other = ids.find((id) => !finished.some((run) => run.id === id));
  if (other !== undefined) throw new Error(`run ${other} is not finished, so nothing of it is retired`);
  if (what === 'output') {
    await trx.updateTable('run').set({ output_retired_at: at }).where('id', 'in', ids).execute();
  }
  const event = { at, by: NOBODY, action: 'retired', runId: null, channelId: null } as const;
  await appendAudit(trx, { ...event, detail: { what, reason, runs } }, 'nobody');
}

async function countChanged(db: Kysely<Schema>, runId: string): Promise<number> {
  let changed = 0;
  for (let position = -1; ; ) {
    const job = await db
      .selectFrom('job')
      .leftJoin('result', 'result.job_id', 'job.id')
      .leftJoin('output', 'output.job_id', 'job.id')
      .select(['position', 'streams_json', 'output_hash'])
      .where('run_id', '=', runId)
      .where('position', '>', position)
      .where(({ or, eb }) => or([eb('output_hash', 'is not', null), eb('streams_json', 'is not', null)]))
      .orderBy('position')
      .executeTakeFirst();
    if (job === undefined) return changed;
    if (hashOutput(job.streams_json) !== job.output_hash) changed++;
    ({ position } = job);
    await breathe();
  }
}

/** Of an entry as it stands in the chain; what is not as we write it is left out, and so accounts for nothing. */
export function readRetired({ what, runs }: Readonly<Record<string, unknown>>): {
  readonly what: Retired;
  readonly runs: readonly RetiredRun[];
} {
  const listed: readonly unknown[] = Array.isArray(runs) ? runs : [];
  return {
    what: what === 'runs' ? 'runs' : 'output',
    runs: listed.flatMap((run): readonly RetiredRun[] => {
      if (typeof run !== 'object' || run === null) return [];
      const { id, digest, changed }: Record<string, unknown> = { ...run };
      if (typeof id !== 'string' || typeof digest !== 'string' || typeof changed !== 'number') return [];
      return [{ id, digest, changed }];
    }),
  };
}
