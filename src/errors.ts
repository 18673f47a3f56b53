/**
 * What can go wrong, sorted by whose hands can mend it.
 *
 * | trouble of          | is                | and reaches                                        |
 * | the operator        | `Refusal`, thrown | the operator: the only error text Slack ever sees  |
 * | the administrator   | `ConfigError`     | stderr at start (exit 78)                          |
 * | the world (a host)  | an `Outcome`      | the thread; a value, never thrown                  |
 * | us                  | anything else     | the log, under an id that the operator is shown    |
 */

export const REFUSAL_CODES = [
  'usage', // the words do not parse
  'unknown-name', // a host, group, run or file that does not exist
  'not-allowed', // no rule covers it
  'cannot-post', // the bot may not write where it was asked
  'not-now', // the run's state does not permit it, or the bot is stopping
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** The parts of a request that a refusal can be about: an option of a command, or the field that stands for it. */
export const SUBJECTS = [
  'hosts', // -h, -g, -x
  'command',
  'sudo',
  'script',
  'stdin',
  'env',
  'action',
  'local',
  'remote',
  'fan-out',
  'time-limit',
  'wait',
  'channel',
] as const;

export type Subject = (typeof SUBJECTS)[number];

/** A no to the operator. Its text is written for people: it names the thing, the place and the remedy. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  /** What to do about it, a sentence. */
  readonly remedy: string | undefined;
  /** The usage lines to show below, where the words were at fault. */
  readonly usage: string | undefined;
  /** Where in a form it is to stand; undefined where it is about no part of what was asked. */
  readonly about: Subject | undefined;

  constructor(
    code: RefusalCode,
    message: string,
    more: { remedy?: string; usage?: string; about?: Subject | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.remedy = more.remedy;
    this.usage = more.usage;
    this.about = more.about;
  }
}

/** What it depends on cannot be found out just now: for whoever asked a no, and no judgement of what waits. */
export class NotKnownNow extends Refusal {
  constructor(message: string, remedy?: string) {
    super('not-now', message, remedy === undefined ? {} : { remedy });
  }
}

/** The system's, the library's or the protocol's word for what went wrong: `ENOENT`, 3. */
export function codeOf(error: unknown): string | number | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' || typeof error.code === 'number' ? error.code : undefined;
}

/** The same for people, without the path or the stack. */
export function showCode(error: unknown): string {
  return String(codeOf(error) ?? 'unknown error');
}

/** All that is wrong with the settings and files, one `place: problem` line each. Never holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Up to three of the names that someone who typed `typed` may have meant: the nearest ones, in any case. */
export function nearNames(typed: string, names: Iterable<string>): readonly string[] {
  const wanted = typed.toLowerCase();
  const reach = Math.max(1, Math.min(3, Math.ceil(wanted.length / 3)));
  const near: { readonly name: string; readonly distance: number }[] = [];
  for (const name of new Set(names)) {
    const known = name.toLowerCase();
    // A name that goes on where the typed one ends (`web` for `web01`) is near whatever its length.
    const goesOn = wanted.length >= 2 && known.startsWith(wanted);
    const distance = goesOn ? 1 : editDistance(wanted, known, reach);
    if (distance <= reach) near.push({ name, distance });
  }
  const nearest = near.reduce((least, { distance }) => Math.min(least, distance), reach);
  return near
    .filter(({ distance }) => distance === nearest)
    .slice(0, 3)
    .map(({ name }) => name);
}

/**
 * Letters to put in, take out, change or swap with their neighbour; above `limit` only "more than that". No
 * further from the diagonal than the limit, and no longer than it can still be kept: a fleet has long names.
 */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  // The names of a fleet begin alike: only what comes then is compared.
  let same = 0;
  while (same < left.length && left[same] === right[same]) same += 1;
  const a = left.slice(same);
  const b = right.slice(same);
  let before = new Uint8Array(b.length + 2);
  let above = Uint8Array.from({ length: b.length + 2 }, (_, j) => Math.min(j, FAR));
  let row = new Uint8Array(b.length + 2);
  for (let i = 1; i <= a.length; i += 1) {
    const from = Math.max(1, i - limit);
    const to = Math.min(b.length, i + limit);
    row[from - 1] = from === 1 ? Math.min(i, FAR) : FAR;
    row[to + 1] = FAR;
    let least = FAR;
    for (let j = from; j <= to; j += 1) {
      const change = cell(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? cell(before, j - 2) + 1 : FAR;
      const distance = Math.min(change, swap, cell(above, j) + 1, cell(row, j - 1) + 1, FAR);
      row[j] = distance;
      least = Math.min(least, distance);
    }
    if (least > limit && i > limit) return limit + 1;
    [before, above, row] = [above, row, before];
  }
  return cell(above, b.length);
}

function cell(row: Uint8Array, at: number): number {
  return row[at] ?? FAR;
}

/** Above any limit. */
const FAR = 100;
