import { nearNames } from '../errors.ts';
import { expandGroups, findGroupCycles, readGroups } from './groups.ts';
import { checkHostKeys, HOST_KEYS, type InventorySources } from './host-section.ts';
import { nameFault } from './host-set.ts';
import { hintAt } from './host-values.ts';
import { type IniSection, parseIni } from './ini.ts';
import type { Host, Inventory } from './inventory.ts';
import { parseHost } from './parse-host.ts';
import { didYouMean, Problems, showName, showSection } from './problems.ts';
import type { Secret } from './secret.ts';

/**
 * inventory.ini → hosts and groups, or a `ConfigError` with everything that is wrong.
 *
 *     [DEFAULT]              inherited by every host (a group takes nothing from it)
 *     user = deploy
 *
 *     [web01]                a section with `ip` is a host
 *     ip = 10.0.0.1
 *     password = env:WEB_PW
 *
 *     [web]                  any other is a group of hosts and groups
 *     web01 = True
 *     web02 = False          not in it, whatever a nested group brings
 *
 * Names are looked up in any case, since configparser lowers the keys of a group.
 */
export function parseInventory(text: string, fileName: string, sources: InventorySources): Inventory {
  const problems = new Problems(fileName);
  const file = parseIni(text, problems);
  const sections = indexSections(file.sections, problems);
  if (sections.size === 0 && file.defaults.entries.size === 0) {
    problems.at(
      1,
      'there is no host in this file; a host is a [section] with ip and user, README has an example',
    );
  }

  const inheritedIp = file.defaults.entries.get('ip');
  if (inheritedIp !== undefined) {
    problems.at(inheritedIp.line, 'ip in [DEFAULT] would make a host of every group; give each host its own');
  }
  checkHostKeys(file.defaults, problems);

  const disk = memoized(sources);
  const hosts = new Map<string, Host>();
  /** Sections that are hosts, also those with faults: what names them is not at fault too. */
  const hostNames = new Map<string, string>();
  for (const [key, section] of sections) {
    if (!section.entries.has('ip')) continue;
    checkHostKeys(section, problems);
    hostNames.set(key, section.name);
    const host = parseHost(file, section, disk, problems);
    if (host !== undefined) hosts.set(key, host);
  }

  const groupSections = new Map(Array.from(sections).filter(([key]) => !hostNames.has(key)));
  const readings = readGroups(groupSections, hostNames, problems);
  for (const [key, host] of hosts) {
    if (host.jump === undefined) continue;
    const jump = hostNames.get(host.jump.toLowerCase());
    if (jump !== undefined) hosts.set(key, { ...host, jump });
    else problems.at(jumpLine(sections.get(key)), noSuchJump(host.jump, hostNames.values()));
  }
  findJumpCycles(hosts, sections, problems);
  findGroupCycles(readings, problems);
  problems.throwIfAny();

  return {
    hosts,
    groups: expandGroups(readings, hosts),
    secrets: secretsOf(hosts.values()),
    warnings: [file.defaults, ...sections.values()].flatMap((section) => swallowedKeys(section, fileName)),
  };
}

/** By lower-case name. Each name must be one that can be typed in an expression and stand for a folder. */
function indexSections(sections: readonly IniSection[], problems: Problems): ReadonlyMap<string, IniSection> {
  const index = new Map<string, IniSection>();
  for (const section of sections) {
    const key = section.name.toLowerCase();
    const first = index.get(key);
    const fault = nameFault(section.name);
    if (fault !== undefined) problems.at(section.line, `${showSection(section.name)}: ${fault}`);
    if (first === undefined) index.set(key, section);
    else {
      problems.at(
        section.line,
        `${showSection(section.name)} and ${showSection(first.name)} on line ${first.line} differ only in case; names are looked up in any case`,
      );
    }
  }
  return index;
}

/** Python takes a deeper line for more of the value above it: `enable = False` becomes the end of a password. */
function swallowedKeys(section: IniSection, fileName: string): readonly string[] {
  return Array.from(section.entries).flatMap(([key, { line, value }]) => {
    const swallowed = value
      .split('\n')
      .slice(1)
      .map((text) => /^([a-z_]+)[ \t]*[=:]/i.exec(text)?.[1]?.toLowerCase())
      .find((name) => HOST_KEYS.some((known) => known === name));
    if (swallowed === undefined) return [];
    return [
      `${fileName}:${line}: a line below ${showName(key)} looks like the key "${swallowed}", but is indented deeper and so belongs to the value of ${showName(key)}`,
    ];
  });
}

function jumpLine(section: IniSection | undefined): number {
  return section?.entries.get('jump')?.line ?? section?.line ?? 0;
}

function noSuchJump(jump: string, names: Iterable<string>): string {
  return `jump: there is no host of that name${hintAt(jump)}.${didYouMean(nearNames(jump, names))}`;
}

function findJumpCycles(
  hosts: ReadonlyMap<string, Host>,
  sections: ReadonlyMap<string, IniSection>,
  problems: Problems,
): void {
  for (const [key, host] of hosts) {
    const path = [host.name];
    let next = host.jump?.toLowerCase();
    while (next !== undefined && next !== key && path.length <= hosts.size) {
      path.push(hosts.get(next)?.name ?? next);
      next = hosts.get(next)?.jump?.toLowerCase();
    }
    // Said once for a circle, at each of its hosts' own line: any of them may be the wrong one.
    if (next === key) {
      problems.at(jumpLine(sections.get(key)), `jump goes in a circle: ${[...path, host.name].join(' → ')}`);
    }
  }
}

/** A key file or variable that a thousand hosts share is read once, so that all of them have the same. */
function memoized(sources: InventorySources): InventorySources {
  const files = new Map<string, () => string>();
  return {
    ...(sources.withoutSecrets && { withoutSecrets: true }),
    env: (name) => sources.env(name),
    findKeyFault: (text, passphrase) => sources.findKeyFault(text, passphrase),
    readFile: (path) => {
      const known = files.get(path);
      if (known !== undefined) return known();
      let answer: () => string;
      try {
        const text = sources.readFile(path);
        answer = () => text;
      } catch (error) {
        answer = () => {
          throw error;
        };
      }
      files.set(path, answer);
      return answer();
    },
  };
}

function secretsOf(hosts: Iterable<Host>): readonly Secret[] {
  const byValue = new Map<string, Secret>();
  for (const host of hosts) {
    for (const secret of [host.password, host.passphrase, host.privateKey, host.sudoPassword]) {
      if (secret !== undefined) byValue.set(secret.reveal(), secret);
    }
  }
  return [...byValue.values()];
}
