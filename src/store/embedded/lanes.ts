import type { TakenJob } from '../../ports.ts';

/**
 * Which waiting job goes next, where one process runs all of them. Holds ids only and can be rebuilt from the
 * database at any time; nothing here makes a job run twice or not at all, the start guard sees to that.
 *
 * - Runs take turns, one job each, so that a run on 3 hosts does not wait behind one on 1,000.
 * - A run has at most `fanOut` jobs taken, a host at most `hostLimit`.
 * - On one host jobs start in the order in which their runs were released: what was asked for first is done
 *   first. So that a short run does not wait for all of a long one to get there, the job that it waits for is
 *   called up: it goes ahead of the other jobs of its own run.
 *
 * A job's stations:
 *
 * - `waiting`: in its host's lane. Jobs at the head of the lane, as many as the host has room for, are also
 *   in their run's `eligible` queue, or in `called` where a later run waits for them.
 * - `taken`: counted in its run and its lane, until `remove`.
 * - gone: forgotten.
 */
export class Lanes {
  readonly #hostLimit: number;
  readonly #jobs = new Map<string, LaneJob>();
  /** By lower-case name: a host is one host however it is spelt. Only lanes with jobs are kept. */
  readonly #lanes = new Map<string, Lane>();
  /** In the order of their next turn. Only runs with jobs are kept. */
  readonly #runs = new Map<string, RunQueue>();

  constructor(hostLimit: number) {
    this.#hostLimit = hostLimit;
  }

  /** The run is released, or what was held of it: its jobs queue up behind those of earlier runs. */
  add(runId: string, fanOut: number, jobs: readonly TakenJob[]): void {
    const added = jobs.filter((job) => !this.#jobs.has(job.id));
    if (added.length === 0) return;
    // Some of it may still be on the wire.
    const run: RunQueue = this.#runs.get(runId) ?? {
      id: runId,
      fanOut,
      left: 0,
      taken: 0,
      called: new Fifo(),
      eligible: new Fifo(),
    };
    this.#runs.set(runId, run);
    for (const job of added) {
      const key = job.host.toLowerCase();
      const lane = this.#lanes.get(key) ?? { key, taken: 0, waiting: [] };
      this.#lanes.set(key, lane);
      const entry: LaneJob = { job, run, lane, station: 'waiting', isCalled: false };
      this.#jobs.set(job.id, entry);
      run.left++;
      for (const earlier of lane.waiting.slice(0, this.#room(lane))) callUp(earlier);
      lane.waiting.push(entry);
      if (lane.waiting.length <= this.#room(lane)) run.eligible.push(entry);
    }
  }

  take(n: number): TakenJob[] {
    const taken: TakenJob[] = [];
    // Runs that had their turn go to the end; one full round without a job is the end.
    let idle = 0;
    while (taken.length < n && idle < this.#runs.size) {
      const [run] = this.#runs.values();
      if (run === undefined) break;
      this.#runs.delete(run.id);
      this.#runs.set(run.id, run);
      const next = run.taken < run.fanOut ? nextOf(run) : undefined;
      if (next === undefined) {
        idle++;
        continue;
      }
      idle = 0;
      next.station = 'taken';
      next.lane.waiting.splice(next.lane.waiting.indexOf(next), 1);
      next.lane.taken++;
      run.taken++;
      taken.push(next.job);
    }
    return taken;
  }

  /** The job has its outcome, or will never start. */
  remove(jobId: string): void {
    const entry = this.#jobs.get(jobId);
    if (entry === undefined) return;
    const { run, lane } = entry;
    const room = this.#room(lane);
    let opened: LaneJob | undefined;
    if (entry.station === 'taken') {
      lane.taken--;
      run.taken--;
      opened = lane.waiting[room];
    } else {
      const index = lane.waiting.indexOf(entry);
      lane.waiting.splice(index, 1);
      if (index < room) opened = lane.waiting[room - 1];
    }
    entry.station = 'gone';
    // It has waited for its host already: ahead of those of its run that have not.
    if (opened !== undefined) callUp(opened);
    this.#jobs.delete(jobId);
    if (lane.taken === 0 && lane.waiting.length === 0) this.#lanes.delete(lane.key);
    if (--run.left === 0) this.#runs.delete(run.id);
  }

  #room(lane: Lane): number {
    return this.#hostLimit - lane.taken;
  }
}

interface LaneJob {
  readonly job: TakenJob;
  readonly run: RunQueue;
  readonly lane: Lane;
  station: 'waiting' | 'taken' | 'gone';
  isCalled: boolean;
}

interface Lane {
  readonly key: string;
  taken: number;
  /** In order of release. At most one job per run, so it is short. */
  readonly waiting: LaneJob[];
}

interface RunQueue {
  readonly id: string;
  readonly fanOut: number;
  /** Jobs that are waiting or taken. */
  left: number;
  taken: number;
  readonly called: Fifo<LaneJob>;
  readonly eligible: Fifo<LaneJob>;
}

function callUp(entry: LaneJob): void {
  if (!entry.isCalled) entry.run.called.push(entry);
  entry.isCalled = true;
}

/** A job may stand in both queues, or be gone from its lane: what is no longer waiting is passed over here. */
function nextOf(run: RunQueue): LaneJob | undefined {
  for (const queue of [run.called, run.eligible]) {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      if (entry.station === 'waiting') return entry;
    }
  }
  return undefined;
}

/** `Array.shift` moves every element; this moves an index and lets go of what it passed now and then. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    if (this.#head > 1_000 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
