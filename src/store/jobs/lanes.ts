import type { TakenJob } from '../../run/run.ts';
import type { Behind, Waits } from '../../run/waits.ts';

/** Whose jobs these are, and how many of them may be under way at once. */
export interface QueuedRun {
  readonly id: string;
  readonly person: string;
  readonly fanOut: number;
}

/**
 * Which waiting job goes next, of all that wait in whatever process. Holds ids only and can be rebuilt from the
 * database at any time; nothing here makes a job run twice or not at all, the start guard sees to that.
 *
 * - The next slot goes to who has the fewest jobs taken; among equals, to who has waited longest for a turn. So
 *   whoever comes new has the next one that frees. The runs of each take turns: nobody gets more by asking more
 *   often, and a run on 3 hosts does not wait behind one on 1,000.
 * - A person has at most `personLimit` jobs taken, a run at most its `fanOut`, a host at most `hostLimit`.
 * - On one host a person's jobs start in the order in which their runs were released: what one relies on is there.
 *   So that a short run does not wait for all of a long one to get there, the job that it waits for is called up:
 *   it goes ahead of the other jobs of its own run.
 * - Nobody's job that has not been taken holds another person's, on any host.
 *
 * A job's stations:
 *
 * - `waiting`: in its host's lane. Once as few of its person's are ahead of it there as the host has room for, it
 *   is also in its run's `eligible` queue, or in `called` where it has waited for its host or a later one waits
 *   for it. What is found in these while its host is taken is dropped, and called up as the host has room again.
 * - `taken`: counted with its person, in its run and its lane, until `remove`.
 * - `kept`: over, but its host is not free yet: counted in its lane only.
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

  /** The run is released, or what was held of it: its jobs queue up behind those of earlier runs. `at`: by the caller's clock. */
  add(queued: QueuedRun, jobs: readonly TakenJob[], at = 0): void {
    const added = jobs.filter((job) => !this.#jobs.has(job.id));
    if (added.length === 0) return;
    const run = this.#join(queued);
    for (const job of added) {
      const key = job.host.toLowerCase();
      const lane = this.#lanes.get(key) ?? { key, taken: new Set(), waiting: [] };
      this.#lanes.set(key, lane);
      const entry: LaneJob = { job, run, lane, at, station: 'waiting', isCalled: false };
      this.#jobs.set(job.id, entry);
      run.left++;
      for (const earlier of this.#readyIn(lane)) if (earlier.run.person === run.person) callUp(earlier);
      lane.waiting.push(entry);
      if (this.#mayGo(entry)) run.eligible.push(entry);
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
    while (taken.length < n) {
      const next = this.#next();
      if (next === undefined) break;
      take(next);
      taken.push(next.job);
    }
    return taken;
  }

  /** Somebody else has taken it. */
  hold(jobId: string): void {
    const entry = this.#jobs.get(jobId);
    if (entry?.station === 'waiting') take(entry);
  }

  /** It has its outcome, and keeps its host for a while yet: counted with its lane only. */
  keepLane(jobId: string): void {
    this.hold(jobId);
    const entry = this.#jobs.get(jobId);
    if (entry?.station !== 'taken') return;
    entry.station = 'kept';
    entry.run.taken--;
    entry.run.person.taken--;
  }

  isKnown(jobId: string): boolean {
    return this.#jobs.has(jobId);
  }

  /** What waits of this run is not to be handed out; what of it is taken goes on. */
  withdraw(runId: string): void {
    for (const { job, run, station } of [...this.#jobs.values()]) {
      if (run.id === runId && station === 'waiting') this.remove(job.id);
    }
  }

  #next(): LaneJob | undefined {
    // The order of turns decides among those that have as few.
    const fewestFirst = [...this.#people.values()].sort((one, other) => one.taken - other.taken);
    for (const person of fewestFirst) {
      const next = person.taken < this.#personLimit ? this.#nextOf(person) : undefined;
      if (next === undefined) continue;
      toTheEnd(this.#people, person.name, person);
      return next;
    }
    return undefined;
  }

  /** Of this person's runs in turn, the first job that may go now. */
  #nextOf(person: Person): LaneJob | undefined {
    for (const run of [...person.runs.values()]) {
      const next = run.taken < run.fanOut ? this.#nextIn(run) : undefined;
      if (next === undefined) continue;
      toTheEnd(person.runs, run.id, run);
      return next;
    }
    return undefined;
  }

  #nextIn(run: RunQueue): LaneJob | undefined {
    for (const queue of [run.called, run.eligible]) {
      for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
        if (queue === run.called) entry.isCalled = false;
        if (this.#mayGo(entry)) return entry;
      }
    }
    return undefined;
  }

  /** When it was added; undefined where it is not here. */
  addedAt(jobId: string): number | undefined {
    return this.#jobs.get(jobId)?.at;
  }

  /** The job has its outcome, or will never start. */
  remove(jobId: string): void {
    const entry = this.#jobs.get(jobId);
    if (entry === undefined) return;
    const { run, lane } = entry;
    if (entry.station === 'waiting') lane.waiting.splice(lane.waiting.indexOf(entry), 1);
    else lane.taken.delete(entry);
    if (entry.station === 'taken') {
      run.taken--;
      run.person.taken--;
    }
    entry.station = 'gone';
    // They have waited for their host already: ahead of those of their runs that have not.
    for (const waiting of this.#readyIn(lane)) callUp(waiting);
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
      if (!this.#mayGo(entry)) {
        waits.host++;
        const [first = ownAhead(entry)[0]] = lane.taken;
        if (first !== undefined && waits.behind.length < MAX_BEHIND) {
          waits.behind.push({ host: job.host, runId: first.run.id });
        }
      } else if (run.taken >= run.fanOut) waits.fanOut++;
      else if (run.person.taken >= this.#personLimit) waits.person++;
      else waits.slot++;
    }
    return found;
  }

  /** Those that may go as far as this host and what their persons asked for here before are concerned. */
  #readyIn(lane: Lane): readonly LaneJob[] {
    const room = this.#hostLimit - lane.taken.size;
    if (room <= 0) return [];
    const passed = new Map<Person, number>();
    return lane.waiting.filter(({ run: { person } }) => {
      const ahead = passed.get(person) ?? 0;
      passed.set(person, ahead + 1);
      return ahead < room;
    });
  }

  /** Whether it is one of those, at a glance. */
  #mayGo(entry: LaneJob): boolean {
    const room = this.#hostLimit - entry.lane.taken.size;
    return entry.station === 'waiting' && room > 0 && ownAhead(entry).length < room;
  }
}

/** More than anybody reads. */
const MAX_BEHIND = 5;

type Counted = { -readonly [Key in keyof Omit<Waits, 'behind'>]: number } & { readonly behind: Behind[] };

interface LaneJob {
  readonly job: TakenJob;
  readonly run: RunQueue;
  readonly lane: Lane;
  readonly at: number;
  station: 'waiting' | 'taken' | 'kept' | 'gone';
  isCalled: boolean;
}

interface Lane {
  readonly key: string;
  readonly taken: Set<LaneJob>;
  /** In order of release. At most one job per run, and of each person's limited runs, so it is short. */
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

function take(entry: LaneJob): void {
  const { run, lane } = entry;
  entry.station = 'taken';
  lane.waiting.splice(lane.waiting.indexOf(entry), 1);
  lane.taken.add(entry);
  run.taken++;
  run.person.taken++;
}

function toTheEnd<T>(turns: Map<string, T>, key: string, value: T): void {
  turns.delete(key);
  turns.set(key, value);
}

/** Those of the same person that wait for the same host and were released before. */
function ownAhead(entry: LaneJob): readonly LaneJob[] {
  const { lane, run } = entry;
  return lane.waiting
    .slice(0, lane.waiting.indexOf(entry))
    .filter((earlier) => earlier.run.person === run.person);
}

function callUp(entry: LaneJob): void {
  if (!entry.isCalled) entry.run.called.push(entry);
  entry.isCalled = true;
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
