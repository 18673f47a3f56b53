import { sql, type Transaction } from 'kysely';
import type { TakenJob } from '../../../run/run.ts';
import { KEPT_MS } from '../../../time/lease.ts';
import { inChunks } from '../../jobs/pieces.ts';
import type { ServerSchema } from '../server-schema.ts';
import type { Ticket } from './engine.ts';
import { NOW } from './replicas.ts';

/**
 * Makes these jobs ours, each with a lane of its host that is free: a host has as many as jobs it may have at once.
 * Those that wait no more, or for which there is none, are left out.
 */
export async function takeLanes(
  trx: Transaction<ServerSchema>,
  self: string,
  jobs: readonly TakenJob[],
  lanesPerHost: number,
): Promise<readonly Ticket[]> {
  const taken: Ticket[] = [];
  for (const chunk of inChunks(jobs)) {
    const hosts = [...new Set(chunk.map(({ host }) => host.toLowerCase()))];
    const lanes = hosts.flatMap((host) => lanesOf(host, lanesPerHost));
    const rows = await trx
      .selectFrom('job')
      .select('lane')
      .where(sql<boolean>`lane = any(${lanes}::text[])`)
      .where('worker', 'is not', null)
      .where('state', '<>', 'settled')
      // Not in one condition: there is an index for each.
      .unionAll(
        trx
          .selectFrom('job')
          .select('lane')
          .where('kept_until', '>', NOW)
          .where(sql<boolean>`lane = any(${lanes}::text[])`),
      )
      .execute();
    const used = new Set(rows.map(({ lane }) => lane));
    const wanted: Ticket[] = [];
    for (const { id, host } of chunk) {
      const lane = lanesOf(host.toLowerCase(), lanesPerHost).find((one) => !used.has(one));
      if (lane === undefined) continue;
      used.add(lane);
      wanted.push({ id, lane });
    }
    const ids = wanted.map(({ id }) => id);
    // The second condition is what the planner finds the rows by: of an unnested list it knows nothing.
    const { rows: made } = await sql<{ id: string }>`update job set worker = ${self}, lane = wanted.lane
      from unnest(${ids}::text[], ${wanted.map(({ lane }) => lane)}::text[]) as wanted (id, lane)
      where job.id = wanted.id and job.id = any(${ids}::text[]) and job.state = 'queued' and job.worker is null
      returning job.id`.execute(trx);
    const ours = new Set(made.map(({ id }) => id));
    taken.push(...wanted.filter(({ id }) => ours.has(id)));
  }
  return taken;
}

/** Settled as `interrupted` by others: its process may be ending it on its host at the moment. */
export async function keepLanes(trx: Transaction<ServerSchema>, ids: readonly string[]): Promise<void> {
  await trx
    .updateTable('job')
    .set({ kept_until: sql<number>`${NOW} + ${KEPT_MS}::bigint` })
    .where(sql<boolean>`id = any(${ids}::text[])`)
    .execute();
}

export const isNotKept = sql<boolean>`coalesce(kept_until, 0) <= ${NOW}`;

function lanesOf(host: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${host}#${n}`);
}
