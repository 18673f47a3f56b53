import { setTimeout as delay } from 'node:timers/promises';

/** What one round took. */
export interface Taken {
  readonly ms: number;
  /** User and system time of the client and all it started. */
  readonly cpuMs: number;
  /** Hosts that answered. */
  readonly answers: number;
  /** What it said first on stderr. */
  readonly complaint?: string;
}

export interface Contender {
  readonly name: string;
  take(): Promise<Taken>;
  /** No more than so many rounds: for one that takes half of the time and is in no bar. */
  readonly maxRounds?: number;
  /** Brings it where the measured rounds begin; not measured. */
  warmUp?(): Promise<unknown>;
  /** After each round, outside of the measurement. */
  settle?(): Promise<unknown>;
}

/** Rounds of one contender, as many as there was time for; undefined where it gave no sound answer. */
export type Rounds = ReadonlyMap<string, readonly (Taken | undefined)[]>;

/** For servers to end their sessions: what one contender left is not the next one's to pay. */
const BREATH_MS = 400;

export interface Race {
  readonly rounds: number;
  readonly hosts: number;
  /** No round begins after this. */
  readonly until: number;
  say(line: string): void;
}

/** All contenders in each round, one after the other, each round beginning with another one. */
export async function race(contenders: readonly Contender[], race: Race): Promise<Rounds> {
  const taken = new Map<string, (Taken | undefined)[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await contender.warmUp?.();
  for (let round = 0; round < race.rounds; round++) {
    if (round > 0 && Date.now() > race.until) {
      race.say(`no time for round ${round + 1}`);
      break;
    }
    const first = round % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      if (round >= (contender.maxRounds ?? race.rounds)) continue;
      await delay(BREATH_MS);
      const one = await contender.take();
      const isSound = one.answers === race.hosts;
      race.say(
        `round ${round + 1}: ${contender.name} ${(one.ms / 1_000).toFixed(2)} s` +
          (isSound
            ? ''
            : `, but only ${one.answers} of ${race.hosts} hosts answered: not counted. ${one.complaint ?? ''}`),
      );
      taken.get(contender.name)?.push(isSound ? one : undefined);
      await contender.settle?.();
    }
  }
  return taken;
}

export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}

/** Between neighbours, as spreadsheets do. */
export function quantile(values: readonly number[], q: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  return low === undefined || high === undefined ? undefined : low + (high - low) * (at - Math.floor(at));
}

/**
 * How many times longer `name` took than `other`: the median over rounds of the ratio within a round, because
 * what else the machine does changes from round to round.
 */
export function ratio(rounds: Rounds, name: string, other: string): number | undefined {
  const others = rounds.get(other) ?? [];
  const ratios = (rounds.get(name) ?? []).flatMap((one, i) => {
    const base = others[i];
    return one && base ? [one.ms / base.ms] : [];
  });
  return median(ratios);
}
