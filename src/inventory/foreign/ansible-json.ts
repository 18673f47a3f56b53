import type { IniFile } from '../ini.ts';
import { Problems, showName } from '../problems.ts';
import { type AnsibleGroup, type AnsibleHost, toSections, type Vars } from './ansible.ts';

const NOTHING: IniFile = { defaults: { name: 'DEFAULT', line: 0, entries: new Map() }, sections: [] };

interface JsonRead {
  readonly file: IniFile;
  readonly problems: Problems;
  readonly warnings: readonly string[];
}

/**
 * What `ansible-inventory --list` prints, checked as strictly as a file: groups with `hosts`, `children` and `vars`, and
 * `_meta.hostvars`. There are no lines in it, so what is wrong is said of the host or group.
 */
export function readAnsibleJson(text: string, name: string): JsonRead {
  const things: string[] = [''];
  const problems = new Problems((line) => `${name}: ${things[line] || 'its output'}`);
  /** What stands in place of a line. */
  const lineOf = (thing: string): number => things.push(thing) - 1;
  const nothing = (problem: string): JsonRead => {
    problems.at(0, problem);
    return { file: NOTHING, problems, warnings: [] };
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return nothing('it is no JSON');
  }
  const top = fieldsOf(parsed);
  if (top === undefined) return nothing('expected an object of groups');
  const meta = fieldsOf(top.get('_meta'));
  const hostvars = fieldsOf(meta?.get('hostvars'));
  if (hostvars === undefined)
    return nothing('expected _meta.hostvars, as ansible-inventory --list prints them');

  const hosts = new Map<string, AnsibleHost>();
  const groups = new Map<string, AnsibleGroup>();
  const readVars = (value: unknown, line: number): Vars => {
    const fields = fieldsOf(value);
    if (fields === undefined) {
      problems.at(line, 'expected an object of variables');
      return new Map();
    }
    return new Map(Array.from(fields, ([key, one]) => [key, { value: textOf(key, one), line }]));
  };
  const readNames = (value: unknown, what: string, line: number): ReadonlyMap<string, number> => {
    const names = Array.isArray(value) ? value : undefined;
    const texts = names?.filter((one): one is string => typeof one === 'string');
    if (texts === undefined || texts.length !== names?.length)
      problems.at(line, `expected a list of ${what}`);
    return new Map((texts ?? []).map((one) => [one, line]));
  };
  for (const [host, vars] of hostvars) {
    const line = lineOf(`host ${showName(host)}`);
    hosts.set(host, { line, vars: readVars(vars, line) });
  }
  for (const [group, value] of top) {
    if (group === '_meta') continue;
    const line = lineOf(`group ${showName(group)}`);
    const fields = Array.isArray(value) ? new Map<string, unknown>([['hosts', value]]) : fieldsOf(value);
    if (fields === undefined) {
      problems.at(line, 'expected an object with hosts, children and vars');
      continue;
    }
    for (const key of fields.keys()) {
      if (key !== 'hosts' && key !== 'children' && key !== 'vars')
        problems.at(line, `unknown key ${showName(key)}`);
    }
    const members = readNames(fields.get('hosts') ?? [], 'hosts', line);
    for (const host of members.keys()) {
      if (!hosts.has(host)) hosts.set(host, { line: lineOf(`host ${showName(host)}`), vars: new Map() });
    }
    groups.set(group, {
      line,
      hosts: members,
      children: readNames(fields.get('children') ?? [], 'groups', line),
      vars: readVars(fields.get('vars') ?? {}, line),
    });
  }
  // `all` names them; one that has nothing in it is left out by Ansible.
  for (const { children, line } of [...groups.values()]) {
    for (const child of children.keys()) {
      if (!groups.has(child))
        groups.set(child, { line, hosts: new Map(), children: new Map(), vars: new Map() });
    }
  }
  if (hosts.size === 0) problems.at(0, 'there is no host in it');
  return { ...toSections({ hosts, groups }, problems), problems };
}

/** Its own, whatever they are called; undefined where it is no object. */
function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

/** Of anything else there is no text that would mean the same: it is taken for a template. */
function textOf(key: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || (typeof value === 'boolean' && !key.startsWith('ansible_')))
    return String(value);
  return value === null ? '' : '{{ }}';
}
