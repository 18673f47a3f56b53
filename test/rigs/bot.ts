import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalSlack, openLocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { type LocalSlackOptions, readManifest } from '../../src/sandbox/slack/options.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import { type Sshd, startSshd } from './sshd.ts';

export const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const MANIFEST = new URL('../../manifest.yml', import.meta.url);

/** Ada may do everything in #ops, Bob is in no rule; the bot is in #ops and #audit, not in #secret. */
export const ADA = 'U0ADA0001';
export const BOB = 'U0BOB0001';
export const OPS = 'C0OPS0001';
export const AUDIT = 'C0AUD0001';
export const SECRET = 'C0SEC0001';
export const BOT = 'U0BOT0001';

/** How Slack sends typed `& < >` where a test does not say: see text-mode.ts. */
const TEXT_MODE = process.env.TEXT_MODE === 'entities' ? 'entities' : 'raw';

export function openTeamSlack(options: Partial<LocalSlackOptions> = {}): Promise<LocalSlack> {
  return openLocalSlack({
    manifest: readManifest(MANIFEST),
    slashText: TEXT_MODE,
    formText: TEXT_MODE,
    users: [
      { id: ADA, name: 'ada' },
      { id: BOB, name: 'bob' },
    ],
    channels: [
      { id: OPS, name: 'ops', members: [ADA, BOB, BOT] },
      { id: AUDIT, name: 'audit', members: [ADA, BOT] },
      { id: SECRET, name: 'secret', kind: 'private', members: [ADA, BOB] },
    ],
    ...options,
  });
}

/** The folder a bot lives in: its files, database and transfers outlive the process, as on a real machine. */
export interface Home extends AsyncDisposable {
  readonly folder: string;
  path(...parts: string[]): string;
}

export async function makeHome(files: Readonly<Record<string, string | Uint8Array>>): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-home-'));
  await mkdir(join(folder, 'data/transfers'), { recursive: true });
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o600 });
  return {
    folder,
    path: (...parts) => join(folder, ...parts),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export const EVERYTHING = `
[oncall]
users = ${ADA}
channels = ${OPS}, ${SECRET}
hosts = all
actions = run, put, get
commands = *
paths = /**
`;

/** Hosts h1, h2, … on the addresses of one sshd, logged in with its key; all of them in the group [web]. */
export function inventoryOf(sshd: Sshd, addresses: readonly string[], keyPath: string): string {
  const hosts = addresses.map((ip, i) => `[h${i + 1}]\nip = ${ip}\n`);
  const members = addresses.map((_, i) => `h${i + 1} = True\n`);
  return [
    `[DEFAULT]\nport = ${sshd.port}\nuser = ${sshd.user}\nkey = ${keyPath}\n`,
    ...hosts,
    `[web]\n${members.join('')}`,
  ].join('\n');
}

export interface Bot extends AsyncDisposable {
  readonly process: ChildProcess;
  /** All that it said so far, on both streams. */
  output(): string;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

/** A program that starts the bot, in another folder than its home where it has to be: then the paths are whole. */
export interface Started {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

/** The real process, by the contract alone: the environment, the files, and Slack. */
export function spawnBot(
  home: Home,
  slack: LocalSlack,
  env: Readonly<Record<string, string>> = {},
  { program, args, cwd }: Started = { program: process.execPath, args: [MAIN] },
): Bot {
  const child = spawn(program, args, {
    cwd: cwd ?? home.folder,
    env: {
      PATH: process.env.PATH,
      HOME: home.folder,
      SLACK_API_URL: slack.apiUrl,
      SLACK_BOT_TOKEN: slack.settings.tokens.bot,
      SLACK_APP_TOKEN: slack.settings.tokens.app,
      BATCHOPS_AUDIT_CHANNEL: AUDIT,
      BATCHOPS_HTTP_ADDR: '127.0.0.1:0',
      // Told, so that no test has to be asked about it first; those about the asking say `auto`.
      ...(slack.settings.slashText === 'entities' && { BATCHOPS_SLASH_TEXT: 'entities' }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => (code as number | null) ?? String(signal));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return await ended;
  };
  return {
    process: child,
    output: () => output,
    ended,
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
    },
  };
}

/** A bot that Slack can reach. */
export async function startBot(
  home: Home,
  slack: LocalSlack,
  env?: Readonly<Record<string, string>>,
  started?: Started,
): Promise<Bot> {
  const bot = spawnBot(home, slack, env, started);
  const ready = Promise.withResolvers<void>();
  const look = (): void => {
    if (bot.output().includes('Batchops is ready')) ready.resolve();
  };
  bot.process.stdout?.on('data', look);
  void bot.ended.then((how) =>
    ready.reject(new Error(`the bot ended (${how}) before it was ready:\n${bot.output()}`)),
  );
  await ready.promise;
  return bot;
}

/** All that a person can read in a message or view. */
export function shown(value: unknown): string {
  const texts: string[] = [];
  const walk = (inner: unknown): void => {
    if (Array.isArray(inner)) inner.forEach(walk);
    else if (typeof inner === 'object' && inner !== null) {
      for (const [key, one] of Object.entries(inner)) {
        if (key === 'text' && typeof one === 'string') texts.push(one);
        else walk(one);
      }
    }
  };
  walk(value);
  return texts.join('\n');
}

/** A slash command of Ada's. */
export const ada = (text: string, command = '/batch_run', channel = OPS) => ({
  user: ADA,
  channel,
  command,
  text,
});

/** The newest root message, once its summary stands. */
export function finished(slack: LocalSlack, count = 1, withinMs = 60_000): Promise<StoredMessage> {
  return slack.waitFor(() => {
    const roots = slack.messages(OPS).filter((message) => message.isFromApp);
    const root = roots.at(-1);
    return (
      roots.length >= count && root !== undefined && / of [\d,]+ in [\d.]+ (s|min)/.test(root.text) && root
    );
  }, withinMs);
}

export const ADDRESSES = ['127.0.1.1', '127.0.1.2', '127.0.1.3'];

/** The bot, a strict Slack and three hosts on one real sshd. */
export interface Stage extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly sshd: Sshd;
  readonly home: Home;
  readonly bot: Bot;
}

export async function openStage(
  more: {
    inventory?: string;
    allowlist?: string;
    env?: Record<string, string>;
    slack?: Partial<LocalSlackOptions>;
  } = {},
): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const slack = stack.use(await openTeamSlack(more.slack));
  const sshd = stack.use(await startSshd({ addresses: ADDRESSES }));
  const home = stack.use(await makeHome({ key: `${sshd.key.private.trimEnd()}\n` }));
  await writeFile(
    home.path('inventory.ini'),
    inventoryOf(sshd, ADDRESSES, home.path('key')) + (more.inventory ?? ''),
  );
  await writeFile(home.path('allowlist.ini'), more.allowlist ?? EVERYTHING);
  const bot = stack.use(await startBot(home, slack, more.env));
  return { slack, sshd, home, bot, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
