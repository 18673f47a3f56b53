import { takeHostSet } from '../../inventory/fold-names.ts';
import { cleanOutput, takeStart } from './plain.ts';
import { formatCount } from './wording.ts';

/** Kept for ` and 10,000 more`. */
const REST_CHARS = 20;

/** The names folded, and cut with a count where they need more than `maxChars`: `web[01-20], db1 and 31 more`. */
export function formatHostNames(names: readonly string[], maxChars: number): string {
  return takeNames(names, maxChars, ', ') ?? `${formatCount(names.length)} hosts`;
}

/** The name of a group that has exactly these hosts; undefined where none has. */
export type NameSet = (hosts: readonly string[]) => string | undefined;

/**
 * A set of hosts by the shortest name that chooses it, and how many they are: `@web (20)`,
 * `web[01-18,20] (19)`. Where that needs more than `maxChars`, as many as fit, and how many do not.
 */
export function formatHostSetName(hosts: readonly string[], maxChars: number, nameSet?: NameSet): string {
  const clean = hosts.map((host) => cleanOutput(host));
  const [only] = clean;
  if (clean.length === 1 && only !== undefined && only.length <= maxChars) return only;
  const count = ` (${formatCount(hosts.length)})`;
  const group = nameSet?.(hosts);
  if (group !== undefined) return `@${takeStart(cleanOutput(group), maxChars)}${count}`;
  const room = maxChars - count.length;
  const names = takeNames(clean, room, ',');
  return names === undefined ? `${formatCount(hosts.length)} hosts` : `${names}${count}`;
}

/** Undefined where not one has room. */
function takeNames(names: readonly string[], maxChars: number, separator: ',' | ', '): string | undefined {
  const { text, count } = takeHostSet(names, { maxChars, restChars: REST_CHARS, separator });
  if (count === names.length) return text;
  return count === 0 ? undefined : `${text} and ${formatCount(names.length - count)} more`;
}
