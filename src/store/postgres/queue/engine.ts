import type { Transaction } from 'kysely';
import type { Pool } from 'pg';
import { fromKysely, PgBoss } from 'pg-boss';
import type { Log } from '../../../ports/log.ts';
import { LEASE_MS } from '../../../time/lease.ts';
import { inChunks } from '../../jobs/pieces.ts';
import type { Schema } from '../../schema.ts';

const QUEUE = 'jobs';
/** pg-boss's tables stand apart from ours. */
const SCHEMA = 'batchops_queue';
/** How often that is looked for. */
const LOOK_SECONDS = 1;
/** As long as pg-boss lets a ticket be out. One that is out for longer is handed out anew, and its process keeps it. */
const LONGEST_SECONDS = 86_399;

const TOUCH = `with free as materialized (
    select id from ${SCHEMA}.job where name = $1 and id = any($2::uuid[]) and state = 'active' for update skip locked
  ) update ${SCHEMA}.job set heartbeat_on = ${SCHEMA}.job_now() from free where job.name = $1 and job.id = free.id returning job.id`;

/** A job that a process takes, and the lane of its host that is its own until then. */
export interface Ticket {
  readonly id: string;
  readonly lane: string;
}

/**
 * pg-boss: who holds which job, over all processes. A ticket is made as a job is taken, and torn up as the job has
 * its outcome; of each lane one may be out (policy `singleton`). One that nobody spoke for in `LEASE_MS` is handed
 * to somebody else: that is how it is found that a process is gone. Which job is next is not decided here.
 */
export class Engine {
  readonly #boss: PgBoss;
  readonly #pool: Pool;

  private constructor(boss: PgBoss, pool: Pool) {
    this.#boss = boss;
    this.#pool = pool;
  }

  static async open(pool: Pool, log: Log): Promise<Engine> {
    const boss = new PgBoss({
      db: { executeSql: (text, values) => (values?.length ? pool.query(text, values) : pool.query(text)) },
      schema: SCHEMA,
      schedule: false,
      registerInstance: false,
      superviseIntervalSeconds: LOOK_SECONDS,
      monitorIntervalSeconds: LOOK_SECONDS,
      openTelemetry: { enabled: false },
    });
    boss.on('error', (error) => log.warn({ err: error }, 'pg-boss met an error'));
    boss.on('warning', (warning) => log.warn({ warning }, 'pg-boss warns'));
    await boss.start();
    await boss.createQueue(QUEUE, {
      policy: 'singleton',
      heartbeatSeconds: LEASE_MS / 1_000,
      expireInSeconds: LONGEST_SECONDS,
      // Handed out again as often as it takes: the start guard says that none runs twice.
      retryLimit: 1_000_000,
      retryDelay: 0,
      deleteAfterSeconds: 3_600,
    });
    return new Engine(boss, pool);
  }

  async insert(trx: Transaction<Schema>, tickets: readonly Ticket[]): Promise<void> {
    for (const chunk of inChunks(tickets)) {
      const jobs = chunk.map(({ id, lane }) => ({ id, singletonKey: lane }));
      await this.#boss.insert(QUEUE, jobs, { db: fromKysely(trx) });
    }
  }

  /** Up to `count` tickets that nobody holds. Without a transaction those can only be ones that were handed back. */
  async claim(count: number, trx?: Transaction<Schema>): Promise<readonly string[]> {
    const found = await this.#boss.fetch(QUEUE, {
      batchSize: count,
      ...(trx && { db: fromKysely(trx) }),
    });
    return found.map(({ id }) => id);
  }

  /**
   * They are ours still. pg-boss's own `touch` waits for each ticket that a transaction has in its hands, holds those
   * that it has had until then, and so ended in deadlocks with what tears up or expires the same tickets in another
   * order. A beat waits for nobody: such a ticket is over, or is spoken for by the next beat. Resolves with those that
   * were spoken for.
   */
  async touch(ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0) return [];
    const { rows } = await this.#pool.query<{ id: string }>(TOUCH, [QUEUE, ids]);
    return rows.map(({ id }) => id);
  }

  /** They are over: their lanes are free. */
  async drop(ids: readonly string[], trx?: Transaction<Schema>): Promise<void> {
    for (const chunk of inChunks(ids)) {
      await this.#boss.deleteJob(QUEUE, [...chunk], { ...(trx && { db: fromKysely(trx) }) });
    }
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false });
  }
}
