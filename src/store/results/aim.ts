import type { Transaction } from 'kysely';
import { type Fold, type Target, usesBoard } from '../../run/plan.ts';
import { parsePlan } from '../records.ts';
import type { Schema } from '../schema.ts';

/** What of a run's plan its results are stored by. */
export interface Aim {
  readonly targets: ReadonlyMap<string, Target>;
  readonly fold: Fold;
  readonly usesBoard: boolean;
}

const MAX_KEPT = 16;
/** By the plan's hash. A plan of 10,000 targets takes 10 ms to parse, and results come in by the dozen. */
const kept = new Map<string, Aim>();

export async function findAim(trx: Transaction<Schema>, runId: string, planHash: string): Promise<Aim> {
  const known = kept.get(planHash);
  if (known !== undefined) return known;
  const { plan_json } = await trx
    .selectFrom('run')
    .select('plan_json')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
  const plan = parsePlan(plan_json);
  const aim: Aim = {
    targets: new Map(plan.targets.map((target) => [target.host, target])),
    fold: plan.fold ?? 'exact',
    usesBoard: usesBoard(plan),
  };
  kept.set(planHash, aim);
  const [oldest] = kept.keys();
  if (oldest !== undefined && kept.size > MAX_KEPT) kept.delete(oldest);
  return aim;
}
