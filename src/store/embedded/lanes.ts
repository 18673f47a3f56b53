import type { TakenJob } from '../../run/run.ts';
import type { Behind, Waits } from '../../run/waits.ts';

/** Whose jobs these are, and how many of them may be under way at once. */
export interface QueuedRun {
  readonly id: string;
  readonly person: string;
  readonly fanOut: number;
}

/**
 * Which waiting job goes next, where one process runs all of them. Holds ids only and can be rebuilt from the
 * database at any time; nothing here makes a job run twice or not at all, the start guard sees to that.
 *
 * - People take turns, one job each, and so do the runs of each: nobody gets more by asking more often, and a
 *   run on 3 hosts does not wait behind one on 1,000.
 * - A person has at most `personLimit` jobs taken, a run at most its `fanOut`, a host at most `hostLimit`.
 * - On one host jobs start in the order in which their runs were released: what was asked for first is done
 *   first. So that a short run does not wait for all of a long one to get there, the job that it waits for is
 *   called up: it goes ahead of the other jobs of its own run.
 *
 * A job's stations:
 *
 * - `waiting`: in its host's lane. Jobs at the head of the lane, as many as the host has room for, are also
 *   in their run's `eligible` queue, or in `called` where a later run waits for them.
 * - `taken`: counted with its person, in its run and its lane, until `remove`.
 * - gone: forgotten.
 */
export class Lanes {
  readonly #hostLimit: number;
  readonly #personLimit: number;
  readonly #jobs = new Map<string, LaneJob>();
  /** By lower-case name: a host is one host however it is spelt. Only lanes with jobs are kept. */
  readonly #lanes = new Map<string, Lane>();
  /** In the order of their next turn. Only people with jobs are kept. */
  readonly #people = new Map<string, Person>();
  readonly #runs = new Map<string, RunQueue>();

  constructor(hostLimit: number, personLimit = Number.POSITIVE_INFINITY) {
    this.#hostLimit = hostLimit;
    this.#personLimit = personLimit;
  }

  /** The run is released, or what was held of it: its jobs queue up behind those of earlier runs. */
  add(queued: QueuedRun, jobs: readonly TakenJob[]): void {
    const added = jobs.filter((job) => !this.#jobs.has(job.id));
    if (added.length === 0) return;
    const run = this.#join(queued);
    for (const job of added) {
      const key = job.host.toLowerCase();
      const lane = this.#lanes.get(key) ?? { key, taken: new Set(), waiting: [] };
      this.#lanes.set(key, lane);
      const entry: LaneJob = { job, run, lane, station: 'waiting', isCalled: false };
      this.#jobs.set(job.id, entry);
      run.left++;
      for (const earlier of lane.waiting.slice(0, this.#room(lane))) callUp(earlier);
      lane.waiting.push(entry);
      if (lane.waiting.length <= this.#room(lane)) run.eligible.push(entry);
    }
  }

  #join({ id, person: name, fanOut }: QueuedRun): RunQueue {
    // Some of it may still be on the wire.
    const known = this.#runs.get(id);
    if (known !== undefined) return known;
    const person = this.#people.get(name) ?? { name, taken: 0, runs: new Map() };
    this.#people.set(name, person);
    const run: RunQueue = {
      id,
      person,
      fanOut,
      left: 0,
      taken: 0,
      called: new Fifo(),
      eligible: new Fifo(),
    };
    this.#runs.set(id, run);
    person.runs.set(id, run);
    return run;
  }

  take(n: number): TakenJob[] {
    const taken: TakenJob[] = [];
    // Who had a turn goes to the end; one full round without a job is the end.
    let idle = 0;
    while (taken.length < n && idle < this.#people.size) {
      const [person] = this.#people.values();
      if (person === undefined) break;
      toTheEnd(this.#people, person.name, person);
      const next = person.taken < this.#personLimit ? nextOf(person) : undefined;
      if (next === undefined) {
        idle++;
        continue;
      }
      idle = 0;
      next.station = 'taken';
      next.lane.waiting.splice(next.lane.waiting.indexOf(next), 1);
      next.lane.taken.add(next);
      next.run.taken++;
      person.taken++;
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
      lane.taken.delete(entry);
      run.taken--;
      run.person.taken--;
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
    if (lane.taken.size === 0 && lane.waiting.length === 0) this.#lanes.delete(lane.key);
    if (--run.left === 0) this.#forget(run);
  }

  #forget({ id, person }: RunQueue): void {
    this.#runs.delete(id);
    person.runs.delete(id);
    if (person.runs.size === 0) this.#people.delete(person.name);
  }

  /** What the waiting jobs of these runs wait for. One counts under the first of these that holds it. */
  waits(runIds: ReadonlySet<string>): ReadonlyMap<string, Waits> {
    const found = new Map<string, Counted>();
    for (const entry of this.#jobs.values()) {
      const { job, run, lane } = entry;
      if (entry.station !== 'waiting' || !runIds.has(run.id)) continue;
      const waits = found.get(run.id) ?? { host: 0, fanOut: 0, person: 0, slot: 0, behind: [] };
      found.set(run.id, waits);
      if (lane.waiting.indexOf(entry) >= this.#room(lane)) {
        waits.host++;
        const [first = lane.waiting[0]] = lane.taken;
        if (first !== undefined && waits.behind.length < MAX_BEHIND) {
          waits.behind.push({ host: job.host, runId: first.run.id });
        }
      } else if (run.taken >= run.fanOut) waits.fanOut++;
      else if (run.person.taken >= this.#personLimit) waits.person++;
      else waits.slot++;
    }
    return found;
  }

  #room(lane: Lane): number {
    return this.#hostLimit - lane.taken.size;
  }
}

/** More than anybody reads. */
const MAX_BEHIND = 5;

type Counted = { -readonly [Key in keyof Omit<Waits, 'behind'>]: number } & { readonly behind: Behind[] };

interface LaneJob {
  readonly job: TakenJob;
  readonly run: RunQueue;
  readonly lane: Lane;
  station: 'waiting' | 'taken' | 'gone';
  isCalled: boolean;
}

interface Lane {
  readonly key: string;
  readonly taken: Set<LaneJob>;
  /** In order of release. At most one job per run, so it is short. */
  readonly waiting: LaneJob[];
}

interface Person {
  readonly name: string;
  taken: number;
  /** In the order of their next turn. Only runs with jobs are kept. */
  readonly runs: Map<string, RunQueue>;
}

interface RunQueue {
  readonly id: string;
  readonly person: Person;
  readonly fanOut: number;
  /** Jobs that are waiting or taken. */
  left: number;
  taken: number;
  readonly called: Fifo<LaneJob>;
  readonly eligible: Fifo<LaneJob>;
}

function toTheEnd<T>(turns: Map<string, T>, key: string, value: T): void {
  turns.delete(key);
  turns.set(key, value);
}

/** Of this person's runs in turn, the first job that may go now. */
function nextOf(person: Person): LaneJob | undefined {
  for (const run of [...person.runs.values()]) {
    toTheEnd(person.runs, run.id, run);
    const next = run.taken < run.fanOut ? nextIn(run) : undefined;
    if (next !== undefined) return next;
  }
  return undefined;
}

function callUp(entry: LaneJob): void {
  if (!entry.isCalled) entry.run.called.push(entry);
  entry.isCalled = true;
}

/** A job may stand in both queues, or be gone from its lane: what is no longer waiting is passed over here. */
function nextIn(run: RunQueue): LaneJob | undefined {
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
