import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CommandPattern,
  explainCommand,
  parseCommandPattern,
} from '../../src/policy/command-pattern.ts';
import { explainPaths, type PathPattern, parsePathPattern } from '../../src/policy/path-pattern.ts';

function patterns(...texts: readonly string[]): readonly CommandPattern[] {
  return texts.map((text) => {
    const pattern = parseCommandPattern(text);
    if (pattern === undefined) throw new Error(`no pattern: ${text}`);
    return pattern;
  });
}

const FIRST_LINE = patterns(
  'df **',
  'uptime',
  'systemctl status *',
  'tail -n ? /var/log/*.log',
  'git log --*',
);

describe('a command pattern', () => {
  test.each([
    'df',
    'df -h',
    'df -h /',
    '  df   -h\t/ ',
    'uptime',
    'systemctl status nginx',
    'systemctl status',
    'tail -n 5 /var/log/a.log',
    'git log --oneline',
  ])('covers %j', (command) => {
    expect(explainCommand(FIRST_LINE, command)).toBeUndefined();
  });

  test.each([
    'dfx',
    'DF -h',
    '/bin/df -h',
    'uptime -p',
    'systemctl stop nginx',
    'systemctl status -H root@elsewhere nginx',
    'systemctl status nginx --host=root@elsewhere',
    'systemctl',
    'tail -n 50 /var/log/a.log',
    'git log',
    '',
    ' ',
  ])('does not cover %j', (command) => {
    expect(explainCommand(FIRST_LINE, command)).toMatch(/^its commands are df \*\*, uptime, /);
  });

  test.each(['tail -n 5 /var/log/../../root/secret.log', 'tail -n 5 /var/log/x/../../../root/secret.log'])(
    'does not let %j climb out of the folder it names',
    (command) => {
      expect(explainCommand(FIRST_LINE, command)).toMatch(/^its commands are /);
    },
  );

  test('lets a rule spell out a way up itself, and dots in names be', () => {
    const rule = patterns('cat ../logs/a.log', 'cat /srv/*');
    expect(explainCommand(rule, 'cat ../logs/a.log')).toBeUndefined();
    expect(explainCommand(rule, 'cat /srv/a..b')).toBeUndefined();
    expect(explainCommand(rule, 'cat --file=/srv/x:..')).toBeDefined();
  });

  // Each of these got past a filter over shell text somewhere (facts/chatops-peers.md 4.8).
  test.each([
    ['df; reboot', ';'],
    ['df | sh', '|'],
    ['df && reboot', '&'],
    ['df &', '&'],
    ['df $HOME', '$'],
    ['df `id`', '`'],
    ['df $(id)', '$'],
    ['df > /etc/passwd', '>'],
    ['df < /etc/passwd', '<'],
    ['df\nreboot', 'a newline'],
    ['df \r reboot', 'an invisible character'],
    ['df /*', '*'],
    ['df ?', '?'],
    ['df [a]', '['],
    ['df {a,b}', '{'],
    ['df (a)', '('],
    ['df ~root', '~'],
    ['df # x', '#'],
    ['df !x', '!'],
    ['d\\f', '\\'],
    ["d'f'", "'"],
    ['df "x"', '"'],
    ['df ^x', '^'],
    ['df %PATH%', '%'],
    ['df\u00a0-h', 'an invisible character'],
    ['df\u034f', 'an invisible character'],
    ['df \u115f', 'an invisible character'],
    ['df\u3164-h', 'an invisible character'],
    ['df ünï', 'ü'],
  ])('never covers %j', (command, char) => {
    const why = `its commands are plain words only, and this one holds ${char}`;
    expect(explainCommand(patterns('*', '** **', 'df **').slice(1), command)).toBe(why);
  });

  test.each(['PATH=/tmp df', 'df =ls'])('never covers %j', (command) => {
    expect(explainCommand(patterns('** **'), command)).toMatch(/sets a variable$/);
  });

  test.each([
    ['find *', 'find / -exec reboot +'],
    ['find /srv *', 'find /srv -delete'],
    ['tail *', 'tail -f x'],
    ['tail ? x', 'tail - x'],
    ['cat ??', 'cat -x'],
    ['ls -* *', 'ls /x'],
    ['ls -* *', 'ls -l -a /x'],
    ['git log --*', 'git log --oneline -p'],
    ['git push origin *', 'git push origin +main'],
    ['git push origin ?main', 'git push origin +main'],
    ['ls -* *', 'ls +x /x'],
  ])('%j lets no option through that it does not name: %j', (pattern, command) => {
    expect(explainCommand(patterns(pattern), command)).toBeDefined();
  });

  test.each([
    ['find **', 'find / -name x'],
    ['find * -name *', 'find / /srv -name x'],
    ['ls -* *', 'ls -l /x /y'],
    ['ls -* ** /end', 'ls -l -a /x /end'],
    ['dig * +short', 'dig example.org +short'],
    ['dig * +*', 'dig example.org +short'],
    ['dig **', 'dig example.org +short'],
    ['g++ *', 'g++ a+b.cc'],
    ['* ** *', 'a -b c'],
    ['a * b', 'a b'],
  ])('%j covers what its words stand for: %j', (pattern, command) => {
    expect(explainCommand(patterns(pattern), command)).toBeUndefined();
  });

  test('a command as long as Slack takes it is judged in steps, not by guesses', () => {
    const pattern = Array.from({ length: 100 }, (_, n) => ['*', '**', 'a'][n % 3]).join(' ');
    const command = Array.from({ length: 4_000 }, () => 'a').join(' ');
    expect(explainCommand(patterns(pattern), `${command} -b`)).toBeDefined();
    expect(explainCommand(patterns(pattern), command)).toBeUndefined();
  });

  test('* covers any text', () => {
    expect(explainCommand('*', 'df; rm -rf "$X" `y`\n')).toBeUndefined();
  });

  test.skipIf(spawnSync('sh', ['-c', 'true']).status !== 0)(
    'only sees words that a real shell passes on as they are',
    () => {
      const word = fc.string({
        unit: fc.integer({ min: 33, max: 126 }).map((n) => String.fromCharCode(n)),
        minLength: 1,
        maxLength: 5,
      });
      const any = patterns('printf *');
      const commands = fc
        .sample(fc.array(word, { minLength: 1, maxLength: 3 }), 20_000)
        .map((words) => words.join(' '))
        .filter((words) => explainCommand(any, `printf ${words}`) === undefined);
      expect(commands.length).toBeGreaterThan(500);
      const script = commands.map((words) => `printf '<%s>' ${words}; printf '\\n'`).join('\n');
      const { stdout } = spawnSync('sh', { input: script, encoding: 'utf8', cwd: '/etc' });
      const expected = commands.map((words) =>
        words
          .split(' ')
          .map((one) => `<${one}>`)
          .join(''),
      );
      expect(stdout.split('\n').slice(0, -1)).toEqual(expected);
    },
  );
});

function paths(...texts: readonly string[]): readonly PathPattern[] {
  return texts.map((text) => {
    const pattern = parsePathPattern(text);
    if ('fault' in pattern) throw new Error(pattern.fault);
    return pattern;
  });
}

const isCovered = (list: readonly PathPattern[], action: 'put' | 'get', remote: string, local = 'a.txt') =>
  explainPaths(list, { action, local, remote }) === undefined;

describe('a path pattern', () => {
  test.each([
    ['/tmp/**', 'get', '/tmp/a', true],
    ['/tmp/**', 'get', '/tmp/a/b/c', true],
    ['/tmp/**', 'get', '/tmp', true],
    ['/tmp/**', 'get', '/tmpfile', false],
    ['/tmp/**', 'get', '/etc/tmp/a', false],
    ['/tmp/*', 'get', '/tmp/a', true],
    ['/tmp/*', 'get', '/tmp/a/b', false],
    ['/var/log/*.log', 'get', '/var/log/a.log', true],
    ['/var/log/*.log', 'get', '/var/log/a.txt', false],
    ['/home/*/logs/**', 'get', '/home/bob/logs/x/y', true],
    ['/**/logs/?', 'get', '/a/b/logs/x', true],
    ['/**/logs/?', 'get', '/logs/x', true],
    ['/**/logs/?', 'get', '/logs/xy', false],
    ['/**', 'get', '/etc/shadow', true],
    ['/tmp/**', 'get', '/tmp/../etc/shadow', false],
    ['/tmp/**', 'get', '/tmp/./a', false],
    ['/tmp/**', 'get', '/tmp//a', false],
    ['/tmp/**', 'get', '/tmp/a/', false],
    ['/tmp/**', 'get', '/tmp/a\nb', false],
    ['/**', 'get', 'tmp/a', false],
    ['/**', 'get', '~/a', false],
    ['/**', 'get', '', false],
    ['/tmp/**', 'put', '/tmp/', true],
    ['/tmp/**', 'put', '/tmp', true],
    ['/tmp/**', 'put', '/tmp/x', true],
    ['/tmp/**', 'put', '/', false],
    ['/**', 'put', '/', true],
    ['/tmp/*', 'put', '/tmp/', true],
    // On a host where /tmp/x is a folder the file would be /tmp/x/a.txt.
    ['/tmp/*', 'put', '/tmp/x', false],
    ['/etc/app/*.conf', 'put', '/etc/app/', false],
    ['/srv/a.txt', 'put', '/srv/', true],
    ['/srv/a.txt', 'put', '/srv', false],
  ] as const)('%s: %s %j → %s', (pattern, action, remote, covered) => {
    expect(isCovered(paths(pattern), action, remote)).toBe(covered);
  });

  test('judges a put by the name of the file that is sent', () => {
    expect(isCovered(paths('/srv/*.txt'), 'put', '/srv/', 'dir/a.txt')).toBe(true);
    expect(isCovered(paths('/srv/*.txt'), 'put', '/srv/', 'dir/a.sh')).toBe(false);
    for (const local of ['..', 'a/..', 'a/', ''])
      expect(isCovered(paths('/**'), 'put', '/srv/', local)).toBe(false);
  });

  test('* covers any path, also a relative one', () => {
    for (const remote of ['a', '~/a', '../a']) {
      expect(explainPaths('*', { action: 'get', local: 'x', remote })).toBeUndefined();
    }
  });

  test('of a folder never covers what resolves outside of it', () => {
    const segment = fc.constantFrom('tmp', '..', '.', '', 'a', 'etc', '...', '..a');
    fc.assert(
      fc.property(fc.array(segment), fc.constantFrom('put', 'get'), (segments, action) => {
        const remote = `/${segments.join('/')}`;
        if (!isCovered(paths('/tmp/**'), action, remote)) return;
        expect(new URL(remote, 'file:///').pathname).toMatch(/^\/tmp(\/|$)/);
      }),
    );
  });

  test('says what a rule for one file lacks: the host may have a folder of that name', () => {
    const exact = [parsePathPattern('/etc/motd')].filter((one): one is PathPattern => !('fault' in one));
    const put = { action: 'put', local: 'motd.new', remote: '/etc/motd' } as const;
    expect(explainPaths(exact, put)).toBe(
      'its paths are /etc/motd, which do not cover /etc/motd/motd.new, written where /etc/motd is a folder (/etc/motd/** covers both)',
    );
    const both = [parsePathPattern('/etc/motd/**')].filter((one): one is PathPattern => !('fault' in one));
    expect(explainPaths(both, put)).toBeUndefined();
  });
});
