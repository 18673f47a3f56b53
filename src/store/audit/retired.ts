import type { Kysely, Transaction } from 'kysely';
import { breathe } from '../../time/breathe.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import type { Retired, Schema } from '../schema.ts';
import type { Ledger } from '../settle.ts';
import { digestRun, hashOutput } from './digest.ts';
import { findWitnesses } from './witness.ts';

/** A run at the moment before it went. */
interface RetiredRun {
  readonly id: string;
  /** As its last entry should have it. */
  readonly digest: string;
  /** Outputs that were not those that had been recorded. */
  readonly changed: number;
}

/**
 * Signs off what is about to be deleted, in the transaction that deletes it, before the first row goes: the entry
 * `retired` names the runs, with their digests taken once more, so that nothing is changed first and retired then.
 * `reason` is a sentence for people. Rejects for a run that is not finished, or not there. Reads the outputs it
 * still finds, so a few runs at a time.
 */
export async function recordRetired(
  ledger: Ledger,
  trx: Transaction<Schema>,
  what: Retired,
  runIds: readonly string[],
  reason: string,
): Promise<void> {
  if (runIds.length === 0) return;
  const at = ledger.now();
  const witnesses = await findWitnesses(trx, runIds);
  const runs: RetiredRun[] = [];
  for (const id of runIds) {
    const { state, output_retired_at } = await trx
      .selectFrom('run')
      .select(['state', 'output_retired_at'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (state !== 'finished') throw new Error(`run ${id} is not finished, so nothing of it is retired`);
    const end = witnesses.get(id)?.end;
    const changed = end?.cover === 'outputs' && output_retired_at === null ? await countChanged(trx, id) : 0;
    runs.push({ id, digest: await digestRun(trx, id, end?.cover), changed });
  }
  if (what === 'output') {
    await trx.updateTable('run').set({ output_retired_at: at }).where('id', 'in', runIds).execute();
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
