import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { KEY, problemsOf, read, worldOf } from './inventories.ts';

const original = readFileSync(new URL('../fixtures/inventories/original.ini', import.meta.url), 'utf8');
const HOST = '[web01]\nip = 10.0.0.1\nuser = root\npassword = x\n';

describe("the original program's inventory", () => {
  test('works as it is', () => {
    const { hosts, groups } = read(original);
    expect(
      [...hosts.values()].map(({ name, ip, port, user, enabled }) => [name, ip, port, user, enabled]),
    ).toEqual([
      ['Master', '192.168.1.10', 22, 'root', true],
      ['Slave1', '192.168.1.11', 2222, 'root', true],
      ['Slave2', '192.168.1.12', 22, 'root', false],
    ]);
    expect(hosts.get('master')?.password?.reveal()).toBe('r00t#pass;word');
    expect(hosts.get('slave1')?.password?.reveal()).toBe('"quoted" 100%\\');
    expect(groups.get('qls_group')).toMatchObject({ name: 'QLS_GROUP', left: ['Slave2'] });
    expect(groups.get('qls_group')?.hosts.map(({ name }) => name)).toEqual(['Master', 'Slave1']);
  });
});

describe('a host', () => {
  test('has its defaults', () => {
    expect(read(HOST).hosts.get('web01')).toMatchObject({ port: 22, enabled: true, shell: 'auto' });
  });

  test('takes what it does not say from [DEFAULT], and takes it back with an empty value', () => {
    const { hosts } = read(
      `[DEFAULT]\nuser = deploy\npassword = x\nport = 2222\nenable = off\njump = b\n[a]\nip = a.example\n[b]\nip = ::1\nport =\nenable = YES\n`,
    );
    expect(hosts.get('a')).toMatchObject({ user: 'deploy', port: 2222, enabled: false, jump: ['b'] });
    expect(hosts.get('b')).toMatchObject({ user: 'deploy', port: 22, enabled: true });
    expect(hosts.get('b')).not.toHaveProperty('jump');
  });

  test.each(['[web01] password = hunter2]', '[web01 password=hunter2]', '[web01\u2028password hunter2]'])(
    'shows of the header %j no more than the name',
    (header) => {
      const told = problemsOf(`${header}\nip = 10.0.0.1\n${header}\n`);
      expect(told.length).toBeGreaterThan(2);
      expect(told.join('\n')).toMatch(/\[web01( password)?…\]/);
      expect(told.join('\n')).not.toContain('hunter2');
    },
  );

  test('finds its secrets in variables and files, and never shows them', () => {
    const inventory = read(
      `[a]\nip = 1.2.3.4\nuser = u\npassword = env:PW\npassphrase = file:/run/pp\nkey = ~/.ssh/id\nagent = yes\n`,
      worldOf(
        { PW: 'hunter2', HOME: '/home/ops', SSH_AUTH_SOCK: '/tmp/agent' },
        { '/run/pp': 'open sesame\r\n', '/home/ops/.ssh/id': KEY },
      ),
    );
    const host = inventory.hosts.get('a');
    expect(host?.password?.reveal()).toBe('hunter2');
    expect(host?.passphrase?.reveal()).toBe('open sesame');
    expect(host?.privateKey?.reveal()).toBe(KEY);
    expect(host?.agent).toBe('/tmp/agent');
    expect(inventory.secrets.map((secret) => secret.reveal())).toEqual(['hunter2', 'open sesame', KEY]);
    expect(inspect(inventory, { depth: 9 }) + JSON.stringify(host)).not.toMatch(/hunter2|sesame|OPENSSH/);
  });

  test('may name its agent by path or variable, or refuse the default one', () => {
    const text = (agent: string) =>
      `[DEFAULT]\nagent = True\n[a]\nip = h\nuser = u\npassword = x\nagent = ${agent}\n`;
    const world = worldOf({ SOCK: '/s', HOME: '/h', SSH_AUTH_SOCK: '/d' });
    const agentOf = (agent: string) => read(text(agent), world).hosts.get('a')?.agent;
    expect(['/a/b', '~/x', 'env:SOCK', 'on', 'False', ''].map(agentOf)).toEqual([
      '/a/b',
      '/h/x',
      '/s',
      '/d',
      undefined,
      undefined,
    ]);
  });

  test.each([
    '10.0.0.1',
    'web01',
    'web-01.example.com',
    'a_b.lan',
    '::1',
    'fe80::1%eth0',
    '2001:db8::10.0.0.1',
  ])('may live at %s', (ip) => {
    expect(read(HOST.replace('10.0.0.1', ip)).hosts.get('web01')?.ip).toBe(ip);
  });

  test('may have its address as a URL has it', () => {
    expect(read(HOST.replace('10.0.0.1', '[::1]')).hosts.get('web01')?.ip).toBe('::1');
    for (const ip of ['[10.0.0.1]', '[::1', '[::1]:22', '[[::1]]']) {
      expect(problemsOf(HOST.replace('10.0.0.1', ip))).toHaveLength(1);
    }
  });

  test('has a password for sudo: its own words, a file, a variable, or that of the login', () => {
    const passwordOf = (line: string) => {
      const { hosts, secrets } = read(`${HOST}${line}\n`, worldOf({ SUDO_PW: 'from-env' }));
      const secret = hosts.get('web01')?.sudoPassword;
      if (secret !== undefined) expect(secrets.map((one) => one.reveal())).toContain(secret.reveal());
      return secret?.reveal();
    };
    expect(passwordOf('')).toBeUndefined();
    expect(passwordOf('sudo_password = p;w#1')).toBe('p;w#1');
    expect(passwordOf('sudo_password = env:SUDO_PW')).toBe('from-env');
    expect(passwordOf('sudo_password = login:')).toBe('x');
    expect(problemsOf('[a]\nip = 1.2.3.4\nuser = u\nagent = /run/agent\nsudo_password = login:\n')).toEqual([
      'inventory.ini:5: sudo_password: login: stands for the password, and this host has none',
    ]);
    expect(problemsOf(`${HOST}sudo_password = one\n  two\n`)).toEqual([
      'inventory.ini:5: sudo_password: it has more than one line, and sudo reads one',
    ]);
  });

  test('reads legacy, which is no unless it says so', () => {
    const legacyOf = (line: string) => read(`${HOST}\n${line}\n`).hosts.get('web01')?.legacy;
    expect(legacyOf('legacy = yes')).toBe(true);
    expect(legacyOf('legacy = no')).toBeUndefined();
    expect(legacyOf('')).toBeUndefined();
    expect(problemsOf(`${HOST}\nlegacy = old\n`)).toEqual([
      expect.stringMatching(/^inventory\.ini:\d+: legacy: expected True or False$/),
    ]);
  });

  test('may name the question for its password, as a whole and in any case', () => {
    const promptOf = (prompt: string) => read(`${HOST}\nprompt = ${prompt}\n`).hosts.get('web01')?.prompt;
    const prompt = promptOf('secret of \\w+( please)?:');
    expect(prompt?.test('Secret of ops:')).toBe(true);
    expect(prompt?.test('Secret of ops: and code:')).toBe(false);
    expect(promptOf('a|b')?.test('ax')).toBe(false);
    expect(problemsOf(`${HOST}\nprompt = (x\n`)).toEqual([
      expect.stringMatching(
        /^inventory\.ini:\d+: prompt: expected a regular expression for the whole question$/,
      ),
    ]);
  });

  test('may have a public key beside its agent: it says which of the keys is meant', () => {
    const world = worldOf({ SSH_AUTH_SOCK: '/s' }, { 'id.pub': 'ssh-ed25519 AAAA me@here\n' });
    const text = '[a]\nip = a\nuser = u\nagent = yes\nkey = id.pub\n';
    expect(read(text, world).hosts.get('a')?.privateKey?.reveal()).toContain('ssh-ed25519');
  });

  test('what would keep a login from using its key is found when the file is read, at its line', () => {
    const world = (key: 'key' | 'passphrase') => ({
      ...worldOf({}, { id: KEY }),
      findKeyFault: () => ({ key, fault: 'it does not fit' }),
    });
    const text = '[a]\nip = a\nuser = u\nkey = id\npassphrase = hunter2\n';
    expect(problemsOf(text, world('key'))).toEqual(['inventory.ini:4: key: it does not fit']);
    expect(problemsOf(text, world('passphrase'))).toEqual(['inventory.ini:5: passphrase: it does not fit']);
  });

  test.each([
    ['10.0.0.256', ''],
    ['10.0.0', ''],
    ['010.0.0.1', ''],
    ['True', ''],
    ['web 01', ''],
    ['-web', ''],
    ['web..lan', ''],
    ['1:2:3', ''],
    ['"10.0.0.1"', '; quotes are part of the value here, leave them out'],
    ['10.0.0.1 # web', '; comments stand on lines of their own'],
    ['10.0.0.1\n  port = 22', '; the lines below it are indented deeper and so belong to this value'],
  ])('cannot live at %j', (ip, hint) => {
    expect(problemsOf(HOST.replace('10.0.0.1', ip))).toEqual([
      `inventory.ini:2: ip: expected an IPv4 or IPv6 address or a host name${hint}`,
    ]);
  });

  test('has every fault named at once, in the order of the lines', () => {
    const text = [
      '[web01]',
      'ip =',
      'port = 65536',
      'enable = yes # not today',
      'pasword = x',
      'shell = fish',
      'host_key = MD5:00',
      'key = nowhere',
      'password = env:NOT_SET',
      'passphrase = file:gone',
      'agent = maybe',
      'jump = wbe02',
      '[web02]',
      'ip = h',
      'user = u',
      'key = id.pub',
      '[web03]',
      'ip = h',
      'user = u',
    ].join('\n');
    expect(problemsOf(text, worldOf({}, { 'id.pub': 'ssh-ed25519 AAAA me@here\n' }))).toEqual([
      'inventory.ini:1: [web01] has no user',
      'inventory.ini:2: ip: it is empty',
      'inventory.ini:3: port: expected a number from 1 to 65535',
      'inventory.ini:4: enable: expected True or False; comments stand on lines of their own',
      'inventory.ini:5: unknown key "pasword" of a host. Did you mean password?',
      'inventory.ini:6: shell: expected auto, posix or raw',
      'inventory.ini:7: host_key: expected a fingerprint as ssh-keygen -l shows it, SHA256:…',
      'inventory.ini:8: key: cannot read the file it names (ENOENT)',
      'inventory.ini:9: password: the variable NOT_SET is not set',
      'inventory.ini:10: passphrase: cannot read the file it names (ENOENT)',
      'inventory.ini:11: agent: expected True, env:NAME or the path of its socket',
      'inventory.ini:16: key: that file holds the public key; name the private one',
      'inventory.ini:17: [web03] has no way to log in: give it a password, key or agent',
    ]);
  });

  test('that inherits a fault is not one fault more', () => {
    const text = '[DEFAULT]\nuser = u\nkey = gone\n[a]\nip = a\n[b]\nip = b\n';
    expect(problemsOf(text)).toEqual(['inventory.ini:3: key: cannot read the file it names (ENOENT)']);
  });

  test('reads a key that many share once', () => {
    let reads = 0;
    const world = {
      env: () => undefined,
      readFile: () => {
        reads += 1;
        return KEY;
      },
      findKeyFault: () => undefined,
    };
    read('[DEFAULT]\nuser = u\nkey = id\n[a]\nip = a\n[b]\nip = b\n', world);
    expect(reads).toBe(1);
  });

  test.each([
    ['a,b', 'a name cannot hold ,'],
    ['a b', 'a name cannot hold white space or invisible characters'],
    ['a\u034fb', 'a name cannot hold white space or invisible characters'],
    ['a\u115fb', 'a name cannot hold white space or invisible characters'],
    ['web\u3164', 'a name cannot hold white space or invisible characters'],
    ['web[1]', 'a name cannot hold ['],
    ['../etc', 'a name cannot hold /'],
    ['..', 'a name cannot be dots only'],
    ['@web', 'a name cannot hold @'],
    ['-h', 'a name cannot start with -, as options do'],
    ['web–1', 'a name cannot hold –'],
    ['All', '"all" means every host; choose another name'],
    ['__proto__', 'this name is reserved'],
  ])('cannot be called %j', (name, fault) => {
    expect(problemsOf(HOST.replace('web01', name))).toEqual([`inventory.ini:1: [${name}]: ${fault}`]);
  });

  test('shares its name with nothing else, in any case', () => {
    expect(problemsOf(`${HOST}[Web01]\nweb01 = True\n`)).toEqual([
      'inventory.ini:5: [Web01] and [web01] on line 1 differ only in case; names are looked up in any case',
    ]);
  });

  test('goes through a host that is there, and not in a circle', () => {
    const three = (a: string, b: string) =>
      `[DEFAULT]\nuser = u\npassword = x\n[a]\nip = a\njump = ${a}\n[B]\nip = b\njump = ${b}\n[c]\nip = c\n`;
    expect(read(three('b', 'C')).hosts.get('a')?.jump).toEqual(['B']);
    expect(problemsOf(three('b', 'A'))).toEqual([
      'inventory.ini:6: jump goes in a circle: a → B → a',
      'inventory.ini:9: jump goes in a circle: B → a → B',
    ]);
    expect(problemsOf(three('a', 'c'))).toEqual(['inventory.ini:6: jump goes in a circle: a → a']);
    expect(problemsOf(three('ab', 'c'))).toEqual([
      'inventory.ini:6: jump: there is no host of that name. Did you mean a, B?',
    ]);
  });

  test('a chain is read in its order, and one that names nobody, somebody twice or leads back is at fault', () => {
    const four = (a: string, b = '', all = '') =>
      `[DEFAULT]\nuser = u\npassword = x\njump = ${all}\n[a]\nip = a\n${a}\n[b]\nip = b\n${b}\n[C]\nip = c\n[d]\nip = d\n`;
    expect(read(four('jump = b , c')).hosts.get('a')?.jump).toEqual(['b', 'C']);
    expect(problemsOf(four('jump = b,, c'))).toEqual([
      'inventory.ini:7: jump: expected hosts, in the order they are gone through: a, b',
    ]);
    expect(problemsOf(four('jump = b, nobody'))).toEqual([
      'inventory.ini:7: jump: there is no host of that name.',
    ]);
    expect(problemsOf(four('jump = b, c, B'))).toEqual(['inventory.ini:7: jump: a host is named twice']);
    expect(problemsOf(four('jump = b, a'))).toEqual(['inventory.ini:7: jump goes in a circle: a → a']);
    expect(problemsOf(four('jump = b', 'jump = c, a'))).toEqual([
      'inventory.ini:7: jump goes in a circle: a → b → a',
    ]);
    // What a later host of a chain has of its own does not count.
    expect(read(four('jump = c, b', 'jump = d')).hosts.get('a')?.jump).toEqual(['C', 'b']);
  });

  test('a chain in [DEFAULT] reaches each of its own hosts by what stands before it', () => {
    const { hosts } = read(
      '[DEFAULT]\nuser = u\npassword = x\njump = a, b\n[a]\nip = a\n[b]\nip = b\n[c]\nip = c\n',
    );
    expect(['a', 'b', 'c'].map((name) => hosts.get(name)?.jump)).toEqual([undefined, ['a'], ['a', 'b']]);
  });

  test('no way is longer than eight hosts, however it is put together', () => {
    const file = (hosts: number) =>
      `[DEFAULT]\nuser = u\npassword = x\n${Array.from({ length: hosts }, (_, i) => `[h${i}]\nip = h\njump = ${i === 0 ? '' : `h${i - 1}`}\n`).join('')}`;
    expect(read(file(9)).hosts.size).toBe(9);
    expect(problemsOf(file(10))).toEqual(['inventory.ini:33: jump: more than 8 hosts would be gone through']);
  });

  test('names one key of the agent by its fingerprint, and only of an agent', () => {
    const print = `SHA256:${'a'.repeat(43)}`;
    const host = (more: string) => `[a]\nip = a\nuser = u\n${more}\n`;
    expect(read(host(`agent = /run/agent\nkey = ${print}`)).hosts.get('a')).toMatchObject({
      agentKey: print,
    });
    expect(problemsOf(host(`password = x\nkey = ${print}`))).toEqual([
      'inventory.ini:5: key: a fingerprint says which key of an agent is meant, and this host has no agent',
    ]);
    expect(problemsOf(host('agent = /run/agent\nkey = SHA256:short'))).toEqual([
      'inventory.ini:5: key: expected a fingerprint as ssh-add -l shows it, SHA256:…',
    ]);
  });

  test('has a certificate of its key or of its agent’s, which is looked at; elsewhere none is taken', () => {
    const host = (more: string) => `[a]\nip = a\nuser = u\ncert = c\n${more}\n`;
    const asked: unknown[] = [];
    const world = {
      ...worldOf({}, { c: 'the certificate', id: KEY }),
      findCertificateFault: (...words: readonly unknown[]) => {
        asked.push(words);
        return words[1] === KEY ? undefined : 'it is no good';
      },
    };
    expect(read(host('key = id'), world).hosts.get('a')).toMatchObject({ certificate: 'the certificate' });
    expect(problemsOf(host('agent = /run/agent'), world)).toEqual(['inventory.ini:4: cert: it is no good']);
    expect(asked).toEqual([
      ['the certificate', KEY, undefined],
      ['the certificate', undefined, undefined],
    ]);
    expect(problemsOf(host('password = x'), world)).toEqual([
      'inventory.ini:4: cert: it is of a key, and this host has neither key nor agent',
    ]);
    expect(problemsOf(host('key = id').replace('cert = c', 'cert = gone'), world)).toEqual([
      'inventory.ini:4: cert: cannot read the file it names (ENOENT)',
    ]);
    expect(problemsOf(host('key = id'), worldOf({}, { c: '', id: KEY }))).toEqual([
      'inventory.ini:4: cert: no certificate is read here',
    ]);
  });
});
