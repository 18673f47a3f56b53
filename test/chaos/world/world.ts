import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';
import { randomOf } from '../../../src/run/rollout/order.ts';
import type { LocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import type { LocalSlackOptions } from '../../../src/sandbox/slack/options.ts';
import { TRAFFIC, type Traffic } from '../../../src/sandbox/slack/traffic.ts';
import type { StoredMessage } from '../../../src/sandbox/slack/workspace/message.ts';
import { ADA, type Home, shown } from '../../rigs/bot.ts';
import type { SimulatedHosts } from '../../rigs/simulated/simulated-hosts.ts';
import type { Asked, Fact, Wish } from './asked.ts';
import type { Link } from './link.ts';
import { CHANNELS, channelId } from './names.ts';
import type { Random } from './random.ts';
import { Replica } from './replica.ts';
import type { Server } from './server.ts';
import { type StoreView, tagOf, viewPostgres, viewSqlite } from './store-view.ts';

const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname;
const START_MS = 90_000;
const LOOK_MS = 5;
const PATIENCE_MS = 500;
/** Of several processes now and then all die at once. */
const ALL_OF_THEM = 0.2;

export type StoreKind = 'sqlite' | 'postgres';

export interface WorldOptions {
  readonly hosts: number;
  readonly seed: number;
  /** Default: SQLite, in the bot's home. */
  readonly store?: StoreKind;
  /** How much fits on the disk of a PostgreSQL; as much as on the machine's where left out. */
  readonly serverKib?: number;
  /** How many processes share a PostgreSQL. */
  readonly replicas?: number;
  /** Hears what the scenario is at. */
  readonly say?: (line: string) => void;
  readonly env?: Readonly<Record<string, string>>;
  /** The bot's wall clock is then off by what `clockFile` says, in ms. */
  readonly setsClock?: boolean;
  readonly slack?: Partial<LocalSlackOptions>;
}

/** Where one of the processes lives. */
export interface Site {
  readonly home: Home;
  readonly key: string;
  readonly link: Link | undefined;
}

export interface WorldParts {
  readonly slack: LocalSlack;
  readonly hosts: SimulatedHosts;
  readonly sites: readonly [Site, ...Site[]];
  readonly server: Server | undefined;
}

/** The real bot, as a process or some, between the strict local Slack and hosts that keep a record of their own. */
export class World implements AsyncDisposable {
  readonly slack: LocalSlack;
  readonly hosts: SimulatedHosts;
  readonly replicas: readonly [Replica, ...Replica[]];
  readonly store: StoreView;
  readonly random: Random;
  readonly hostCount: number;
  /** Says what the scenario is at. */
  readonly note: (line: string) => void;
  readonly asked: Asked[] = [];
  /** From each start after a crash of all to the first message that says `interrupted`. */
  readonly interruptedMs: number[] = [];
  /** While none of the processes was there, in epoch ms: nobody can have noticed anything then. */
  readonly absences: { readonly from: number; readonly until: number }[] = [];
  readonly #server: Server | undefined;
  readonly #env: Readonly<Record<string, string>>;
  readonly #looks = new Set<(fact: Fact) => void>();
  readonly #stack: AsyncDisposableStack;
  #startedAt: number | undefined;
  #kills = 0;

  constructor(stack: AsyncDisposableStack, parts: WorldParts, options: WorldOptions) {
    this.#stack = stack;
    this.slack = parts.slack;
    this.hosts = parts.hosts;
    this.#server = parts.server;
    this.store =
      parts.server === undefined
        ? viewSqlite(parts.sites[0].home.path('data/batchops.db'))
        : viewPostgres(parts.server);
    this.random = randomOf(options.seed);
    this.hostCount = options.hosts;
    this.note = options.say ?? (() => {});
    this.#env = {
      BATCHOPS_PERSON_RUNS: '1000',
      BATCHOPS_PERSON_WAITING: '200000',
      BATCHOPS_PERSON_CONCURRENCY: '100',
      // So that each has a part of a run.
      ...(parts.server && { BATCHOPS_CONCURRENCY: '40' }),
      ...(options.setsClock === true && {
        NODE_OPTIONS: `--import=${new URL('set-clock.ts', import.meta.url).pathname}`,
      }),
      ...options.env,
    };
    const [first, ...others] = parts.sites.map((site, n) => this.#settle(site, `replica ${n + 1}`));
    if (first === undefined) throw new Error('a world without a bot');
    this.replicas = [first, ...others];
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

  #settle({ home, key, link }: Site, name: string): Replica {
    const { slack } = this;
    const url = new URL(this.store.url);
    if (link !== undefined) url.port = String(link.port);
    const env = { ...this.#envOf(home, url.href), CHAOS_CLOCK: home.path('clock-ms') };
    const keep = (bot: AsyncDisposable): void => void this.#stack.use(bot);
    return new Replica({ name, home, key, link, slack, env, keep });
  }

  #envOf(home: Home, url: string): Readonly<Record<string, string>> {
    return {
      BATCHOPS_DATABASE_URL: url,
      BATCHOPS_INVENTORY: home.path('inventory.ini'),
      BATCHOPS_KNOWN_HOSTS: home.path('known_hosts'),
      BATCHOPS_ALLOWLIST: home.path('allowlist.ini'),
      ...this.#env,
    };
  }

  /** The PostgreSQL of those scenarios that have one. */
  get server(): Server {
    if (this.#server === undefined) throw new Error('this world has no server');
    return this.#server;
  }

  get isShared(): boolean {
    return this.#server !== undefined;
  }

  /** Something that happens to the database may make anything unknown that runs. */
  troubleAll(): void {
    for (const { troubledAt } of this.replicas) troubledAt.push(Date.now());
  }

  /** One of the processes. */
  pick(): Replica {
    return this.replicas[Math.floor(this.random() * this.replicas.length)] ?? this.replicas[0];
  }

  /** Who began most of it: what is done to that one is done to its commands. */
  holderOf({ tag }: Asked): Replica {
    const count = ({ key }: Replica): number =>
      this.hosts.events.filter((one) => one.what === 'began' && one.tag === tag && one.by === key).length;
    return this.replicas.toSorted((one, other) => count(other) - count(one))[0] ?? this.pick();
  }

  /** Goes when the world ends, after the bots that were started on it. */
  keep(what: Disposable): void {
    this.#stack.use(what);
  }

  get kills(): number {
    return this.#kills;
  }

  async start(): Promise<void> {
    await Promise.all(this.replicas.map((one) => one.start()));
    await this.#becomeReachable();
  }

  /** kill -9 of one: who did what has just happened, where that is known. Now and then of all. */
  crash(fact?: Fact): void {
    const doer = fact?.from === 'hosts' && this.replicas.find(({ key }) => key === fact.event.by);
    const isAll = this.random() < ALL_OF_THEM;
    for (const one of isAll ? this.replicas : [doer || this.pick()]) this.kill(one);
  }

  kill(one: Replica): void {
    if (one.isDown) return;
    this.#kills++;
    one.crash();
  }

  /** Those that are down. */
  async restart(): Promise<void> {
    const down = this.replicas.filter(({ isDown }) => isDown);
    await Promise.all(down.map(({ bot }) => bot.ended));
    if (!this.isShared) this.#startedAt = performance.now();
    const from = Math.min(...down.flatMap(({ goneAt }) => goneAt.at(-1) ?? []));
    await Promise.all(down.map((one) => one.start()));
    if (down.length === this.replicas.length) this.absences.push({ from, until: Date.now() });
    await this.#becomeReachable();
  }

  async #becomeReachable(): Promise<void> {
    await this.slack.waitFor(() => this.slack.socketCount > 0, START_MS);
  }

  /** Types a command on the first so many hosts, in a channel where nothing else was asked for unless one is named. */
  ask({ hosts, seconds = '0.02-0.18', options = '', fillBytes = 0, channel }: Wish): Asked {
    const tag = `t${this.asked.length}`;
    const where = channel ?? channelId(this.asked.length % CHANNELS);
    const last = String(hosts - 1).padStart(4, '0');
    const outcome = this.slack.command({
      user: ADA,
      channel: where,
      command: '/batch_run',
      text: `-h h[0000-${last}] ${options} -cmd "sleep ${seconds}; fill ${fillBytes}; echo tag=${tag}"`,
    });
    const leastMs = Number.parseFloat(seconds) * 1_000;
    const asked = { tag, channel: where, hosts, leastMs, outcome };
    this.asked.push(asked);
    return asked;
  }

  /** Types it until it has begun on a host: what is refused is asked for again, as a person would. */
  async begin(wish: Wish): Promise<Asked> {
    const until = performance.now() + START_MS;
    while (performance.now() < until) {
      const asked = this.ask(wish);
      const outcome = await asked.outcome;
      const hasBegun = (): boolean => this.hosts.events.some(({ tag }) => tag === asked.tag);
      const isRefused = (): boolean => outcome.answers().length > 0 && this.rootOf(asked) === undefined;
      while (!hasBegun() && !isRefused() && performance.now() < until) await delay(LOOK_MS);
      if (hasBegun()) return asked;
      this.note(`${asked.tag} is asked for again: ${outcome.answers().map(shown).join(' ').slice(0, 200)}`);
      await delay(PATIENCE_MS);
    }
    throw new Error('nothing could be begun');
  }

  rootOf({ channel, tag }: Asked): StoredMessage | undefined {
    return this.slack.messages(channel).find((message) => message.isFromApp && tagOf(message.text) === tag);
  }

  /** Resolves as the fact happens, having told `atOnce` within it. */
  async when(
    isIt: (fact: Fact) => boolean,
    atOnce: (fact: Fact) => void = () => {},
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
      atOnce(fact);
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
    const { home } = this.replicas[0];
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'audit', ...words], {
      cwd: home.folder,
      env: { PATH: process.env.PATH, ...this.#envOf(home, this.store.url), NODE_OPTIONS: '' },
      encoding: 'utf8',
    });
    return { code: status, said: stdout + stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
