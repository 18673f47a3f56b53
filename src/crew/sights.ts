import type { Crew, Member } from '../ports/crew.ts';
import type { RunSights, Sights } from '../ports/sights.ts';
import type { CopyProgress } from '../run/copy-progress.ts';
import type { Sight } from '../run/live-output.ts';
import { delay } from '../time/delay.ts';
import { within } from '../time/within.ts';
import { answering, askPart } from './asking.ts';

const LOOK = 'look-at-jobs';
/** A person waits, with a window that Slack lets be opened for three seconds. */
const PATIENCE_MS = 1_200;
/** Whoever did not answer is not waited for again so soon. */
const SILENT_MS = 5_000;
/** However many look, a process is asked one question at a time, about so many, with a pause between two. */
const PAUSE_MS = 300;
const MAX_WISHES = 100;
const MAX_LINES = 100;

/** Without a host: the whole run. */
interface Wish {
  readonly runId: string;
  readonly host?: string;
}

interface Seen {
  readonly sight?: Sight;
  readonly hosts?: readonly (readonly [host: string, sight: Sight])[];
  readonly copies?: CopyProgress;
}

interface DistantSightsSettings {
  readonly crew: Pick<Crew, 'ask' | 'whoRuns'>;
  /** Of the process itself, where it runs jobs as well. */
  readonly here?: Sights;
  /** Of a clock that nobody can set, milliseconds. */
  readonly clock: () => number;
  readonly pauseMs?: number;
}

/** What other processes see of their jobs: each is asked, and tells it masked. One that is silent is left out. */
export function distantSights({ crew, here, clock, pauseMs = PAUSE_MS }: DistantSightsSettings): Sights {
  const lines = new Map<string, Line>();
  const lineTo = (member: Member): Line => {
    const known = lines.get(member.id);
    if (known !== undefined) return known;
    const ask = (wishes: readonly Wish[]) =>
      askPart<readonly Seen[]>(crew, member, LOOK, wishes, PATIENCE_MS);
    const line = new Line(ask, clock, pauseMs);
    lines.set(member.id, line);
    const [oldest] = lines.keys();
    if (oldest !== undefined && lines.size > MAX_LINES) lines.delete(oldest);
    return line;
  };
  /** One entry for each that runs something of it; undefined of who does not say. */
  const look = async (wish: Wish): Promise<readonly (Seen | undefined)[]> => {
    const asked = crew
      .whoRuns(wish.runId, wish.host)
      .then((members) => Promise.all(members.map((member) => lineTo(member).look(wish))))
      .catch(() => [undefined]);
    return await within(asked, { ms: PATIENCE_MS, late: () => [undefined] });
  };
  return {
    async ofHost(runId, host) {
      const own = await here?.ofHost(runId, host);
      if (own !== undefined) return own;
      const told = await look({ runId, host });
      if (told.length === 0) return undefined;
      const seen = told.find((one) => one?.sight !== undefined);
      return seen?.sight ?? (told.includes(undefined) ? { phase: 'unanswered' } : undefined);
    },
    async ofRun(runId) {
      const own = await here?.ofRun(runId);
      const told = await look({ runId });
      const all = told.flatMap((seen): readonly RunSights[] =>
        seen === undefined ? [] : [{ hosts: new Map(seen.hosts), copies: seen.copies, isPartial: false }],
      );
      const parts = own === undefined ? all : [own, ...all];
      return {
        hosts: new Map(parts.flatMap(({ hosts }) => [...hosts])),
        copies: sumCopies(parts.flatMap(({ copies }) => copies ?? [])),
        isPartial: told.includes(undefined),
      };
    },
  };
}

/** A process's side. What it tells lies in the database for a moment: only what `here` has masked. */
export function tellSights(here: Sights) {
  return {
    [LOOK]: answering<readonly Wish[]>((wishes) =>
      Promise.all(
        wishes.slice(0, MAX_WISHES).map(async ({ runId, host }): Promise<Seen> => {
          if (host !== undefined) {
            const sight = await here.ofHost(runId, host);
            return sight === undefined ? {} : { sight };
          }
          const { hosts, copies } = await here.ofRun(runId);
          return { hosts: [...hosts], ...(copies && { copies }) };
        }),
      ),
    ),
  };
}

/** The way to one process. All who look while a question is under way are in the next. */
class Line {
  readonly #ask: (wishes: readonly Wish[]) => Promise<readonly Seen[]>;
  readonly #clock: () => number;
  readonly #pauseMs: number;
  /** Still to be sent, in order. */
  readonly #waiting: Batch[] = [];
  /** Resolves once another question may be sent. */
  #isFree: Promise<void> = Promise.resolve();
  #silentUntil = Number.NEGATIVE_INFINITY;

  constructor(
    ask: (wishes: readonly Wish[]) => Promise<readonly Seen[]>,
    clock: () => number,
    pauseMs: number,
  ) {
    this.#ask = ask;
    this.#clock = clock;
    this.#pauseMs = pauseMs;
  }

  async look(wish: Wish): Promise<Seen | undefined> {
    if (this.#clock() < this.#silentUntil) return undefined;
    const key = JSON.stringify([wish.runId, wish.host]);
    const batch =
      this.#waiting.find(({ wishes }) => wishes.has(key) || wishes.size < MAX_WISHES) ?? this.#open();
    batch.wishes.set(key, wish);
    return (await batch.seen)?.get(key);
  }

  #open(): Batch {
    const wishes = new Map<string, Wish>();
    const seen = this.#isFree.then(async () => {
      this.#waiting.shift();
      const keys = [...wishes.keys()];
      try {
        const answers = await this.#ask([...wishes.values()]);
        return new Map(keys.map((key, n) => [key, answers[n] ?? {}]));
      } catch {
        this.#silentUntil = this.#clock() + SILENT_MS;
        return undefined;
      }
    });
    this.#isFree = seen.then(() => delay(this.#pauseMs));
    const batch: Batch = { wishes, seen };
    this.#waiting.push(batch);
    return batch;
  }
}

interface Batch {
  readonly wishes: Map<string, Wish>;
  /** Undefined where it was not answered. */
  readonly seen: Promise<ReadonlyMap<string, Seen> | undefined>;
}

function sumCopies(parts: readonly CopyProgress[]): CopyProgress | undefined {
  return parts.reduce<CopyProgress | undefined>(
    (sum, { movedBytes, totalBytes, bytesPerSecond, hosts }) => ({
      movedBytes: movedBytes + (sum?.movedBytes ?? 0),
      totalBytes: totalBytes + (sum?.totalBytes ?? 0),
      bytesPerSecond: bytesPerSecond + (sum?.bytesPerSecond ?? 0),
      hosts: hosts + (sum?.hosts ?? 0),
    }),
    undefined,
  );
}
