import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { randomOf } from '../../../src/run/rollout/order.ts';
import type { Outcome } from '../../../src/sandbox/slack/delivery/outcome.ts';
import type { LocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import type { LocalSlackOptions } from '../../../src/sandbox/slack/options.ts';
import { TRAFFIC, type Traffic } from '../../../src/sandbox/slack/traffic.ts';
import type { StoredMessage } from '../../../src/sandbox/slack/workspace/message.ts';
import { ADA, type Bot, type Home, spawnBot } from '../../rigs/bot.ts';
import type { HostEvent } from '../../rigs/simulated/hosts.ts';
import type { SimulatedHosts } from '../../rigs/simulated/simulated-hosts.ts';
import { channelId } from './names.ts';
import type { Random } from './random.ts';
import { type StoreView, viewSqlite } from './store-view.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
/** The very line of `npm start`, from any folder: what is killed is then the bot, and not npm. */
const START = String(JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')).scripts.start).replaceAll(
  /(?:\.\/)?src\//g,
  `${ROOT}src/`,
);
const START_MS = 60_000;

/** A command as it was typed, and what Slack said to who typed it. */
export interface Asked {
  readonly tag: string;
  readonly channel: string;
  readonly hosts: number;
  readonly outcome: Promise<Outcome>;
}

export interface Wish {
  readonly hosts: number;
  /** How long each of its commands takes: `0.02-0.2`. */
  readonly seconds?: string;
  readonly options?: string;
  readonly fillBytes?: number;
  readonly channel?: string;
}

/** What can be seen from outside while it happens. */
export type Fact =
  | { readonly from: 'slack'; readonly part: Traffic }
  | { readonly from: 'hosts'; readonly event: HostEvent };

export interface WorldOptions {
  readonly hosts: number;
  readonly seed: number;
  /** Default: SQLite, in the bot's home. */
  readonly openStore?: (home: Home) => StoreView;
  /** Hears what the scenario is at. */
  readonly say?: (line: string) => void;
  readonly env?: Readonly<Record<string, string>>;
  /** The bot's wall clock is then off by what `clockFile` says, in ms. */
  readonly setsClock?: boolean;
  readonly slack?: Partial<LocalSlackOptions>;
}

/** The real bot as a process of its own between the strict local Slack and hosts that keep a record of their own. */
export class World implements AsyncDisposable {
  readonly slack: LocalSlack;
  readonly hosts: SimulatedHosts;
  readonly home: Home;
  readonly store: StoreView;
  readonly random: Random;
  readonly hostCount: number;
  /** Says what the scenario is at. */
  readonly note: (line: string) => void;
  readonly asked: Asked[] = [];
  /** From each start after a crash to the first message that says `interrupted`. */
  readonly interruptedMs: number[] = [];
  readonly #env: Readonly<Record<string, string>>;
  readonly #looks = new Set<(fact: Fact) => void>();
  readonly #stack: AsyncDisposableStack;
  #bot: Bot | undefined;
  #startedAt: number | undefined;
  #kills = 0;

  constructor(
    stack: AsyncDisposableStack,
    parts: { slack: LocalSlack; hosts: SimulatedHosts; home: Home },
    options: WorldOptions,
  ) {
    this.#stack = stack;
    this.slack = parts.slack;
    this.hosts = parts.hosts;
    this.home = parts.home;
    this.store = options.openStore?.(parts.home) ?? viewSqlite(parts.home.path('data/batchops.db'));
    this.random = randomOf(options.seed);
    this.hostCount = options.hosts;
    this.note = options.say ?? (() => {});
    const clock = {
      CHAOS_CLOCK: this.clockFile,
      NODE_OPTIONS: `--import=${new URL('set-clock.ts', import.meta.url).pathname}`,
    };
    this.#env = { ...options.env, ...(options.setsClock === true ? clock : {}) };
    const tell = (fact: Fact): void => {
      for (const look of [...this.#looks]) look(fact);
    };
    this.hosts.onEvent((event) => tell({ from: 'hosts', event }));
    // Only one local Slack is open at a time in this process.
    const hear = (part: unknown): void => tell({ from: 'slack', part: part as Traffic });
    subscribe(TRAFFIC, hear);
    stack.defer(() => void unsubscribe(TRAFFIC, hear));
    this.slack.workspace.onEvent((event) => {
      if (this.#startedAt === undefined || event.type !== 'message_changed') return;
      if (event.message.threadTs !== null || !/\d interrupted/.test(event.message.text)) return;
      this.interruptedMs.push(performance.now() - this.#startedAt);
      this.#startedAt = undefined;
    });
  }

  get bot(): Bot {
    if (this.#bot === undefined) throw new Error('the bot was never started');
    return this.#bot;
  }

  get clockFile(): string {
    return this.home.path('clock-ms');
  }

  /** Goes when the world ends, after the bots that were started on it. */
  keep(what: Disposable): void {
    this.#stack.use(what);
  }

  get kills(): number {
    return this.#kills;
  }

  get env(): Readonly<Record<string, string>> {
    return {
      BATCHOPS_DATABASE_URL: this.store.url,
      BATCHOPS_INVENTORY: this.home.path('inventory.ini'),
      BATCHOPS_KNOWN_HOSTS: this.home.path('known_hosts'),
      BATCHOPS_ALLOWLIST: this.home.path('allowlist.ini'),
      BATCHOPS_PERSON_RUNS: '1000',
      BATCHOPS_PERSON_WAITING: '200000',
      BATCHOPS_PERSON_CONCURRENCY: '100',
      ...this.#env,
    };
  }

  /** Begins the process, and does not wait for more. */
  spawn(): Bot {
    const bot = spawnBot(this.home, this.slack, this.env, {
      program: 'sh',
      args: ['-c', START.replace(/^exec node /, `exec ${process.execPath} `)],
    });
    this.#stack.use(bot);
    this.#bot = bot;
    return bot;
  }

  async start(): Promise<void> {
    const bot = this.spawn();
    const { stdout } = bot.process;
    const limit = AbortSignal.timeout(START_MS);
    const ended = bot.ended.then((how) => {
      throw new Error(`the bot ended (${how}) before it was ready:\n${bot.output().slice(-2_000)}`);
    });
    ended.catch(() => {});
    while (!bot.output().includes('Batchops is ready') && stdout !== null)
      await Promise.race([once(stdout, 'data', { signal: limit }), ended]);
    await this.slack.waitFor(() => this.slack.socketCount > 0, START_MS);
  }

  /** At once: what the bot does in this very moment is not finished. */
  crash(): void {
    this.#kills++;
    this.bot.process.kill('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.bot.ended;
    this.#startedAt = performance.now();
    await this.start();
  }

  /** Types a command on the first so many hosts, in a channel where nothing else was asked for unless one is named. */
  ask({ hosts, seconds = '0.02-0.18', options = '', fillBytes = 0, channel }: Wish): Asked {
    const tag = `t${this.asked.length}`;
    const where = channel ?? channelId(this.asked.length);
    const last = String(hosts - 1).padStart(4, '0');
    const outcome = this.slack.command({
      user: ADA,
      channel: where,
      command: '/batch_run',
      text: `-h h[0000-${last}] ${options} -cmd "sleep ${seconds}; fill ${fillBytes}; echo tag=${tag}"`,
    });
    const asked = { tag, channel: where, hosts, outcome };
    this.asked.push(asked);
    return asked;
  }

  rootOf({ channel, tag }: Asked): StoredMessage | undefined {
    return this.slack
      .messages(channel)
      .find((message) => message.isFromApp && message.text.includes(`tag=${tag}`));
  }

  /** Resolves as the fact happens, having told `atOnce` within it. */
  async when(
    isIt: (fact: Fact) => boolean,
    atOnce: () => void = () => {},
    timeoutMs = 60_000,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`what was waited for did not come within ${timeoutMs / 1_000} s`)),
      timeoutMs,
    );
    const look = (fact: Fact): void => {
      if (!isIt(fact)) return;
      this.#looks.delete(look);
      atOnce();
      resolve();
    };
    this.#looks.add(look);
    await promise.finally(() => {
      clearTimeout(timer);
      this.#looks.delete(look);
    });
  }

  /** One of the administrator's commands on the store: its exit code and what it said. */
  audit(...words: readonly string[]): { readonly code: number | null; readonly said: string } {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [`${ROOT}src/main.ts`, 'audit', ...words],
      {
        cwd: this.home.folder,
        env: { PATH: process.env.PATH, ...this.env },
        encoding: 'utf8',
      },
    );
    return { code: status, said: stdout + stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
