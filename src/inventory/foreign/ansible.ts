import type { IniEntry, IniFile, IniSection } from '../ini.ts';
import { type Problems, showName } from '../problems.ts';

/** An inventory of Ansible's, from whichever of its formats: as far as a login and a group are in it. */
export interface AnsibleInventory {
  readonly hosts: ReadonlyMap<string, AnsibleHost>;
  readonly groups: ReadonlyMap<string, AnsibleGroup>;
}

export interface AnsibleHost {
  readonly line: number;
  readonly vars: Vars;
}

export interface AnsibleGroup {
  readonly line: number;
  readonly hosts: ReadonlyMap<string, number>;
  readonly children: ReadonlyMap<string, number>;
  readonly vars: Vars;
}

/** By name; of numbers, as they are written. */
export type Vars = ReadonlyMap<string, { readonly value: string; readonly line: number }>;

/** Each variable that says how to log in, and the key of ours that means the same. */
const KEYS: Readonly<Record<string, string>> = {
  ansible_host: 'ip',
  ansible_ssh_host: 'ip',
  ansible_port: 'port',
  ansible_ssh_port: 'port',
  ansible_user: 'user',
  ansible_ssh_user: 'user',
  ansible_password: 'password',
  ansible_ssh_pass: 'password',
  ansible_ssh_password: 'password',
  ansible_ssh_private_key_file: 'key',
  ansible_private_key_file: 'key',
  ansible_ssh_private_key_passphrase: 'passphrase',
  ansible_private_key_passphrase: 'passphrase',
  ansible_become_password: 'sudo_password',
  ansible_become_pass: 'sudo_password',
};

/** Whose value would be read as something else than what Ansible reads; the first of its words is enough. */
const REACHED_OTHERWISE =
  /^ansible_(?:ssh_|connection|host|port|user|password|private|paramiko|libssh|psrp|winrm|network|httpapi|socket|proxy|scp_|sftp_)/;
/** Of those, what changes neither where a host is nor who is let in there. */
const HARMLESS = new Set([
  'ansible_host_key_checking',
  'ansible_ssh_host_key_checking',
  'ansible_ssh_pipelining',
  'ansible_ssh_retries',
  'ansible_ssh_timeout',
  'ansible_ssh_transfer_method',
  'ansible_ssh_use_tty',
  'ansible_scp_if_ssh',
  'ansible_sftp_batch_mode',
]);
const ARGUMENTS = ['ansible_ssh_common_args', 'ansible_ssh_extra_args', 'ansible_ssh_args'];
const SSH = [
  'ssh',
  'smart',
  'paramiko',
  'paramiko_ssh',
  'ansible.builtin.ssh',
  'ansible.builtin.paramiko_ssh',
];
/** Where a value is put together, or kept locked up, by Ansible. */
const TEMPLATE = /\{\{|\{%|\$ANSIBLE_VAULT/;

/** In everybody's inventory, and what `all` and no group mean here. */
const IMPLICIT = ['all', 'ungrouped'];

/**
 * Ansible's inventory as sections of ours. What it says of a login that is not understood is a fault: the host
 * would be reached otherwise than meant. A host that is not reached by SSH is left out, and named.
 */
export function toSections(
  { hosts, groups }: AnsibleInventory,
  problems: Problems,
): { readonly file: IniFile; readonly warnings: readonly string[] } {
  const inherited = inheritVars(hosts, groups);
  const sections: IniSection[] = [];
  const left = new Set<string>();
  const warnings: string[] = [];
  for (const [name, { line, vars }] of hosts) {
    const all = new Map([...(inherited.get(name) ?? []), ...vars]);
    const connection = all.get('ansible_connection')?.value ?? 'ssh';
    if (!SSH.includes(connection) && !TEMPLATE.test(connection)) {
      left.add(name);
      warnings.push(
        `${problems.placeOf(line)}: host ${showName(name)} is left out, its ansible_connection is not ssh`,
      );
      continue;
    }
    sections.push({ name, line, entries: readLogin(name, line, all, problems) });
  }
  for (const [name, { line, hosts: members, children }] of groups) {
    if (IMPLICIT.includes(name)) continue;
    const entries = new Map<string, IniEntry>();
    for (const [member, at] of [...members, ...children]) {
      if (!left.has(member) || children.has(member))
        entries.set(member.toLowerCase(), { spelling: member, value: 'True', line: at });
    }
    sections.push({ name, line, entries });
  }
  return { file: { defaults: { name: 'DEFAULT', line: 0, entries: new Map() }, sections }, warnings };
}

function readLogin(
  name: string,
  line: number,
  vars: Vars,
  problems: Problems,
): ReadonlyMap<string, IniEntry> {
  const entries = new Map<string, IniEntry>([['ip', { spelling: 'ip', value: name, line }]]);
  for (const [variable, { value, line: at }] of vars) {
    const key = KEYS[variable];
    if (key !== undefined || ARGUMENTS.includes(variable) || variable === 'ansible_connection') {
      if (TEMPLATE.test(value)) {
        problems.at(at, `${variable}: it is put together or unlocked by Ansible; write the value itself`);
        continue;
      }
    }
    if (key !== undefined) {
      const other = entries.get(key);
      if (value !== '' && other !== undefined && other.value !== value && other.spelling !== key) {
        problems.at(
          at,
          `${variable} and ${other.spelling} of ${showName(name)} differ; leave one of them out`,
        );
      }
      if (value !== '') entries.set(key, { spelling: variable, value, line: at, isLiteral: true });
    } else if (ARGUMENTS.includes(variable)) {
      const jump = readArguments(value);
      if (jump === undefined) {
        problems.at(
          at,
          `${variable}: no options of ssh are read but -o ProxyJump=HOST and -J HOST; this host would be reached otherwise than meant`,
        );
      } else if (jump !== '') entries.set('jump', { spelling: variable, value: jump, line: at });
    } else if (variable === 'ansible_shell_type' && /^(?:powershell|cmd)$/.test(value)) {
      problems.at(at, 'ansible_shell_type: hosts of Windows are none that can be used here');
    } else if (
      REACHED_OTHERWISE.test(variable) &&
      !HARMLESS.has(variable) &&
      variable !== 'ansible_connection'
    ) {
      problems.at(
        at,
        `${showName(variable)} is not read here; this host may be reached otherwise than meant`,
      );
    }
  }
  return entries;
}

/** The hosts to go through; empty where there are no arguments, undefined where they say anything else. */
function readArguments(value: string): string | undefined {
  const text = value.trim();
  if (text === '') return '';
  return /^(?:-o ?ProxyJump=|-J ?)([\w.-]+(?:,[\w.-]+)*)$/.exec(text)?.[1];
}

/**
 * Of all groups that a host is in, as Ansible merges them: what is nearer to the host wins, and among groups that are as
 * near the last by name. Circles are found later, among our own groups.
 */
function inheritVars(
  hosts: ReadonlyMap<string, AnsibleHost>,
  groups: ReadonlyMap<string, AnsibleGroup>,
): ReadonlyMap<string, Vars> {
  const depths = depthsOf(groups);
  const parents = new Map<string, string[]>();
  const add = (child: string, group: string) => {
    const known = parents.get(child);
    if (known === undefined) parents.set(child, [group]);
    else known.push(group);
  };
  for (const [group, { children, hosts: members }] of groups) {
    for (const child of children.keys()) add(`@${child}`, group);
    for (const host of members.keys()) add(host, group);
  }
  const found = new Map<string, Vars>();
  for (const name of hosts.keys()) {
    const of = new Set<string>();
    const waiting = [...(parents.get(name) ?? [])];
    for (let group = waiting.pop(); group !== undefined; group = waiting.pop()) {
      if (of.has(group)) continue;
      of.add(group);
      waiting.push(...(parents.get(`@${group}`) ?? []));
    }
    of.delete('all');
    const order = [...of].toSorted((a, b) => (depths.get(a) ?? 0) - (depths.get(b) ?? 0) || (a < b ? -1 : 1));
    const vars = ['all', ...order].flatMap((group) => [...(groups.get(group)?.vars ?? [])]);
    found.set(name, new Map(vars));
  }
  return found;
}

/** How far below the top each group is, by its longest way; a circle has no way that is longest and ends somewhere. */
function depthsOf(groups: ReadonlyMap<string, AnsibleGroup>): ReadonlyMap<string, number> {
  const depths = new Map(Array.from(groups.keys(), (name) => [name, 0]));
  let isSettled = false;
  for (let round = 0; round <= groups.size && !isSettled; round++) {
    isSettled = true;
    for (const [name, { children }] of groups) {
      const next = (depths.get(name) ?? 0) + 1;
      for (const child of children.keys()) {
        if (next <= groups.size && (depths.get(child) ?? next) < next) {
          depths.set(child, next);
          isSettled = false;
        }
      }
    }
  }
  return depths;
}
