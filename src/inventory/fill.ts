import { Refusal } from '../errors.ts';
import type { Host, Inventory } from './inventory.ts';

/**
 * The words that stand for each host's own value: `{host}`, `{ip}`, `{n}`, `{group}`, and `{role}` where hosts have a
 * `var_role`. Nothing else is one: not `${host}`, `%{host}`, `#{host}`, `{{host}}`, nor a word with anything between
 * its braces and its name. So that is also how it is written where the text itself is meant.
 */
const WORD = /(?<![$%#{])\{([A-Za-z_][A-Za-z0-9_]{0,63})\}(?!\})/g;

export const OWN_WORDS = ['host', 'ip', 'n', 'group'] as const;

/**
 * What no shell reads otherwise, in quotes or without: so a value is put in as it is, wherever its word stands. The
 * first character makes no option of it.
 */
const SAFE = /^[A-Za-z0-9_./:,+@%][A-Za-z0-9_./:,=+@%-]*$/;

export function isFillable(value: string): boolean {
  return SAFE.test(value);
}

/** The text with each word that there is a value for in place of it. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(
    WORD,
    (word, name: string) => (Object.hasOwn(values, name) ? values[name] : undefined) ?? word,
  );
}

/** Each host's values of the words that stand in these texts, by the words as typed; undefined where there are none. */
export type Filling = (host: Host, number: number) => Readonly<Record<string, string>>;

/**
 * `groups`: those that the hosts were chosen by, in the order named; a host that is in none of them has the first of
 * the inventory that it is in. A `Refusal` where a host has no value, or one that a shell could read as something else.
 */
export function openFilling(
  texts: readonly string[],
  hosts: readonly Host[],
  { inventory, groups }: { readonly inventory: Inventory; readonly groups: readonly string[] },
): Filling | undefined {
  const typed = new Set(texts.flatMap((text) => Array.from(text.matchAll(WORD), ([, name = '']) => name)));
  const isOwn = (name: string) => OWN_WORDS.some((word) => word === name);
  const isVariable = (name: string) => hosts.some(({ variables }) => variables?.has(name.toLowerCase()));
  const names = [...typed].filter((name) => isOwn(name) || isVariable(name));
  if (names.length === 0) return undefined;
  const groupOf = names.includes('group') ? openGroups(inventory, groups) : () => undefined;
  return (host, number) =>
    Object.fromEntries(
      names.map((name) => {
        const value = lookUp(name, host, number, groupOf);
        if (value === undefined) throw noValue(name, host);
        if (!isFillable(value)) throw unsafe(name, host);
        return [name, value];
      }),
    );
}

function lookUp(
  name: string,
  host: Host,
  number: number,
  groupOf: (host: Host) => string | undefined,
): string | undefined {
  switch (name) {
    case 'host':
      return host.name;
    case 'ip':
      return host.ip;
    case 'n':
      return String(number);
    case 'group':
      return groupOf(host);
    default:
      return host.variables?.get(name.toLowerCase());
  }
}

function openGroups(inventory: Inventory, named: readonly string[]) {
  const first = named.flatMap((name) => inventory.groups.get(name.replace(/^@/, '').toLowerCase()) ?? []);
  const found = new Map<string, string>();
  for (const { name, hosts } of [...first, ...inventory.groups.values()]) {
    for (const host of hosts) if (!found.has(host.name)) found.set(host.name, name);
  }
  return (host: Host) => found.get(host.name);
}

function noValue(name: string, { name: host }: Host): Refusal {
  return new Refusal(
    'unknown-name',
    name === 'group'
      ? `{group} stands in the command, and ${host} is in no group.`
      : `{${name}} stands in the command, and ${host} has no var_${name.toLowerCase()} in the inventory.`,
    { remedy: 'Leave that host out with -x, or have it written into the inventory.', about: 'command' },
  );
}

function unsafe(name: string, { name: host }: Host): Refusal {
  return new Refusal(
    'usage',
    `{${name}} cannot stand for the value that ${host} has: a shell could read it otherwise.`,
    {
      remedy: 'Only letters, digits and _ . / : , = + @ % - are put into a command.',
      about: 'command',
    },
  );
}
