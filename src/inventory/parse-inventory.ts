import { ConfigError } from '../errors.ts';
import { type Document, type InventoryText, readDocument } from './document.ts';
import { nameFault } from './host-set.ts';
import type { IniSection } from './ini.ts';
import type { Host, Inventory } from './inventory.ts';
import { type Problems, showName, showSection } from './problems.ts';
import type { Secret } from './secret.ts';
import { expandGroups, findGroupCycles, readGroups } from './section/groups.ts';
import { checkHostKeys, HOST_KEYS, type InventorySources } from './section/host-section.ts';
import { settleJumps } from './section/jumps.ts';
import { parseHost } from './section/parse-host.ts';

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
  return parseInventories([{ kind: 'ini', name: fileName, text }], sources);
}

/** The same of several files together: each name is there once over all of them, and any may name what is in another. */
export function parseInventories(texts: readonly InventoryText[], sources: InventorySources): Inventory {
  const documents = texts.map(readDocument);
  const places = new Map<string, Place>();
  for (const document of documents) indexSections(document, places);
  const disk = memoized(sources);
  const hosts = new Map<string, Host>();
  /** Sections that are hosts, also those with faults: what names them is not at fault too. */
  const hostNames = new Map<string, string>();
  for (const document of documents) checkDocument(document);
  for (const [key, { section, document }] of places) {
    if (!section.entries.has('ip')) continue;
    checkHostKeys(section, document.problems);
    hostNames.set(key, section.name);
    const host = parseHost(document.file, section, disk, document.problems);
    if (host !== undefined) hosts.set(key, host);
  }

  const spelled = new Map(Array.from(places, ([key, { section }]) => [key, section.name]));
  const readings = new Map(
    documents.flatMap((document) => {
      const own = Array.from(places).filter(([key, at]) => at.document === document && !hostNames.has(key));
      const sections = new Map(own.map(([key, { section }]) => [key, section]));
      return [...readGroups(sections, spelled, document.problems)];
    }),
  );
  const fault = (key: string, problem: string, entry?: string): void => {
    const at = places.get(key);
    const line = at?.section.entries.get(entry ?? '')?.line ?? at?.section.line ?? 0;
    at?.document.problems.at(line, problem);
  };
  settleJumps(hosts, hostNames, (key, problem) => fault(key, problem, 'jump'));
  findGroupCycles(readings, fault);
  const problems = documents.flatMap((document) => document.problems.all);
  if (problems.length > 0) throw new ConfigError(problems);

  return {
    hosts,
    groups: expandGroups(readings, hosts),
    secrets: secretsOf(hosts.values()),
    warnings: documents.flatMap(warningsOf),
  };
}

/** Where a name is written down. */
interface Place {
  readonly section: IniSection;
  readonly document: Document;
}

function checkDocument({ file, problems, isOwn }: Document): void {
  if (file.sections.length === 0 && file.defaults.entries.size === 0 && isOwn) {
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
}

function warningsOf({ file, problems, warnings, isOwn }: Document): readonly string[] {
  if (!isOwn) return warnings;
  return [file.defaults, ...file.sections].flatMap((section) => swallowedKeys(section, problems));
}

/** By lower-case name. Each name must be one that can be typed in an expression and stand for a folder. */
function indexSections(document: Document, places: Map<string, Place>): void {
  const { file, problems } = document;
  for (const section of file.sections) {
    const key = section.name.toLowerCase();
    const first = places.get(key);
    const fault = nameFault(section.name);
    if (fault !== undefined) problems.at(section.line, `${showSection(section.name)}: ${fault}`);
    if (first === undefined) places.set(key, { section, document });
    else if (first.document !== document) {
      const where = first.document.problems.placeOf(first.section.line);
      problems.at(section.line, `${showSection(section.name)} is there already: ${where}`);
    } else {
      problems.at(
        section.line,
        `${showSection(section.name)} and ${showSection(first.section.name)} on line ${first.section.line} differ only in case; names are looked up in any case`,
      );
    }
  }
}

/** Python takes a deeper line for more of the value above it: `enable = False` becomes the end of a password. */
function swallowedKeys(section: IniSection, problems: Problems): readonly string[] {
  return Array.from(section.entries).flatMap(([key, { line, value }]) => {
    const swallowed = value
      .split('\n')
      .slice(1)
      .map((text) => /^([a-z_]+)[ \t]*[=:]/i.exec(text)?.[1]?.toLowerCase())
      .find((name) => HOST_KEYS.some((known) => known === name));
    if (swallowed === undefined) return [];
    return [
      `${problems.placeOf(line)}: a line below ${showName(key)} looks like the key "${swallowed}", but is indented deeper and so belongs to the value of ${showName(key)}`,
    ];
  });
}

/** A key file or variable that a thousand hosts share is read once, so that all of them have the same. */
function memoized(sources: InventorySources): InventorySources {
  const files = new Map<string, () => string>();
  return {
    ...(sources.withoutSecrets && { withoutSecrets: true }),
    env: (name) => sources.env(name),
    findKeyFault: (text, passphrase) => sources.findKeyFault(text, passphrase),
    ...(sources.findCertificateFault && {
      findCertificateFault: sources.findCertificateFault.bind(sources),
    }),
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
