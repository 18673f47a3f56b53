import type { Kysely } from 'kysely';
import type { Plan } from '../../run/plan.ts';
import { sha256 } from '../audit/sha256.ts';
import type { Schema } from '../schema.ts';
import { unsealWork } from './sealed-work.ts';

export interface StoredPlan {
  readonly plan: Plan;
  /** False where what is in the tables is not what the hash was stored for: nothing of it may run. */
  readonly isIntact: boolean;
}

const MAX_ENDED = 32;

/**
 * The plan of a run is one object in this process: the one it was created from, or the one that was read back,
 * once, for as long as the run goes on. One of 10,000 targets is a megabyte, and takes 10 ms to parse.
 */
export class Plans {
  readonly #going = new Map<string, StoredPlan>();
  /** The last few asked for: while its thread is filled, an ended run is asked for once a row. */
  readonly #ended = new Map<string, StoredPlan>();

  /** The run is being created from this plan. */
  keep(runId: string, plan: Plan): void {
    this.#going.set(runId, { plan, isIntact: true });
  }

  /** The run has ended, or was never stored. Words with a secret are forgotten here too. */
  release(runId: string): void {
    const stored = this.#going.get(runId);
    this.#going.delete(runId);
    if (stored !== undefined && stored.plan.sealed === undefined) this.#keepEnded(runId, stored);
  }

  /** Rejects where there is no such run. */
  async find(db: Kysely<Schema>, runId: string): Promise<StoredPlan> {
    const known = this.#going.get(runId) ?? this.#ended.get(runId);
    if (known !== undefined) return known;
    const { plan_json, plan_hash, state } = await db
      .selectFrom('run')
      .select(['plan_json', 'plan_hash', 'state'])
      .where('id', '=', runId)
      .executeTakeFirstOrThrow();
    const plan = parsePlan(plan_json);
    const isIntact = sha256(plan_json) === plan_hash;
    if (state === 'finished') {
      this.#keepEnded(runId, { plan, isIntact });
      return { plan, isIntact };
    }
    const whole = await unsealWork(db, runId, plan);
    const stored = { plan: whole ?? plan, isIntact: isIntact && whole !== undefined };
    this.#going.set(runId, stored);
    return stored;
  }

  #keepEnded(runId: string, stored: StoredPlan): void {
    this.#ended.delete(runId);
    this.#ended.set(runId, stored);
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined && this.#ended.size > MAX_ENDED) this.#ended.delete(oldest);
  }
}

/** Of a text that `canonicalPlan` made: nothing of ours writes anything else into the column. */
function parsePlan(planJson: string): Plan {
  return JSON.parse(planJson) as Plan;
}
