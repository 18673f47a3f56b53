import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { Rollout } from '../../src/command/rollout/parse.ts';
import { UNBOUNDED } from '../../src/policy/shares.ts';
import type { JobSource } from '../../src/ports/job-source.ts';
import { type Dispatcher, openDispatcher } from '../../src/queue/dispatcher.ts';
import { bareOutcome, type Outcome } from '../../src/run/outcome.ts';
import type { Requester } from '../../src/run/plan.ts';
import { batchesOf } from '../../src/run/rollout/batches.ts';
import type { TakenJob } from '../../src/run/run.ts';
import {
  ANN,
  approvedPlan,
  BOB,
  okOutcome,
  openRig,
  quiet,
  SERVER_PORT,
  type StoreRig,
} from '../store/rig.ts';
import { approveAny, skipAll } from './rig.ts';

const CONCURRENCY = 3;
const PERSON_SLOTS = 2;
const HOSTS = ['h1', 'h2', 'h3', 'h4', 'h5'];

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), n: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('run' as const),
      n: fc.integer({ min: 1, max: 3 }),
      hosts: fc.uniqueArray(fc.constantFrom(...HOSTS), { minLength: 1 }),
      rollout: fc.constantFrom<Rollout | undefined>(
        undefined,
        undefined,
        { serial: [{ count: 1 }, { count: 2 }] },
        { serial: [{ count: 2 }], maxFail: { count: 0 } },
        { canary: 1, serial: [{ count: 2 }], waitMs: 1 },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('cancel', 'skip', 'crash', 'stop', 'fault'), n: fc.nat(9) }),
  },
  // How long the queue is left to itself.
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn' as const), n: fc.nat(40) }) },
);

test('whatever is run, cancelled and crashed, each job has one outcome and was on the wire at most once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using world = await openWorld();
      await world.act({ do: 'run', n: 2, hosts: HOSTS });
      for (const one of steps) await world.act(one);
      await world.finish();
      await world.judge();
    }),
    // A case has to open a store or two, which takes longer on a server.
    { numRuns: SERVER_PORT === undefined ? 25 : 5 },
  );
}, 120_000);

/** A process with its queue, which can die and be born again over the same file. */
async function openWorld(): Promise<World> {
  const rig = await openRig({ shares: { ...UNBOUNDED, slots: PERSON_SLOTS } });
  const world = new World(rig);
  return world;
}

interface OnWire {
  readonly job: TakenJob;
  readonly end: (outcome: Outcome) => void;
}

interface Life extends Pick<Dispatcher, 'cancel' | 'stop'> {
  isDead: boolean;
  /** How many more calls of the store fail. */
  faults: number;
}

class World implements AsyncDisposable {
  readonly #rig: StoreRig;
  /** In order of release: what one person has on one host starts in this order. */
  readonly #runIds: string[] = [];
  readonly #fanOuts = new Map<string, number>();
  /** By run: the number of each host's batch, where there are several. */
  readonly #batches = new Map<string, ReadonlyMap<string, number>>();
  readonly #sent: TakenJob[] = [];
  readonly #wire = new Set<OnWire>();
  readonly #broken: string[] = [];
  #life: Life;

  constructor(rig: StoreRig) {
    this.#rig = rig;
    this.#life = this.#live();
  }

  #live(): Life {
    const { store } = this.#rig;
    const life = { isDead: false, faults: 0 };
    const { jobs } = store;
    // What a dead process did has no effect; a failing one fails a few times, before or after the deed.
    const guarded =
      <T>(empty: T, deed: () => Promise<T>) =>
      async (): Promise<T> => {
        if (life.isDead) return empty;
        const isFaulty = life.faults-- > 0;
        if (isFaulty && life.faults % 2 === 0) throw new Error('disk full');
        const answer = await deed();
        if (isFaulty) throw new Error('disk I/O error');
        return answer;
      };
    const mortal: JobSource = {
      take: async (n) => (life.isDead ? [] : jobs.take(n)),
      start: (wanted) => guarded([], () => jobs.start(wanted))(),
      settle: (ended) => guarded(undefined, () => jobs.settle(ended))(),
      onReady: (listener) => jobs.onReady(listener),
      onStop: (listener) => jobs.onStop(listener),
      mayBegin: () => true,
    };
    const dispatcher = openDispatcher({
      jobs: mortal,
      concurrency: CONCURRENCY,
      execute: (job, _plan, signal) => this.#execute(job, signal, life),
      approve: (runId) => approveAny(store, runId),
      refuse: (runId, refusal) => skipAll(store, runId, refusal.message),
      log: quiet,
      abortLimitMs: 2_000,
    });
    return Object.assign(life, {
      cancel: dispatcher.cancel.bind(dispatcher),
      stop: dispatcher.stop.bind(dispatcher),
    });
  }

  #execute(job: TakenJob, signal: AbortSignal, life: { readonly isDead: boolean }): Promise<Outcome> {
    if (life.isDead) return Promise.resolve(bareOutcome('interrupted', ''));
    const before = this.#sent.filter(({ runId }) => runId === job.runId).map((one) => this.#batchOf(one));
    if (before.some((batch) => batch > this.#batchOf(job))) this.#broken.push('order of batches');
    this.#sent.push(job);
    return new Promise((resolve) => {
      const one: OnWire = {
        job,
        end: (outcome) => {
          this.#wire.delete(one);
          resolve(outcome);
        },
      };
      this.#wire.add(one);
      signal.addEventListener('abort', () =>
        one.end(bareOutcome(signal.reason === 'cancelled' ? 'cancelled' : 'interrupted', '')),
      );
      const jobs = [...this.#wire].map((on) => on.job);
      const fanOut = this.#fanOuts.get(job.runId) ?? 0;
      if (jobs.some((on) => on.runId === job.runId && this.#batchOf(on) !== this.#batchOf(job)))
        this.#broken.push('two batches at once');
      if (jobs.length > CONCURRENCY) this.#broken.push('concurrency');
      const isSamePerson = ({ runId }: TakenJob): boolean =>
        this.#requesterOf(this.#runIds.indexOf(runId)) === this.#requesterOf(this.#runIds.indexOf(job.runId));
      if (jobs.filter(isSamePerson).length > PERSON_SLOTS) this.#broken.push('share of a person');
      if (jobs.filter(({ host }) => host === job.host).length > 1) this.#broken.push('host limit');
      if (jobs.filter(({ runId }) => runId === job.runId).length > fanOut) this.#broken.push('fan-out');
    });
  }

  #batchOf({ runId, host }: TakenJob): number {
    return this.#batches.get(runId)?.get(host) ?? 0;
  }

  #requesterOf(number: number): Requester {
    return number % 3 === 1 ? BOB : ANN;
  }

  async act({
    do: deed,
    n,
    ...more
  }: {
    do: string;
    n: number;
    hosts?: string[];
    rollout?: Rollout | undefined;
  }): Promise<void> {
    const { store } = this.#rig;
    const runId = this.#runIds[n % Math.max(this.#runIds.length, 1)] ?? '';
    switch (deed) {
      case 'run': {
        const plan = approvedPlan({
          hosts: more.hosts ?? [],
          fanOut: n,
          requester: this.#requesterOf(this.#runIds.length),
          ...(more.rollout === undefined ? {} : { rollout: more.rollout }),
        });
        const { run } = await store.createRun(plan, `request ${this.#runIds.length}`);
        if (more.rollout !== undefined) {
          const batches = batchesOf(plan).flatMap(({ from, before }, batch) =>
            plan.targets.slice(from, before).map(({ host }) => [host, batch] as const),
          );
          this.#batches.set(run.id, new Map(batches));
        }
        this.#fanOuts.set(run.id, n);
        this.#runIds.push(run.id);
        return store.releaseRun(run.id, '1.0');
      }
      case 'end': {
        const on = [...this.#wire][n % Math.max(this.#wire.size, 1)];
        return on?.end(n % 3 === 0 ? bareOutcome('failed', '') : okOutcome());
      }
      case 'cancel': {
        const { running } = await store.cancelRun(runId, ANN);
        return this.#life.cancel(running);
      }
      case 'skip':
        return store.skipJobs(runId, ['h1', 'h3'], 'no longer known');
      case 'fault':
        this.#life.faults = n % 3;
        return;
      case 'turn':
        for (let turn = 0; turn < n; turn++) await new Promise(setImmediate);
        return;
      case 'stop':
        await this.#life.stop(0);
        return this.#rebirth();
      case 'crash':
        this.#life.isDead = true;
        for (const on of this.#wire) on.end(okOutcome());
        return this.#rebirth();
    }
  }

  async #rebirth(): Promise<void> {
    const former = this.#life;
    await this.#rig.reopen();
    this.#life = this.#live();
    former.isDead = true;
    await former.stop(0);
  }

  async finish(): Promise<void> {
    await vi.waitFor(
      async () => {
        for (const on of this.#wire) on.end(okOutcome());
        for (const runId of this.#batches.keys()) await this.#rig.store.continueRun(runId, ANN);
        expect(await this.#rig.store.openRuns()).toEqual([]);
      },
      { timeout: 10_000, interval: 5 },
    );
  }

  async judge(): Promise<void> {
    const { store } = this.#rig;
    expect(this.#broken).toEqual([]);
    expect(new Set(this.#sent.map(({ id }) => id)).size).toBe(this.#sent.length);
    const wasSent = new Set(this.#sent.map(({ id }) => id));
    let jobs = 0;
    for (const runId of this.#runIds) {
      for (const job of await store.listJobs(runId)) {
        jobs++;
        expect(job.state).toBe('settled');
        const kind = job.outcome?.kind ?? '';
        if (wasSent.has(job.id)) expect(['ok', 'failed', 'cancelled', 'interrupted']).toContain(kind);
        else expect(['skipped', 'cancelled', 'interrupted']).toContain(kind);
      }
    }
    const [rows] = await await this.#rig.query(
      "select count(*) as replies from outbox where key like 'reply:%' and due_at is not null",
    );
    expect(Number(rows?.replies)).toBe(jobs);
    for (const host of HOSTS) {
      // What of a rollout may not start yet holds nobody, so it may come later.
      const order = this.#sent
        .filter((job) => job.host === host && !this.#batches.has(job.runId))
        .map(({ runId }) => this.#runIds.indexOf(runId));
      for (const own of Map.groupBy(order, (number) => this.#requesterOf(number).userId).values()) {
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
    }
    expect((await store.audit.verify()).faults).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.isDead = true;
    for (const on of this.#wire) on.end(okOutcome());
    await this.#life.stop(0);
    await this.#rig[Symbol.asyncDispose]();
  }
}
