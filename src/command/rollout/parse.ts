import { nearNames, Refusal } from '../../errors.ts';
import { shown } from '../words.ts';

/** So many hosts, or so many in a hundred of all that the run goes to. */
export type Amount = { readonly count: number } | { readonly percent: number };

export const ORDERS = ['inventory', 'sorted', 'reverse', 'random'] as const;
export type Order = (typeof ORDERS)[number];

/** How a run is to go over its hosts. */
export interface Rollout {
  /** The sizes of its batches; the last one repeats. One batch where left out. */
  readonly serial?: readonly [Amount, ...Amount[]];
  /** So many hosts run first; what follows waits for a person. */
  readonly canary?: number;
  /** So many may fail; with one more, what waits is not started. */
  readonly maxFail?: Amount;
  /** From the end of one batch to the start of the next. */
  readonly waitMs?: number;
}

/** What was asked for by these options; nothing that was left out. */
export interface RequestedRollout extends Rollout {
  readonly order?: Order;
  readonly pick?: number;
}

/** More sizes than anybody plans by hand: the plan keeps them. */
const MAX_SIZES = 50;

export function parseSerial(terms: readonly string[]): readonly [Amount, ...Amount[]] {
  const [first, ...rest] = terms.map(parseSize);
  if (first === undefined || rest.length >= MAX_SIZES) {
    throw new Refusal('usage', `-serial takes from one to ${MAX_SIZES} sizes.`, {
      remedy: 'The last one repeats: -serial 1,5,20% goes on with 20 % at a time.',
    });
  }
  return [first, ...rest];
}

function parseSize(term: string): Amount {
  const size = readAmount(term);
  if (size !== undefined && ('count' in size ? size.count : size.percent) > 0) return size;
  throw new Refusal('usage', `-serial ${shown(term)} is not the size of a batch.`, {
    remedy: 'Write whole numbers of hosts, or percentages from 1% to 100%, as in -serial 1,5,20%.',
  });
}

export function parseMaxFail(word: string): Amount {
  const most = readAmount(word);
  if (most !== undefined) return most;
  throw new Refusal('usage', `-maxfail ${shown(word)} is neither a number of hosts nor a percentage.`, {
    remedy: 'Write how many may fail: -maxfail 0 for none, -maxfail 3, or -maxfail 10% of all hosts.',
  });
}

/** Undefined where it is none. */
function readAmount(word: string): Amount | undefined {
  const [, digits, sign] = /^(\d{1,6})(%?)$/.exec(word.normalize('NFKC')) ?? [];
  if (digits === undefined) return undefined;
  if (sign !== '%') return { count: Number(digits) };
  return Number(digits) <= 100 ? { percent: Number(digits) } : undefined;
}

export function parseHosts(option: 'canary' | 'pick', word: string): number {
  const hosts = /^\d{1,6}$/.test(word) ? Number(word) : 0;
  if (hosts >= 1) return hosts;
  throw new Refusal('usage', `-${option} ${shown(word)} is not a number of hosts.`, {
    remedy: `Write a whole number from 1 on, as in -${option} 1.`,
  });
}

export function parseOrder(word: string): Order {
  const order = ORDERS.find((known) => known === word.toLowerCase());
  if (order !== undefined) return order;
  const near = nearNames(word, ORDERS);
  throw new Refusal('usage', `-order ${shown(word)} is none of ${ORDERS.join(', ')}.`, {
    remedy: near.length === 0 ? `Write one of ${ORDERS.join(', ')}.` : `Did you mean ${near.join(' or ')}?`,
  });
}

/** What of it was given; what was not is left out. */
export function rolloutOf(
  given: {
    readonly [Key in keyof RequestedRollout]-?: RequestedRollout[Key] | undefined;
  },
): RequestedRollout {
  const { serial, canary, maxFail, waitMs, order, pick } = given;
  return {
    ...(serial !== undefined && { serial }),
    ...(canary !== undefined && { canary }),
    ...(maxFail !== undefined && { maxFail }),
    ...(waitMs !== undefined && { waitMs }),
    ...(order !== undefined && { order }),
    ...(pick !== undefined && { pick }),
  };
}

/** A wait between batches needs some to be between. */
export function checkRollout(rollout: RequestedRollout): RequestedRollout {
  if (rollout.waitMs === undefined || rollout.serial !== undefined) return rollout;
  throw new Refusal('usage', '-wait has no batches to wait between.', {
    remedy: 'Say how large they are, as in -serial 5 -wait 30s; behind a canary a person is waited for.',
    about: 'wait',
  });
}
