import { randomBytes } from 'node:crypto';
import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
import type { Plan, RunWork, Work } from '../../run/plan.ts';
import { sha256 } from '../audit/sha256.ts';
import type { Schema } from '../schema.ts';

type SealedRow = Selectable<Schema['sealed']>;

/** What of a plan is stored for good, and what only until the run has ended. */
export interface Sealing {
  readonly stored: Plan;
  readonly row: Omit<Insertable<Schema['sealed']>, 'run_id'> | undefined;
}

/**
 * Words with a secret have to be there for as long as they may have to run. They stand beside the plan, which has
 * them masked, and the hash that the audit holds the plan to covers both: the plan names a hash over the words and
 * a salt that goes with them, so that nobody who reads what is left can try out guesses.
 */
export function sealWork(plan: Plan, mask: (text: string) => string): Sealing {
  const work = maskWork(plan.work, mask);
  const work_json = JSON.stringify(plan.work);
  if (JSON.stringify(work) === work_json) return { stored: plan, row: undefined };
  const salt = randomBytes(32).toString('hex');
  return { stored: { ...plan, work, sealed: sealOf(salt, work_json) }, row: { salt, work_json } };
}

function maskWork(work: Work, mask: (text: string) => string): Work {
  if (work.action === 'ping') return work;
  return work.action === 'run'
    ? maskRun(work, mask)
    : { ...work, local: mask(work.local), remote: mask(work.remote) };
}

function maskRun(work: RunWork, mask: (text: string) => string): RunWork {
  const { command, script, stdin, env } = work;
  return {
    ...work,
    command: mask(command),
    ...(script && { script: { ...script, local: mask(script.local), args: script.args.map(mask) } }),
    ...(stdin && { stdin: { ...stdin, local: mask(stdin.local) } }),
    ...(env && { env: env.map(([name, value]) => [name, mask(value)] as const) }),
  };
}

function sealOf(salt: string, workJson: string): string {
  return sha256(`${salt}\n${workJson}`);
}

/** The plan as it is to be run; undefined where the words beside it are gone, or not those that were approved. */
export async function unsealWork(db: Kysely<Schema>, runId: string, stored: Plan): Promise<Plan | undefined> {
  if (stored.sealed === undefined) return stored;
  const row: SealedRow | undefined = await db
    .selectFrom('sealed')
    .selectAll()
    .where('run_id', '=', runId)
    .executeTakeFirst();
  if (row === undefined || sealOf(row.salt, row.work_json) !== stored.sealed) return undefined;
  return { ...stored, work: JSON.parse(row.work_json) as Work };
}

/** The run has ended. True where there was something to forget. */
export async function forgetSealed(trx: Transaction<Schema>, runId: string): Promise<boolean> {
  const { numDeletedRows } = await trx.deleteFrom('sealed').where('run_id', '=', runId).executeTakeFirst();
  return numDeletedRows > 0n;
}
