import { isDeepStrictEqual } from 'node:util';
import { Secret } from '../../inventory/secret.ts';
import type { Fleet } from './fleet-files.ts';

/** What of a fleet is there under a name, by what kind of thing it is. */
const KINDS = ['rules', 'hosts', 'groups'] as const;

/** By name only, and by which keys differ: no values, as one may be a secret. */
export interface Changes {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** `web1 (ip, password)`. */
  readonly changed: readonly string[];
}

export type FleetChanges = Readonly<Record<(typeof KINDS)[number], Changes>>;

/** So many names of a kind stand in words; the audit entry has up to `MAX_KEPT`. */
const MAX_SHOWN = 12;
const MAX_KEPT = 1_000;

export function compareFleets(before: Fleet, after: Fleet): FleetChanges {
  return {
    rules: compare(rulesByName(before), rulesByName(after)),
    hosts: compare(before.inventory.hosts, after.inventory.hosts),
    groups: compare(groupsByName(before), groupsByName(after)),
  };
}

/** Empty where nothing changed. */
export function describeChanges(changes: FleetChanges): string {
  return KINDS.flatMap((kind) => {
    const parts = (['added', 'removed', 'changed'] as const).flatMap((how) => {
      const names = changes[kind][how];
      if (names.length === 0) return [];
      const more = names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : '';
      return [`${how} ${names.slice(0, MAX_SHOWN).join(', ')}${more}`];
    });
    return parts.length === 0 ? [] : [`${kind}: ${parts.join('; ')}`];
  }).join(' · ');
}

/** As the audit keeps them: lists that end. */
export function boundChanges(changes: FleetChanges): FleetChanges {
  const bound = ({ added, removed, changed }: Changes): Changes => ({
    added: added.slice(0, MAX_KEPT),
    removed: removed.slice(0, MAX_KEPT),
    changed: changed.slice(0, MAX_KEPT),
  });
  return { rules: bound(changes.rules), hosts: bound(changes.hosts), groups: bound(changes.groups) };
}

const rulesByName = ({ allowlist }: Fleet) => new Map(allowlist.rules.map((rule) => [rule.name, rule]));

/** A group by the names of its hosts: what they are is told with the hosts. */
const groupsByName = ({ inventory }: Fleet) =>
  new Map(
    Array.from(inventory.groups, ([key, { name, hosts, left }]) => [
      key,
      { name, hosts: hosts.map((host) => host.name), left },
    ]),
  );

function compare<T extends { readonly name: string }>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): Changes {
  const namesOf = (some: Iterable<[string, T]>) => Array.from(some, ([, { name }]) => name);
  return {
    added: namesOf([...after].filter(([key]) => !before.has(key))),
    removed: namesOf([...before].filter(([key]) => !after.has(key))),
    changed: [...after].flatMap(([key, now]) => {
      const then = before.get(key);
      const keys = then === undefined ? [] : differingKeys(then, now);
      return keys.length === 0 ? [] : [`${now.name} (${keys.join(', ')})`];
    }),
  };
}

function differingKeys(then: object, now: object): readonly string[] {
  const [a, b] = [
    new Map<string, unknown>(Object.entries(then)),
    new Map<string, unknown>(Object.entries(now)),
  ];
  const keys = [...new Set([...a.keys(), ...b.keys()])].filter((key) => !isSame(a.get(key), b.get(key)));
  // `hosts = all` differs from all of them by name, in what a new host will be.
  return [...new Set(keys.map((key) => (key === 'isForAllHosts' ? 'hosts' : key)))];
}

function isSame(a: unknown, b: unknown): boolean {
  // What a secret holds is private to it, so it would be equal to any other.
  if (a instanceof Secret && b instanceof Secret) return a.reveal() === b.reveal();
  return isDeepStrictEqual(a, b);
}
