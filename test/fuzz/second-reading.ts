import { EXPRESSIONS, type RuleWords } from './fleet.ts';

export interface Question {
  readonly user: string;
  readonly isInGroup: boolean;
  readonly isGuest: boolean;
  readonly isShared: boolean;
  readonly channel: string;
  readonly host: string;
  readonly work:
    | {
        readonly action: 'run';
        readonly command: string;
        readonly sudo?: string;
        readonly script?: object;
        readonly stdin?: object;
        readonly env?: readonly unknown[];
      }
    | { readonly action: 'ping' }
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
      isWorkGranted(rule, asked.work),
  );
}

function isWorkGranted(rule: RuleWords, work: Question['work']): boolean {
  // Whoever may run anything there may look at it.
  if (work.action === 'ping') return rule.actions.includes('run');
  if (!rule.actions.includes(work.action)) return false;
  return work.action === 'run' ? isRunGranted(rule, work) : isCopyGranted(rule.paths, work);
}

function isRunGranted(
  { actions, commands }: RuleWords,
  { command, sudo, script, stdin, env }: Extract<Question['work'], { readonly action: 'run' }>,
): boolean {
  if (sudo !== undefined && !actions.includes('sudo')) return false;
  // Free text: patterns do not hold over it.
  if (script !== undefined || stdin !== undefined || env !== undefined) return commands.includes('*');
  return isCommandGranted(commands, command);
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
      if (word === undefined || (part === '*' && /^[-+]/.test(word))) return false;
    }
  }
  const [word, ...others] = words;
  if (word === undefined || !coversWord(part, word)) return false;
  return coversWords(rest, others);
}

function coversWord(part: string, word: string): boolean {
  if (!part.includes('*')) return part === word;
  if (['-', '+'].some((sign) => part.startsWith(sign) !== word.startsWith(sign))) return false;
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
  const touched =
    action === 'get'
      ? [remote.replace(/(?<=.)\/$/, '')]
      : remote.endsWith('/')
        ? [inFolder]
        : [remote, inFolder];
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
