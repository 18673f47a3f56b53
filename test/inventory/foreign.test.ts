import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import type { InventoryText } from '../../src/inventory/document.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { parseInventories } from '../../src/inventory/parse-inventory.ts';
import { readSshConfigLines } from '../../src/process/fleet/ssh-config-lines.ts';
import { KEY, worldOf } from './inventories.ts';

const WORLD = worldOf(
  { HOME: '/home/ops', SSH_AUTH_SOCK: '/run/agent' },
  { '/home/ops/.ssh/id': KEY, id: KEY, '/etc/passwd': 'root:x:0' },
);

const ini = (text: string, name = 'hosts'): InventoryText => ({ kind: 'ini', name, text });
const json = (value: unknown): InventoryText => ({
  kind: 'json',
  name: 'inv.py',
  text: typeof value === 'string' ? value : JSON.stringify(value),
});
const ssh = (text: string): InventoryText => ({
  kind: 'ssh-config',
  name: 'ssh_config',
  lines: readSshConfigLines(text, 'ssh_config'),
});
const readAll = (...texts: readonly InventoryText[]): Inventory => parseInventories(texts, WORLD);

function faultsOf(...texts: readonly InventoryText[]): readonly string[] {
  try {
    readAll(...texts);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const hostsOf = (inventory: Inventory, group: string) =>
  inventory.groups.get(group)?.hosts.map((host) => host.name);

describe('several files', () => {
  const one = '[DEFAULT]\nuser = u\npassword = x\n[a]\nip = a\n';

  test('are one inventory: what one names, another has; [DEFAULT] is its own file’s', () => {
    const inventory = readAll(
      ini(one, 'a.ini'),
      ini('[b]\nip = b\nuser = v\npassword = y\njump = a\n[both]\na = yes\nb = yes\n', 'b.ini'),
    );
    expect(hostsOf(inventory, 'both')).toEqual(['a', 'b']);
    expect(inventory.hosts.get('b')).toMatchObject({ user: 'v', jump: ['a'], way: ['u@a:22'] });
  });

  test('have each name once over all of them, and each fault has its own file and line', () => {
    expect(faultsOf(ini(one, 'a.ini'), ini(one.replace('[a]', '[A]'), 'b.ini'))).toEqual([
      'b.ini:4: [A] is there already: a.ini:4',
    ]);
    expect(faultsOf(ini(one, 'a.ini'), ini('[g]\na = perhaps\nc = yes\n', 'b.ini'))).toEqual([
      'b.ini:2: "a" in group [g]: expected True or False',
      'b.ini:3: "c" in group [g] is neither a host nor a group here. Did you mean a, g?',
    ]);
    expect(faultsOf(ini(one, 'a.ini'), ssh('Host a\n User u\n IdentityFile id\n'))).toEqual([
      'ssh_config:1: [a] is there already: a.ini:4',
    ]);
  });
});

describe('an INI file of Ansible’s', () => {
  test('is told by what only Ansible writes, and a file with both kinds of lines is neither', () => {
    expect(readAll(ini('web1 ansible_host=10.0.0.1 ansible_user=u ansible_password=x\n')).hosts.size).toBe(1);
    expect(faultsOf(ini('[web]\nweb1\n'))).toEqual([
      'hosts:2: neither a [section] nor a "name = value" nor a comment',
    ]);
    const both = faultsOf(ini('[web:vars]\nansible_user=u\n[web1]\nip = 10.0.0.1\n'));
    expect(both[0]).toBe(
      'hosts:1: this line is of an Ansible inventory, and line 4 (ip) of one of ours; one file is one of them',
    );
    expect(readAll(ini('[web1]\nip = 10.0.0.1\nuser = u\npassword = ansible_user=x\n')).hosts.size).toBe(1);
  });

  test('has ranges, ports, quotes, variables of groups, and groups of groups', () => {
    const inventory = readAll(
      ini(`
# a comment
lone ansible_user=root
[web]
web[08:10] ansible_host=10.0.0.1   # the same
db-[a:b]:2222 ansible_password='a b' ansible_user="x"y
[old]
web08
[all:vars]
ansible_user=ops
ansible_password = "p w"
[everything:vars]
ansible_port=22022
[web:vars]
ansible_port=22023
[everything:children]
web
old
`),
    );
    expect([...inventory.hosts.keys()]).toEqual(['lone', 'web08', 'web09', 'web10', 'db-a', 'db-b']);
    expect(hostsOf(inventory, 'web')).toEqual(['web08', 'web09', 'web10', 'db-a', 'db-b']);
    expect(hostsOf(inventory, 'old')).toEqual(['web08']);
    expect(hostsOf(inventory, 'everything')).toHaveLength(5);
    expect([...inventory.groups.keys()]).toEqual(['web', 'old', 'everything']);
    expect(inventory.hosts.get('web08')).toMatchObject({ ip: '10.0.0.1', port: 22023, user: 'ops' });
    expect(inventory.hosts.get('lone')).toMatchObject({ ip: 'lone', port: 22, user: 'root' });
    expect(inventory.hosts.get('db-a')).toMatchObject({ ip: 'db-a', port: 2222, user: 'xy' });
    expect(inventory.hosts.get('db-a')?.password?.reveal()).toBe('a b');
    expect(inventory.hosts.get('web08')?.password?.reveal()).toBe('p w');
    expect(faultsOf(ini('db-a ansible_user="x y" ansible_password=x\n'))).toEqual([
      'hosts:1: user: expected a user name',
    ]);
  });

  test('names what would have a host reached otherwise than meant, in the line that says it', () => {
    const at = (more: string) => faultsOf(ini(`h ansible_user=u ansible_password=x ${more}\n`));
    for (const line of [
      'ansible_ssh_common_args=\'-o ProxyCommand="ssh -W %h:%p b"\'',
      "ansible_ssh_extra_args='-o StrictHostKeyChecking=no -J b'",
      'ansible_ssh_executable=/usr/local/bin/ssh',
      'ansible_paramiko_proxy_command=nc',
      'ansible_shell_type=powershell',
    ]) {
      expect(at(line), line).toHaveLength(1);
      expect(at(line)[0]).toMatch(/^hosts:1: /);
    }
    expect(at("ansible_user='{{ me }}'")).toEqual([
      'hosts:1: ansible_user: it is put together or unlocked by Ansible; write the value itself',
      'hosts:1: [h] has no user',
    ]);
    expect(at('ansible_python_interpreter=/usr/bin/python3 ansible_become=true http_port=80')).toEqual([]);
    expect(at('ansible_port=1_0')).toEqual([
      'hosts:1: "ansible_port": Ansible reads this value as a number, list or the like, and not as it stands there',
    ]);
  });

  test('goes through other hosts where its arguments say just that', () => {
    const inventory = readAll(
      ini(
        "[all:vars]\nansible_user=u\nansible_password=x\n[g]\nb\nh ansible_ssh_common_args='-o ProxyJump=b'\n",
      ),
    );
    expect(inventory.hosts.get('h')?.jump).toEqual(['b']);
  });

  test('leaves out what is not reached by SSH, from its groups too, and says so', () => {
    const inventory = readAll(
      ini('[g]\nhere ansible_connection=local\nh ansible_user=u ansible_password=x\n[g:vars]\nx=1\n'),
    );
    expect([...inventory.hosts.keys()]).toEqual(['h']);
    expect(hostsOf(inventory, 'g')).toEqual(['h']);
    expect(inventory.warnings).toEqual([
      'hosts:2: host "here" is left out, its ansible_connection is not ssh',
    ]);
  });

  test('is refused where Ansible would read more beside it, or two words for one thing differ', () => {
    const text = '[db]\ndb1 ansible_user=root ansible_password=x\n';
    expect(faultsOf({ kind: 'ini', name: 'hosts', text, beside: ['host_vars'] })).toEqual([
      'hosts:1: host_vars beside it is not read here, and may say otherwise how a host is reached; name a program that prints `ansible-inventory --list`',
    ]);
    const two = '[all:vars]\nansible_ssh_user=deploy\n[db]\ndb1 ansible_user=root ansible_password=x\n';
    expect(faultsOf(ini(two)).join()).toMatch(
      /ansible_(?:ssh_)?user and ansible_(?:ssh_)?user of "db1" differ/,
    );
    expect(faultsOf(ini(two.replace('deploy', 'root')))).toEqual([]);
  });

  test('never reads a file or variable of ours for a password that only looks like our word for it', () => {
    const inventory = readAll(
      ini('h ansible_user=u ansible_password=file:/etc/passwd\n[all:vars]\nansible_become_password=login:\n'),
    );
    expect(inventory.hosts.get('h')?.password?.reveal()).toBe('file:/etc/passwd');
    expect(inventory.hosts.get('h')?.sudoPassword?.reveal()).toBe('login:');
    expect(inventory.secrets.map((secret) => secret.reveal())).toContain('file:/etc/passwd');
  });

  test('has no range without an end, and faults of lines are told with them', () => {
    const faults = (line: string) =>
      faultsOf(
        ini(`[g:vars]
x=1
[h]
${line} ansible_user=u ansible_password=x
ok ansible_user=u ansible_password=x
`),
      );
    expect(faults('a[1:999999]')).toEqual(['hosts:4: a line stands for more than 65536 hosts']);
    expect(faults('a[001:10]')[0]).toBe(
      'hosts:4: both ends of a range with leading zeros are as wide: [01:20]',
    );
    expect(faults('a[1-2]')[0]).toContain('expected a range');
    expect(faults('a[1:2')[0]).toBe('hosts:4: a range is not closed: web[01:20]');
    expect(faults("a 'b")[0]).toBe('hosts:4: a quote is not closed');
    expect(faults('a b')[0]).toBe('hosts:4: expected name=value behind the name of a host');
    expect(faultsOf(ini('[a:things]\n[b:vars]\nx\n[c:children]\nd e\n'))).toEqual([
      'hosts:1: [a]: expected :vars or :children behind the name of a group',
      'hosts:1: there is no host in this file',
      'hosts:3: expected name=value',
      'hosts:5: expected the name of a group',
    ]);
  });
});

describe('what ansible-inventory --list prints', () => {
  const login = { ansible_user: 'u', ansible_password: 'x' };

  test('is hosts and groups, variables of groups included', () => {
    const inventory = readAll(
      json({
        _meta: { hostvars: { web1: { ...login, ansible_host: '10.0.0.1', ansible_port: 2222 }, web2: {} } },
        all: { children: ['ungrouped', 'web'], vars: login },
        web: { hosts: ['web1', 'web2'] },
        ungrouped: {},
      }),
    );
    expect(hostsOf(inventory, 'web')).toEqual(['web1', 'web2']);
    expect(inventory.hosts.get('web1')).toMatchObject({ ip: '10.0.0.1', port: 2222, user: 'u' });
    expect(inventory.hosts.get('web2')).toMatchObject({ ip: 'web2', port: 22 });
    expect([...inventory.groups.keys()]).toEqual(['web']);
  });

  test('is refused where it is anything else, and each fault names the host or group', () => {
    expect(faultsOf(json('no'))).toEqual(['inv.py: its output: it is no JSON']);
    expect(faultsOf(json([]))).toEqual(['inv.py: its output: expected an object of groups']);
    expect(faultsOf(json({ web: { hosts: ['a'] } }))).toEqual([
      'inv.py: its output: expected _meta.hostvars, as ansible-inventory --list prints them',
    ]);
    expect(
      faultsOf(
        json({
          _meta: {
            hostvars: {
              a: { ...login, ansible_port: 'many' },
              b: { ...login, ansible_password: { __ansible_vault: 'x' } },
            },
          },
          web: { hosts: ['a', 5], childs: [] },
          'db server': 'x',
        }),
      ),
    ).toEqual([
      'inv.py: host "a": port: expected a number from 1 to 65535',
      'inv.py: host "b": ansible_password: it is put together or unlocked by Ansible; write the value itself',
      'inv.py: host "b": [b] has no way to log in: give it a password, key or agent',
      'inv.py: group "web": unknown key "childs"',
      'inv.py: group "web": expected a list of hosts',
      'inv.py: group this name: expected an object with hosts, children and vars',
    ]);
  });

  test('with groups in a circle, or a host and a group of one name, is refused', () => {
    const meta = { _meta: { hostvars: { a: login } } };
    expect(faultsOf(json({ ...meta, x: { children: ['y'] }, y: { children: ['x'] } }))).toEqual([
      'inv.py: group "x": groups go in a circle: x → y → x',
    ]);
    expect(faultsOf(json({ ...meta, A: { hosts: [] } }))[0]).toContain('differ only in case');
  });
});

describe('an ssh_config', () => {
  test('has each Host that is no pattern as a host, with the first value of each keyword that fits it', () => {
    const inventory = readAll(
      ssh(`
Port 2200
# comment
Host web1 web2 !nobody
  HostName %h.example.com
  User = "ops"
Host web*
  Port 22
  User other
  ProxyJump bastion
Host bastion
  HostName 10.0.0.1
  IdentityAgent SSH_AUTH_SOCK
Host * !web1
  User fallback
  IdentityFile ~/.ssh/id
Host web1
  IdentityFile %d/.ssh/id
  ForwardAgent yes
`),
    );
    expect([...inventory.hosts.keys()]).toEqual(['web1', 'web2', 'bastion']);
    expect(inventory.hosts.get('web1')).toMatchObject({
      ip: 'web1.example.com',
      port: 2200,
      user: 'ops',
      jump: ['bastion'],
    });
    expect(inventory.hosts.get('web1')?.privateKey?.file).toBe('/home/ops/.ssh/id');
    expect(inventory.hosts.get('bastion')).toMatchObject({
      ip: '10.0.0.1',
      user: 'fallback',
      agent: '/run/agent',
    });
    expect(inventory.hosts.get('bastion')).not.toHaveProperty('jump');
    expect(inventory.warnings).toEqual([]);
  });

  const one = (more: string) => ssh(`Host a b\n User u\n IdentityFile id\n${more}\n`);

  test('never has a host reached directly that was to be reached by a ProxyCommand, in any block that fits it', () => {
    const refused =
      'ProxyCommand is not run; this host would be reached otherwise than meant. ProxyJump does, or ProxyCommand none';
    expect(faultsOf(one(' ProxyCommand nc %h %p'))).toEqual([`ssh_config:4: ${refused}`]);
    expect(faultsOf(one('Host *\n proxycommand=nc %h %p'))).toEqual([`ssh_config:5: ${refused}`]);
    expect(faultsOf(one('Host c*\n ProxyCommand nc %h %p'))).toEqual([]);
    expect(faultsOf(one(' ProxyCommand none\nHost *\n ProxyCommand nc'))).toEqual([]);
    // Whichever comes first is meant.
    expect(readAll(one('Host b\n ProxyJump a\n ProxyCommand nc')).hosts.get('b')?.jump).toEqual(['a']);
    expect(faultsOf(one('Host b\n ProxyCommand nc\n ProxyJump a'))).toEqual([`ssh_config:5: ${refused}`]);
    expect(readAll(one('Host b\n ProxyJump none\nHost *\n ProxyJump a')).hosts.get('b')).not.toHaveProperty(
      'jump',
    );
  });

  test('with Match, Include or RevokedHostKeys is refused, and what is not read besides is said', () => {
    expect(faultsOf(one('Match user root\n Port 1\nInclude other\nRevokedHostKeys /etc/r'))).toEqual([
      'ssh_config:4: Match is not understood: say it with Host',
      'ssh_config:6: Include is not followed: write what it brings into this file',
      'ssh_config:7: RevokedHostKeys is not read: write such keys into BATCHOPS_KNOWN_HOSTS as @revoked lines',
    ]);
    expect(
      readAll(one(' StrictHostKeyChecking yes\n HostKeyAlias x\n Ciphers aes\n Constructor x')).warnings,
    ).toEqual([
      'ssh_config:4: "StrictHostKeyChecking" is not read here; BATCHOPS_HOST_KEY_POLICY says how host keys are checked',
      'ssh_config:5: "HostKeyAlias" is not read here; known hosts are looked up by their address and port',
      'ssh_config:6: "Ciphers" is not read here',
      'ssh_config:7: "Constructor" is not read here',
    ]);
  });

  test('names lines that are none, values that cannot be meant, and hosts without a login', () => {
    expect(() => ssh('Host "a\n')).toThrow(
      new ConfigError(['ssh_config:1: this is no line of an ssh_config']),
    );
    expect(faultsOf(one(' ProxyJump root@b:22'))).toEqual([
      'ssh_config:4: "ProxyJump": expected names of hosts; give each its own Host, HostName, User and Port',
    ]);
    expect(faultsOf(one(' ProxyJump nobody'))[0]).toBe('ssh_config:4: jump: there is no host of that name.');
    expect(faultsOf(one(' Port many'))).toEqual(['ssh_config:4: port: expected a number from 1 to 65535']);
    expect(faultsOf(one('Host c\n User u\n IdentityFile ~/%u'))[1]).toBe(
      'ssh_config:6: "IdentityFile": no % or $ but %d/ is filled in here',
    );
    expect(faultsOf(ssh('Host a\n'))).toEqual([
      'ssh_config:1: [a] has no user',
      'ssh_config:1: [a] has no way to log in: give it a password, key or agent',
    ]);
    expect(faultsOf(ssh('Host *\n User u\n'))).toEqual([
      'ssh_config:1: no Host line of this file names a host: patterns are none',
    ]);
  });

  test('says that of several keys the first is used', () => {
    expect(readAll(one(' IdentityFile id2')).warnings).toEqual([
      'ssh_config:4: of several "IdentityFile" lines that fit a host the first is used',
    ]);
  });
});
