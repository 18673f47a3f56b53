import fc from 'fast-check';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import { type Allowlist, parseAllowlist } from '../../src/policy/allowlist.ts';
import { anyChars } from './cases.ts';

/** A small fleet, rules over it, and what each of the rules is meant to say, written down a second time. */

export const SECRET = 'hunter2hunter2';
export const HOSTS = ['fe01', 'fe02', 'fe03', 'be01', 'be02', 'gate'] as const;
export type HostName = (typeof HOSTS)[number];

export const FLEET: Inventory = parseInventory(
  [
    `[DEFAULT]\nuser = ops\npassword = ${SECRET}`,
    ...HOSTS.map((name, i) => `[${name}]\nip = 10.0.0.${i + 1}`),
    '[web]\nfe01 = True\nfe02 = True\nfe03 = True',
    '[db]\nbe01 = True\nbe02 = True',
  ].join('\n'),
  'inventory.ini',
  { env: () => undefined, readFile: () => '', findKeyFault: () => undefined },
);

/** The words of the file, and the hosts that they are for. */
const EXPRESSIONS: Readonly<Record<string, readonly HostName[]>> = {
  all: HOSTS,
  '@web': ['fe01', 'fe02', 'fe03'],
  'all, !gate': ['fe01', 'fe02', 'fe03', 'be01', 'be02'],
  '@db, !be01': ['be02'],
  'fe[01-02], gate': ['fe01', 'fe02', 'gate'],
  'fe*': ['fe01', 'fe02', 'fe03'],
};

export interface RuleWords {
  readonly users: readonly string[];
  readonly channels: readonly string[];
  readonly hosts: string;
  readonly actions: readonly string[];
  readonly commands: readonly string[];
  readonly paths: readonly string[];
  readonly guests: boolean;
  readonly shared: boolean;
}

const some = (...of: readonly string[]) => fc.subarray([...of], { minLength: 1 });

export const anyRule: fc.Arbitrary<RuleWords> = fc.record({
  users: some('U1', 'U2', 'S1'),
  channels: fc.oneof(fc.constant(['*']), some('C1', 'C2')),
  hosts: fc.constantFrom(...Object.keys(EXPRESSIONS)),
  actions: some('run', 'put', 'get', 'cancel', 'audit'),
  commands: fc.oneof(
    fc.constant(['*']),
    some('uptime', 'df **', 'systemctl status *', 'ls -* /srv/*', 'cat /var/log/*'),
  ),
  paths: fc.oneof(fc.constant(['*']), some('/tmp/**', '/etc/motd', '/var/*/x', '/srv/**/y')),
  guests: fc.boolean(),
  shared: fc.boolean(),
});

export function writeRules(rules: readonly RuleWords[]): Allowlist {
  const sections = rules.map(({ users, channels, hosts, actions, commands, paths, guests, shared }, i) =>
    [
      `[r${i}]`,
      `users = ${users.join(', ')}`,
      `channels = ${channels.join(', ')}`,
      `hosts = ${hosts}`,
      `actions = ${actions.join(', ')}`,
      `commands = ${commands.join(', ')}`,
      `paths = ${paths.join(', ')}`,
      `guests = ${guests ? 'yes' : 'no'}`,
      `shared = ${shared ? 'yes' : 'no'}`,
    ].join('\n'),
  );
  return parseAllowlist(sections.join('\n'), 'allowlist.ini', FLEET);
}

// ── the model ────────────────────────────────────────────────────────────────────────────────────────────

export interface Question {
  readonly user: string;
  readonly isInGroup: boolean;
  readonly isGuest: boolean;
  readonly isShared: boolean;
  readonly channel: string;
  readonly host: string;
  readonly work:
    | { readonly action: 'run'; readonly command: string }
    | { readonly action: 'put' | 'get'; readonly local: string; readonly remote: string };
}

/** Whether one of the rules grants it: by README's words, by nothing of `src/policy`. */
export function isGranted(rules: readonly RuleWords[], asked: Question): boolean {
  return rules.some(
    (rule) =>
      (rule.users.includes(asked.user) || (asked.isInGroup && rule.users.includes('S1'))) &&
      (!asked.isGuest || rule.guests) &&
      (!asked.isShared || rule.shared) &&
      (rule.channels.includes('*') || rule.channels.includes(asked.channel)) &&
      (EXPRESSIONS[rule.hosts] ?? []).some((host) => host === asked.host) &&
      rule.actions.includes(asked.work.action) &&
      (asked.work.action === 'run'
        ? isCommandGranted(rule.commands, asked.work.command)
        : isCopyGranted(rule.paths, asked.work)),
  );
}

function isCommandGranted(patterns: readonly string[], command: string): boolean {
  if (patterns.includes('*')) return true;
  // Plain words and nothing else; a first word that sets a variable, and `=word`, mean something to a shell.
  if (!/^[A-Za-z0-9_./:,=+@ \t-]*$/.test(command)) return false;
  const words = command.split(/[ \t]/).filter(Boolean);
  if (words[0]?.includes('=') === true || words.some((word) => word[0] === '=')) return false;
  return patterns.some((pattern) => coversWords(pattern.split(' '), words));
}

function coversWords([part, ...rest]: readonly string[], words: readonly string[]): boolean {
  if (part === undefined) return words.length === 0;
  if (part === '*' || part === '**') {
    for (let taken = 0; ; taken++) {
      if (coversWords(rest, words.slice(taken))) return true;
      const word = words[taken];
      if (word === undefined || (part === '*' && word.startsWith('-'))) return false;
    }
  }
  const [word, ...others] = words;
  if (word === undefined || !coversWord(part, word)) return false;
  return coversWords(rest, others);
}

function coversWord(part: string, word: string): boolean {
  if (!part.includes('*')) return part === word;
  if (part.startsWith('-') !== word.startsWith('-')) return false;
  if (part.includes('/') && word.split(/[/:,=]/).includes('..')) return false;
  const [head = '', tail = ''] = part.split('*');
  return word.length >= head.length + tail.length && word.startsWith(head) && word.endsWith(tail);
}

function isCopyGranted(
  patterns: readonly string[],
  { action, local, remote }: Extract<Question['work'], { readonly local: string }>,
): boolean {
  if (patterns.includes('*')) return true;
  const inFolder = `${remote.replace(/\/$/, '')}/${local.split('/').at(-1)}`;
  const touched = action === 'get' ? [remote] : remote.endsWith('/') ? [inFolder] : [remote, inFolder];
  return touched.every((path) => patterns.some((pattern) => coversPath(pattern, path)));
}

function coversPath(pattern: string, path: string): boolean {
  if (
    !path.startsWith('/') ||
    path
      .split('/')
      .slice(1)
      .some((part) => ['', '.', '..'].includes(part))
  )
    return false;
  switch (pattern) {
    case '/tmp/**':
      return path === '/tmp' || path.startsWith('/tmp/');
    case '/srv/**/y':
      return path.startsWith('/srv/') && path.endsWith('/y');
    case '/var/*/x':
      return /^\/var\/[^/]+\/x$/.test(path);
    default:
      return path === pattern;
  }
}

// ── what is typed ────────────────────────────────────────────────────────────────────────────────────────

const anyTerm = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(...HOSTS, 'all', '@web', '@db', 'fe*', 'fe[01-03]', 'FE01', '!fe02', '!@db'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('fe[01-', 'fe[03-01]', '[', '*', '!', '', '@nope', 'fe04', '10.0.0.1', SECRET),
  },
  { weight: 1, arbitrary: anyChars },
);
const anyList = fc
  .array(anyTerm, { minLength: 1, maxLength: 4 })
  .chain((terms) => fc.constantFrom(',', ', ', ' ,', ',,').map((comma) => terms.join(comma)));
const anyWord = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'uptime',
      'df',
      '-h',
      '/',
      'systemctl',
      'status',
      '-H',
      'ls',
      '-l',
      '/srv/a',
      '/srv/../etc',
      'cat',
      '/var/log/x',
      '/var/log/../x',
      'A=b',
      '=df',
      ';',
      '|',
      '&&',
      '$HOME',
      '*',
      '"',
      SECRET,
      '-g',
      'web',
    ),
  },
  { weight: 1, arbitrary: anyChars },
);
export const anyCommand = fc.array(anyWord, { minLength: 1, maxLength: 5 }).map((words) => words.join(' '));
const anyQuoted = fc
  .tuple(
    anyCommand,
    fc.constantFrom(['"', '"'], ["'", "'"], ['“', '”'], ['`', '`'], ['```', '```'], ['', ''], ['"', '']),
  )
  .map(([command, [open, close]]) => `${open}${command}${close}`);
export const anyPath = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '/tmp/',
      '/tmp',
      '/tmp/a',
      '/etc/motd',
      '/var/log/x',
      '/srv/y',
      '/srv/a/b/y',
      '/tmp/../etc/motd',
      '/tmp//a',
      'a',
      '..',
      '/',
      'slack:a.txt',
    ),
  },
  { weight: 1, arbitrary: anyChars },
);
const anyOption = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom('-h', '-g', '-x', '—h', '--hosts', '-H'), anyList) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom('-c', '-t', '-fold'),
        fc.constantFrom('1', '64', '0', '-1', '1e9', '5m', '99999999999h', 'similar', '∞'),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom('-n', '-diff', '-q', '-', '--'), fc.constant('')) },
    { weight: 1, arbitrary: fc.tuple(anyChars, anyChars) },
  )
  .map((parts) => parts.join(' '));

/** Mostly right, so that what lies behind the grammar is reached as well. */
export const anyTyped: fc.Arbitrary<{ readonly command: string; readonly text: string }> = fc.oneof(
  fc
    .tuple(fc.array(anyOption, { maxLength: 4 }), anyQuoted, fc.boolean())
    .map(([options, command, isPlain]) => ({
      command: '/batch_run',
      text: isPlain
        ? `-h fe01,fe02 ${options.join(' ')} -cmd ${command}`
        : `${options.join(' ')} -cmd ${command}`,
    })),
  fc
    .tuple(
      fc.array(anyOption, { maxLength: 3 }),
      fc.constantFrom('put', 'get', 'PUT', 'move'),
      anyPath,
      anyPath,
      fc.boolean(),
    )
    .map(([options, action, one, other, isLong]) => ({
      command: '/batch_scp',
      text: `-g web ${options.join(' ')} -action ${action} ${isLong ? `-local ${one} -remote ${other}` : `${one} ${other}`}`,
    })),
  fc
    .tuple(
      fc.constantFrom('hosts', 'runs', 'show', 'cancel', 'retry', 'can', 'queue', 'trust', 'help', 'nope'),
      fc.array(fc.oneof(anyTerm, fc.constantFrom('r-7k3f', '5', 'failed')), { maxLength: 3 }),
    )
    .map(([verb, words]) => ({ command: '/batch', text: `${verb} ${words.join(' ')}` })),
  fc
    .tuple(
      fc.constantFrom('/batch', '/batch_run', '/batch_scp', '/nope'),
      fc.array(anyChars, { maxLength: 12 }),
    )
    .map(([command, parts]) => ({
      command,
      text: parts.join(' '),
    })),
);
