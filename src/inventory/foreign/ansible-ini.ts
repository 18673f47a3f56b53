import type { IniFile } from '../ini.ts';
import { type Problems, showName, showSection } from '../problems.ts';
import { type AnsibleGroup, toSections } from './ansible.ts';
import { expandRanges } from './ranges.ts';
import { splitWords } from './words.ts';

/*
 *     web1 ansible_host=10.0.0.1 ansible_user=ops     a host, in no group
 *     [web]
 *     web[02:20]                                      nineteen hosts
 *     db1:2222                                        with a port
 *     [all:vars]
 *     ansible_ssh_private_key_file=~/.ssh/id_ed25519
 *     [everything:children]
 *     web
 */

const SUFFIXED = /^\s*\[[^\]\s]+:(?:vars|children|hosts)\]/;
const VARIABLE_ON_LINE = /^\s*[^\s#;=]+\s+ansible_\w+=/;
/** As Ansible has it: `[web[1:3]]` is none, and neither is `[a:f]x`, which is a range of hosts. */
const HEADER = /^\[([^\]:]+)(?::([a-z]+))?\]\s*(?:[#;].*)?$/;
const OWN_IP = /^\s*ip\s*[=:]/i;

/**
 * What only Ansible writes: a header that ends in `:vars`, `:children` or `:hosts`, or a line of a host with an `ansible_`
 * variable behind its name. What only we write is a line `ip = …`. A file with both is neither.
 */
export function looksLikeAnsible(text: string, problems: Problems): boolean {
  const lines = text.split(/\r\n|\r|\n/);
  const theirs = lines.findIndex((line) => SUFFIXED.test(line) || VARIABLE_ON_LINE.test(line));
  if (theirs === -1) return false;
  const ours = lines.findIndex((line) => OWN_IP.test(line));
  if (ours === -1) return true;
  problems.at(
    theirs + 1,
    `this line is of an Ansible inventory, and line ${ours + 1} (ip) of one of ours; one file is one of them`,
  );
  return false;
}

interface OpenGroup extends AnsibleGroup {
  readonly hosts: Map<string, number>;
  readonly children: Map<string, number>;
  readonly vars: Map<string, { readonly value: string; readonly line: number }>;
}

interface OpenHost {
  readonly line: number;
  readonly vars: Map<string, { readonly value: string; readonly line: number }>;
}

type Kind = 'hosts' | 'vars' | 'children';

/** As Ansible's own `ini` plugin reads it; all faults go to `problems`. */
export function readAnsibleIni(
  text: string,
  problems: Problems,
): { readonly file: IniFile; readonly warnings: readonly string[] } {
  const hosts = new Map<string, OpenHost>();
  const groups = new Map<string, OpenGroup>();
  const findGroup = (name: string, line: number): OpenGroup => {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const made: OpenGroup = { line, hosts: new Map(), children: new Map(), vars: new Map() };
    groups.set(name, made);
    return made;
  };
  let group = findGroup('ungrouped', 0);
  let kind: Kind = 'hosts';

  /** Each answers with what is wrong with the line. */
  const readHost = (content: string, line: number): string | undefined => {
    const words = splitWords(content);
    if (words === undefined) return 'a quote is not closed';
    const [pattern = '', ...rest] = words;
    const colon = pattern.lastIndexOf(':');
    const port = colon > pattern.lastIndexOf(']') ? pattern.slice(colon + 1) : undefined;
    const expanded = expandRanges(port === undefined ? pattern : pattern.slice(0, colon));
    if (typeof expanded === 'string') return expanded;
    const vars = readPairs(rest, line, problems);
    for (const name of expanded) {
      const host = hosts.get(name) ?? { line, vars: new Map() };
      hosts.set(name, host);
      group.hosts.set(name, line);
      if (port !== undefined) host.vars.set('ansible_port', { value: port, line });
      for (const [variable, value] of vars) host.vars.set(variable, { value, line });
    }
    return undefined;
  };

  const readChild = (content: string, line: number): string | undefined => {
    const [name = '', ...more] = splitWords(content) ?? [];
    if (name === '' || more.length > 0 || name.includes('=')) return 'expected the name of a group';
    findGroup(name, line);
    group.children.set(name, line);
    return undefined;
  };

  const readVar = (content: string, line: number): string | undefined => {
    const end = content.indexOf('=');
    if (end === -1) return 'expected name=value';
    const variable = content.slice(0, end).trim();
    const value = literalOf(content.slice(end + 1).trim());
    if (value === undefined) return oddValue(variable);
    group.vars.set(variable, { value, line });
    return undefined;
  };

  const readHeader = (content: string, line: number): string | undefined => {
    const [, name = '', suffix = 'hosts'] = HEADER.exec(content) ?? [];
    if (suffix !== 'hosts' && suffix !== 'vars' && suffix !== 'children') {
      return `${showSection(name)}: expected :vars or :children behind the name of a group`;
    }
    group = findGroup(name, line);
    kind = suffix;
    return undefined;
  };

  const readers = { hosts: readHost, children: readChild, vars: readVar };
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  for (const [index, raw] of lines.entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue;
    const read = content.startsWith('[') && HEADER.test(content) ? readHeader : readers[kind];
    const fault = read(content, index + 1);
    if (fault !== undefined) problems.at(index + 1, fault);
  }
  if (hosts.size === 0) problems.at(1, 'there is no host in this file');
  return toSections({ hosts, groups }, problems);
}

function readPairs(
  words: readonly string[],
  line: number,
  problems: Problems,
): readonly (readonly [string, string])[] {
  return words.flatMap((word) => {
    const end = word.indexOf('=');
    if (end <= 0) {
      problems.at(line, 'expected name=value behind the name of a host');
      return [];
    }
    const variable = word.slice(0, end);
    const value = literalOf(word.slice(end + 1));
    if (value === undefined) problems.at(line, oddValue(variable));
    return value === undefined ? [] : [[variable, value] as const];
  });
}

function oddValue(variable: string): string {
  return `${showName(variable)}: Ansible reads this value as a number, list or the like, and not as it stands there`;
}

/**
 * Ansible gives each value to Python's `literal_eval`: `"x"` is x, `1_0` is 10, and what Python does not read stays as
 * it is. Undefined where it reads something else than text or a plain number.
 */
function literalOf(value: string): string | undefined {
  const quoted = /^(["'])([^"'\\]*)\1$/.exec(value)?.[2];
  if (quoted !== undefined) return quoted;
  // `010` is no number to Python, and stays as well.
  if (/^(?:0|[1-9]\d*|0+[1-9]\d*)$/.test(value)) return value;
  return isOtherLiteral(value) ? undefined : value;
}

function isOtherLiteral(value: string): boolean {
  if (/^(?:True|False|None|[-+]?0[xob][\da-f_]+)$/i.test(value)) return !/^(?:true|false|none)$/.test(value);
  // Four numbers and three dots are an address, and none to Python.
  if (/^[-+]?[\d._]+(?:e[-+]?[\d_]+)?j?$/i.test(value)) return value.split('.').length <= 2;
  // A template is told as such.
  return !value.startsWith('{{') && /^[[({"']/.test(value) && /[\])}"']$/.test(value);
}
