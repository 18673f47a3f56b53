import { Refusal } from '../errors.ts';
import { parseBotCommand } from './bot-command.ts';
import { type FleetOptions, readFleetOptions } from './fleet-options.ts';
import { optionsOf } from './options.ts';
import {
  COPY_FLAGS,
  type CopyOptions,
  type FleetRequest,
  type Request,
  type RequestedWork,
} from './request.ts';
import {
  checkRollout,
  parseHosts,
  parseMaxFail,
  parseOrder,
  parseSerial,
  type RequestedRollout,
  rolloutOf,
} from './rollout/parse.ts';
import { type CommandName, USAGE } from './usage.ts';
import { optionName, readWord, shown, unwrapFence } from './words.ts';

/** What was typed → what is meant, or a `Refusal` that names the word, the remedy and the line of use. */
export function parseCommand(command: string, text: string): Request {
  const name = Object.keys(USAGE).find((known): known is CommandName => known === command);
  // Slack only sends what the manifest lists: this is an app whose manifest lists more than the bot knows.
  if (name === undefined) throw new Refusal('usage', `${shown(command)} is not a command of Batchops.`);
  try {
    if (name === '/batch') return parseBotCommand(text);
    return asksForHelp(text) ? { kind: 'help' } : parseFleetCommand(name, text);
  } catch (error) {
    throw withUsage(error, name);
  }
}

/** The same refusal, with the line of use below it. */
export function withUsage(error: unknown, name: CommandName): unknown {
  if (!(error instanceof Refusal) || error.usage !== undefined) return error;
  const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
  return new Refusal(error.code, error.message, { ...remedy, usage: USAGE[name], about: error.about });
}

function asksForHelp(sent: string): boolean {
  const text = unwrapFence(sent, 0);
  const word = readWord(text, 0);
  if (word === undefined || readWord(text, word.end) !== undefined) return false;
  return /^(help|\?)$/i.test(optionName(word) ?? word.text);
}

function parseFleetCommand(name: '/batch_run' | '/batch_scp', text: string): FleetRequest {
  const options = readFleetOptions(text, optionsOf(name === '/batch_run' ? 'run' : 'copy'));
  const hosts = options.lists.get('h') ?? [];
  const groups = options.lists.get('g') ?? [];
  if (hosts.length === 0 && groups.length === 0) {
    throw new Refusal('usage', 'No hosts are named.', {
      remedy:
        'Name some with -h or -g; every host is -h all. ' +
        'A command without quotes takes in all that follows -cmd, also options.',
    });
  }
  const fanOut = options.words.get('c');
  const timeLimit = options.words.get('t');
  const idle = options.words.get('idle');
  const fold = options.words.get('fold');
  const rollout = parseRollout(options);
  return {
    kind: 'fleet',
    hosts,
    groups,
    exclude: options.lists.get('x') ?? [],
    work: name === '/batch_run' ? parseRun(options) : parseCopy(options),
    ...(fanOut === undefined ? {} : { fanOut: parseFanOut(fanOut) }),
    ...(timeLimit === undefined ? {} : { timeLimitMs: parseDuration('t', timeLimit) }),
    ...(idle === undefined ? {} : { idleMs: parseDuration('idle', idle) }),
    ...(rollout === undefined ? {} : { rollout }),
    ...(fold === undefined ? {} : { fold: parseFold(fold) }),
    ...(options.diff ? { diff: true } : {}),
    ...(options.follow ? { follow: checkFollow(fold, options) } : {}),
    preview: options.preview,
    notes: options.notes,
  };
}

/** Results that are folded have no reply that could be followed. */
function checkFollow(fold: string | undefined, { diff }: FleetOptions): true {
  if (fold === undefined && !diff) return true;
  throw new Refusal('usage', `-follow and ${diff ? '-diff' : '-fold'} do not go together.`, {
    remedy: '-follow shows one host as it speaks; leave one of the two out.',
  });
}

/** Undefined where none of its options was there. */
function parseRollout({ lists, words }: FleetOptions): RequestedRollout | undefined {
  const serial = lists.get('serial');
  const read = <T>(name: Parameters<typeof words.get>[0], parse: (word: string) => T): T | undefined => {
    const word = words.get(name);
    return word === undefined ? undefined : parse(word);
  };
  const rollout = checkRollout(
    rolloutOf({
      serial: serial && parseSerial(serial),
      canary: read('canary', (word) => parseHosts('canary', word)),
      maxFail: read('maxfail', parseMaxFail),
      waitMs: read('wait', (word) => parseDuration('wait', word)),
      order: read('order', parseOrder),
      pick: read('pick', (word) => parseHosts('pick', word)),
    }),
  );
  return Object.keys(rollout).length === 0 ? undefined : rollout;
}

function parseRun(options: FleetOptions): RequestedWork {
  const { command, sudo, env, args = [] } = options;
  const local = options.words.get('script');
  const stdin = options.words.get('stdin');
  if (command === undefined && local === undefined) {
    throw new Refusal('usage', '-cmd is missing.', {
      remedy: 'Say what to run: -cmd "df -h", or -script FILE.',
    });
  }
  if (command !== undefined && local !== undefined) {
    throw new Refusal('usage', '-cmd and -script do not go together.', { remedy: 'Leave one out.' });
  }
  return {
    action: 'run',
    command: command ?? '',
    ...(sudo !== undefined && { sudo }),
    ...(local !== undefined && { script: { local: checkPath('script', local, 'put'), args } }),
    ...(stdin !== undefined && { stdin: { local: checkPath('stdin', stdin, 'put') } }),
    ...(env.length > 0 && { env }),
  };
}

function parseCopy(options: FleetOptions): RequestedWork {
  const [verb, ...names] = options.action ?? [];
  if (verb === undefined) {
    throw new Refusal('usage', '-action is missing.', { remedy: 'Say -action put or -action get.' });
  }
  const action = ['put' as const, 'get' as const].find((known) => known === verb.toLowerCase());
  if (action === undefined) {
    throw new Refusal('usage', `-action ${shown(verb)} is neither put nor get.`, {
      remedy: 'put sends a file to the hosts, get fetches one from them.',
    });
  }
  const local = options.words.get('local');
  const remote = options.words.get('remote');
  const [first, second] = names;
  const order = action === 'put' ? '-action put LOCAL REMOTE' : '-action get REMOTE LOCAL';
  if (first !== undefined && (local !== undefined || remote !== undefined)) {
    throw new Refusal(
      'usage',
      `${shown(first)} behind -action ${action} and -local or -remote do not go together.`,
      {
        remedy: `Write either ${order}, or -local and -remote.`,
      },
    );
  }
  if (first !== undefined && second === undefined) {
    throw new Refusal('usage', `-action ${action} ${shown(first)} is incomplete: a second name is missing.`, {
      remedy: `Write ${order}.`,
    });
  }
  const isPut = action === 'put';
  const paths = {
    local: local ?? (isPut ? first : second),
    remote: remote ?? (isPut ? second : first),
  };
  return {
    action,
    local: checkPath('local', paths.local, action),
    remote: checkPath('remote', paths.remote, action),
    ...parseCopyOptions(action, options.flags),
  };
}

/** What is typed of a copy's options. A `Refusal` where one says nothing of this direction. */
export function parseCopyOptions(
  action: 'put' | 'get',
  flags: ReadonlySet<string>,
): { readonly options?: CopyOptions } {
  const given = COPY_FLAGS.filter(([name]) => flags.has(name));
  const odd = given.find(
    ([name]) => action === 'get' && (name === 'mkdir' || name === 'backup' || name === 'resume'),
  );
  if (odd !== undefined) {
    throw new Refusal('usage', `-${odd[0]} goes with -action put only.`, {
      remedy:
        'What is fetched gets a folder for each host by itself, and replaces what was fetched there before.',
    });
  }
  if (given.length === 0) return {};
  return { options: Object.fromEntries(given.map(([, key]) => [key, true])) };
}

export function checkPath(
  option: 'local' | 'remote' | 'script' | 'stdin',
  path: string | undefined,
  action: 'put' | 'get',
): string {
  if (path === undefined) {
    throw new Refusal('usage', `-${option} is missing.`, {
      remedy: action === 'put' ? 'Write -local FILE -remote PATH.' : 'Write -remote PATH -local NAME.',
    });
  }
  if (/\p{Cc}/u.test(path) || !path.isWellFormed()) {
    throw new Refusal('usage', `-${option} ${shown(path)} holds a control character.`, {
      remedy: 'Type it anew: it most likely came with a paste.',
    });
  }
  return option === 'local' ? withoutSlash(path) : path;
}

/** A folder here is the same with a slash at its end, and its name is what stands before it. */
function withoutSlash(path: string): string {
  let end = path.length;
  while (end > 1 && path.charAt(end - 1) === '/') end -= 1;
  return path.slice(0, end);
}

export function parseFanOut(word: string): number {
  const fanOut = /^\d{1,6}$/.test(word) ? Number(word) : 0;
  if (fanOut >= 1) return fanOut;
  throw new Refusal('usage', `-c ${shown(word)} is not a number of hosts.`, {
    remedy: 'Write a whole number from 1 on, as in -c 10.',
  });
}

function parseFold(word: string): 'exact' | 'similar' {
  const fold = (['exact', 'similar'] as const).find((known) => known === word.toLowerCase());
  if (fold !== undefined) return fold;
  throw new Refusal('usage', `-fold ${shown(word)} is neither exact nor similar.`, {
    remedy: "similar counts results as one that differ in the host's own name and address only.",
  });
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

export function parseDuration(option: 't' | 'idle' | 'wait', word: string): number {
  const [, count = '0', unit = ''] = /^(\d{1,6})([smh])$/i.exec(word) ?? [];
  const durationMs = Number(count) * (UNIT_MS[unit.toLowerCase()] ?? 0);
  if (durationMs > 0) return durationMs;
  throw new Refusal('usage', `-${option} ${shown(word)} is not a duration.`, {
    remedy: /^\d+$/.test(word)
      ? `Write the unit too: -${option} ${word}s for seconds, -${option} ${word}m for minutes.`
      : 'Write it as 30s, 5m or 1h.',
  });
}
