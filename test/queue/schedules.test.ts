import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { UNBOUNDED } from '../../src/policy/shares.ts';
import type { JobSource } from '../../src/ports/job-source.ts';
import { type Dispatcher, openDispatcher } from '../../src/queue/dispatcher.ts';
import { bareOutcome, type Outcome } from '../../src/run/outcome.ts';
import type { Requester } from '../../src/run/plan.ts';
import type { TakenJob } from '../../src/run/run.ts';
import { ANN, approvedPlan, BOB, okOutcome, openRig, quiet, type StoreRig } from '../store/rig.ts';
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
    { numRuns: 25 },
  );
}, 60_000);

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
      if (jobs.length > CONCURRENCY) this.#broken.push('concurrency');
      const isSamePerson = ({ runId }: TakenJob): boolean =>
        this.#requesterOf(this.#runIds.indexOf(runId)) === this.#requesterOf(this.#runIds.indexOf(job.runId));
      if (jobs.filter(isSamePerson).length > PERSON_SLOTS) this.#broken.push('share of a person');
      if (jobs.filter(({ host }) => host === job.host).length > 1) this.#broken.push('host limit');
      if (jobs.filter(({ runId }) => runId === job.runId).length > fanOut) this.#broken.push('fan-out');
    });
  }

  #requesterOf(number: number): Requester {
    return number % 3 === 1 ? BOB : ANN;
  }

  async act({ do: deed, n, ...more }: { do: string; n: number; hosts?: string[] }): Promise<void> {
    const { store } = this.#rig;
    const runId = this.#runIds[n % Math.max(this.#runIds.length, 1)] ?? '';
    switch (deed) {
      case 'run': {
        const { run } = await store.createRun(
          approvedPlan({
            hosts: more.hosts ?? [],
            fanOut: n,
            requester: this.#requesterOf(this.#runIds.length),
          }),
          `request ${this.#runIds.length}`,
        );
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
    expect(rows?.replies).toBe(jobs);
    for (const host of HOSTS) {
      const order = this.#sent
        .filter((job) => job.host === host)
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
