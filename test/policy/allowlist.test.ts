import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { parseAllowlist } from '../../src/policy/allowlist.ts';
import { allow, rule } from './plans.ts';

const design = readFileSync(new URL('../fixtures/allowlists/design.ini', import.meta.url), 'utf8');

function problemsOf(text: string): readonly string[] {
  try {
    allow(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the allowlist', () => {
  test('reads the rules of the design', () => {
    const [oncall, firstLine] = allow(design).rules;
    expect(oncall?.name).toBe('oncall');
    expect([...(oncall?.users ?? [])]).toEqual(['U024BE7LH', 'U0G9QFNV8']);
    expect([...(oncall?.hosts ?? [])]).toEqual(['web01', 'web02', 'db02']);
    expect(oncall?.commands).toBe('*');
    expect(firstLine).toMatchObject({ name: 'first-line', channels: '*', isForAllHosts: true });
    expect(firstLine?.commands).toMatchObject([
      { text: 'df **' },
      { text: 'uptime' },
      { text: 'systemctl status *' },
    ]);
  });

  test('a pattern that once covered options is named with what to write, and stays in force as it reads now', () => {
    const { warnings } = allow(design);
    expect(warnings).toEqual([
      'allowlist.ini:15: commands: "systemctl status *" covers no options; if they are meant, write "systemctl status **"',
    ]);
  });

  test('a * among other patterns is no way to say everything, and a pattern of any program is named', () => {
    const of = (commands: string) =>
      `[a]\nusers = U1\nchannels = *\nhosts = all\nactions = run\ncommands = ${commands}\n`;
    expect(() => allow(of('uptime, *'))).toThrow(
      'allowlist.ini:6: commands: * stands alone, for any text at all; leave it out, or all the others',
    );
    expect(allow(of('*')).rules[0]?.commands).toBe('*');
    expect(allow(of('* --version, ?s')).warnings).toEqual([
      'allowlist.ini:6: commands: "* --version" begins with any program at all; name the program',
      'allowlist.ini:6: commands: "?s" begins with any program at all; name the program',
    ]);
  });

  test('may be empty: then nobody may do anything', () => {
    expect(allow('# nobody yet\n').rules).toEqual([]);
  });

  test('takes lists over several lines, and defaults', () => {
    const { rules } = allow(
      '[DEFAULT]\nchannels = C1\nusers = U1,\n  U2\n  W3\n[a]\nhosts = web[01-02], db01\nactions = audit\n',
    );
    expect(rules).toMatchObject([{ users: new Set(['U1', 'U2', 'W3']), channels: new Set(['C1']) }]);
    expect([...(rules[0]?.hosts ?? [])]).toEqual(['web01', 'web02', 'db01']);
  });

  test('names every fault at once, with its line', () => {
    const text = [
      '[a]',
      'user = U1',
      'users = alice, *',
      'channels = #ops',
      'hosts = web99, @dbs',
      'actions = run, pit',
      'commands = df; reboot',
      '[b]',
      'users = @bob',
      'channels = *',
      'hosts =',
      'actions = put',
      'paths = tmp/, /a/../b, /tmp/, /a**, /a[1]',
      '[c]',
      'users = U1 # me',
      'channels = *',
      'hosts = all',
      'actions = run',
    ].join('\n');
    expect(problemsOf(text)).toEqual([
      'allowlist.ini:2: unknown key "user" of a rule. Did you mean users?',
      'allowlist.ini:3: users: * is not possible: a right belongs to a person; list the ids',
      'allowlist.ini:4: channels: expected ids such as C0OPS12 (at the end of "View channel details"), or *',
      'allowlist.ini:5: hosts: There is no host "web99"; did you mean web01, web02?',
      'allowlist.ini:5: hosts: There is no group "dbs"; did you mean db?',
      'allowlist.ini:6: actions: "pit" is none of run, put, get, cancel, audit, trust, sudo. Did you mean put?',
      'allowlist.ini:7: commands: a pattern is plain words with *, ** and ? (letters, digits, _ - . / : = + @), or *',
      'allowlist.ini:9: users: expected ids such as U024BE7LH (in a profile: ⋮, "Copy member ID") or, of a user group, S0614TZR7; not names',
      'allowlist.ini:11: hosts: it is empty',
      'allowlist.ini:13: paths: a path starts with /, or is * for any path',
      'allowlist.ini:13: paths: a path has no empty, . or .. segments',
      'allowlist.ini:13: paths: a folder and all below it is written with /** at its end',
      'allowlist.ini:13: paths: ** stands alone between slashes',
      'allowlist.ini:13: paths: only * , ** and ? have a meaning in a path',
      'allowlist.ini:14: [c] has no commands',
      'allowlist.ini:15: users: comments stand on lines of their own',
      'allowlist.ini:15: users: expected ids such as U024BE7LH (in a profile: ⋮, "Copy member ID") or, of a user group, S0614TZR7; not names',
    ]);
  });

  test.each(['users', 'channels', 'hosts', 'actions', 'commands', 'paths'])('needs %s', (key) => {
    const without = rule()
      .split('\n')
      .filter((line) => !line.startsWith(`${key} `))
      .join('\n');
    expect(problemsOf(without)).toContain(`allowlist.ini:1: [r] has no ${key}`);
  });

  test('shows of a header no more than the name, where a key was put on its line', () => {
    expect(problemsOf('[a] password = hunter2] x\nusers = U1')).toContain(
      'allowlist.ini:1: [a…] has no hosts',
    );
    expect(problemsOf('[a] password = hunter2] x').join('\n')).not.toContain('hunter2');
  });

  test('needs no commands without run, and no paths without put and get', () => {
    const text = '[a]\nusers = U1\nchannels = *\nhosts = all\nactions = cancel, audit, trust\n';
    expect(problemsOf(text)).toEqual([]);
  });

  test('is checked without an inventory too, and is then for no host', () => {
    expect(parseAllowlist(rule({ hosts: 'anything' }), 'a.ini', undefined).rules[0]?.hosts.size).toBe(0);
    expect(() => parseAllowlist(rule({ users: 'bob' }), 'a.ini', undefined)).toThrow(ConfigError);
  });

  test('refuses an exclusion that matches nothing: it would no longer take out what it was written for', () => {
    expect(problemsOf(rule({ hosts: 'all, !db03' }))).toEqual([
      'allowlist.ini:4: hosts: There is no host "db03"; did you mean db01, db02?',
    ]);
  });

  test('is rules or a ConfigError, whatever the text', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '[a]',
        '[b]',
        '[DEFAULT]',
        'users = U1',
        'channels = *',
        'hosts = all',
        'actions = run',
        'commands = *',
      ),
      fc
        .tuple(fc.constantFrom('users', 'channels', 'hosts', 'actions', 'commands', 'paths'), fc.string())
        .map((parts) => parts.join(' = ')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        problemsOf(lines.join('\n'));
      }),
      { numRuns: 300 },
    );
  });
});
