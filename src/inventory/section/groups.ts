import { nearNames } from '../../errors.ts';
import type { IniEntry, IniSection } from '../ini.ts';
import type { Group, Host } from '../inventory.ts';
import { didYouMean, type Problems, showName, showSection } from '../problems.ts';
import { HOST_KEYS } from './host-section.ts';
import { hintAt, parseBoolean } from './host-values.ts';

/** A group's section as it stands there: names, not yet what they are. */
export interface GroupReading {
  readonly section: IniSection;
  /** Lower-case names that are True, and that are False. */
  readonly members: readonly string[];
  readonly left: readonly string[];
  readonly spelled: ReadonlyMap<string, string>;
}

/** Those of one file; `spelled` has the names of all hosts and groups there are. */
export function readGroups(
  sections: ReadonlyMap<string, IniSection>,
  spelled: ReadonlyMap<string, string>,
  problems: Problems,
): ReadonlyMap<string, GroupReading> {
  const readings = new Map<string, GroupReading>();
  for (const [key, section] of sections) {
    readings.set(key, { section, ...readMembers(section, spelled, problems), spelled });
  }
  return readings;
}

function readMembers(
  section: IniSection,
  spelled: ReadonlyMap<string, string>,
  problems: Problems,
): { readonly members: readonly string[]; readonly left: readonly string[] } {
  const members: string[] = [];
  const left: string[] = [];
  if (looksLikeHost(section, spelled)) {
    problems.at(
      section.line,
      `${showSection(section.name)} has no ip; a host needs one, and a group has no such keys`,
    );
    return { members, left };
  }
  for (const [name, { line, value }] of section.entries) {
    const isIn = parseBoolean(value);
    if (isIn === undefined) {
      problems.at(
        line,
        `${showName(name)} in group ${showSection(section.name)}: expected True or False${hintAt(value)}`,
      );
    }
    if (!spelled.has(name)) {
      const near = didYouMean(nearNames(name, spelled.values()));
      problems.at(
        line,
        `${showName(name)} in group ${showSection(section.name)} is neither a host nor a group here.${near}`,
      );
    } else if (isIn !== undefined) (isIn ? members : left).push(name);
  }
  return { members, left };
}

/** A host whose `ip` was forgotten would else be explained key by key as a strange group. */
function looksLikeHost(section: IniSection, spelled: ReadonlyMap<string, string>): boolean {
  const isHostKey = ([key, { value }]: [string, IniEntry]) =>
    HOST_KEYS.some((known) => known === key) && !spelled.has(key) && parseBoolean(value) === undefined;
  return Array.from(section.entries).some(isHostKey);
}

/** `fault` is given the lower-case name of a group of the circle. */
export function findGroupCycles(
  readings: ReadonlyMap<string, GroupReading>,
  fault: (group: string, problem: string) => void,
): void {
  const settled = new Set<string>();
  const visit = (key: string, path: readonly string[]): void => {
    const reading = readings.get(key);
    if (reading === undefined || settled.has(key)) return;
    if (path.includes(key)) {
      const circle = [...path.slice(path.indexOf(key)), key].map((name) => reading.spelled.get(name) ?? name);
      fault(key, `groups go in a circle: ${circle.join(' → ')}`);
      return;
    }
    for (const member of [...reading.members, ...reading.left]) visit(member, [...path, key]);
    settled.add(key);
  };
  for (const key of readings.keys()) visit(key, []);
}

export function expandGroups(
  readings: ReadonlyMap<string, GroupReading>,
  hosts: ReadonlyMap<string, Host>,
): ReadonlyMap<string, Group> {
  const known = new Map<string, ReadonlySet<string>>();
  const membersOf = (key: string): ReadonlySet<string> => {
    const group = readings.get(key);
    const found = known.get(key);
    if (group === undefined || found !== undefined) return found ?? new Set([key]);
    const left = new Set(group.left.flatMap((name) => [...membersOf(name)]));
    const all = group.members.flatMap((name) => [...membersOf(name)]);
    const names = new Set(all.filter((name) => !left.has(name)));
    known.set(key, names);
    return names;
  };
  const expand = (key: string, { section, left, spelled }: GroupReading): Group => {
    const names = membersOf(key);
    return {
      name: section.name,
      hosts: Array.from(hosts).flatMap(([name, host]) => (names.has(name) ? [host] : [])),
      left: left.map((name) => spelled.get(name) ?? name),
    };
  };
  return new Map(Array.from(readings, ([key, reading]) => [key, expand(key, reading)]));
}
