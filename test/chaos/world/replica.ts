import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { LocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import { type Bot, type Home, spawnBot } from '../../rigs/bot.ts';
import type { Link, LinkState } from './link.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
/** The very line of `npm start`, from any folder: what is killed is then the bot, and not npm. */
const START = String(JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')).scripts.start)
  .replaceAll(/(?:\.\/)?src\//g, `${ROOT}src/`)
  .replace(/^exec node /, `exec ${process.execPath} `);
const START_MS = 90_000;

export interface ReplicaParts {
  readonly name: string;
  readonly home: Home;
  readonly slack: LocalSlack;
  readonly env: Readonly<Record<string, string>>;
  /** What hosts know it by. */
  readonly key: string;
  /** Between it and the database, where that is a server. */
  readonly link: Link | undefined;
  /** Of each process that is begun: it is to be gone before its folder is. */
  readonly keep: (bot: Bot) => void;
}

/** One of the bot's processes, and the folder that outlives it. */
export class Replica {
  readonly name: string;
  readonly home: Home;
  readonly key: string;
  readonly link: Link | undefined;
  /** When it went away without a word, in epoch ms: killed, stopped, cut off. */
  readonly goneAt: number[] = [];
  /** When it stood still, in epoch ms. */
  readonly stoodStill: { readonly from: number; until: number }[] = [];
  /** When something else happened to it by which what it runs may become unknown. */
  readonly troubledAt: number[] = [];
  /** By how much its wall clock was off, one after the other. */
  readonly clocksMs: number[] = [0];
  readonly #slack: LocalSlack;
  readonly #env: Readonly<Record<string, string>>;
  readonly #keep: (bot: Bot) => void;
  readonly #bots: Bot[] = [];
  #bot: Bot | undefined;
  #isKilled = false;

  constructor({ name, home, slack, env, key, link, keep }: ReplicaParts) {
    this.name = name;
    this.home = home;
    this.key = key;
    this.link = link;
    this.#slack = slack;
    this.#env = env;
    this.#keep = keep;
  }

  get bot(): Bot {
    if (this.#bot === undefined) throw new Error(`${this.name} was never started`);
    return this.#bot;
  }

  /** All that its processes said, one after the other. */
  output(): string {
    return this.#bots.map((bot) => bot.output()).join('--- killed or ended ---\n');
  }

  /** It has ended, or was killed and is about to. */
  get isDown(): boolean {
    const { exitCode, signalCode } = this.bot.process;
    return this.#isKilled || exitCode !== null || signalCode !== null;
  }

  get clockFile(): string {
    return this.home.path('clock-ms');
  }

  /** Begins the process, and does not wait for more. */
  spawn(): Bot {
    const bot = spawnBot(this.home, this.#slack, this.#env, { program: 'sh', args: ['-c', START] });
    this.#keep(bot);
    this.#bot = bot;
    this.#bots.push(bot);
    this.#isKilled = false;
    return bot;
  }

  async start(): Promise<void> {
    const bot = this.spawn();
    const { stdout } = bot.process;
    const limit = AbortSignal.timeout(START_MS);
    const ended = bot.ended.then((how) => {
      throw new Error(`${this.name} ended (${how}) before it was ready:\n${bot.output().slice(-2_000)}`);
    });
    ended.catch(() => {});
    while (!bot.output().includes('Batchops is ready') && stdout !== null)
      await Promise.race([once(stdout, 'data', { signal: limit }), ended]);
  }

  /** At once: what it does in this very moment is not finished. */
  crash(): void {
    this.goneAt.push(Date.now());
    this.#isKilled = true;
    this.bot.process.kill('SIGKILL');
  }

  /** As somebody asks it to, who may lose patience. */
  terminate(): void {
    this.troubledAt.push(Date.now());
    this.bot.process.kill('SIGTERM');
  }

  freeze(): void {
    this.goneAt.push(Date.now());
    this.stoodStill.push({ from: Date.now(), until: Number.POSITIVE_INFINITY });
    this.bot.process.kill('SIGSTOP');
  }

  thaw(): void {
    this.troubledAt.push(Date.now());
    for (const time of this.stoodStill.slice(-1)) time.until = Date.now();
    this.bot.process.kill('SIGCONT');
  }

  /** It and the database, from now on. */
  cutOff(state: LinkState): void {
    // What only takes longer loses nothing by itself.
    (state === 'slow' ? this.troubledAt : this.goneAt).push(Date.now());
    this.link?.set(state);
  }

  /** What did not pass so far does so now, or its connections are forgotten. */
  reconnect(isForgotten: boolean): void {
    this.troubledAt.push(Date.now());
    this.link?.heal(isForgotten);
  }

  /** The wall clock of its process is off by so much from now on, or from its next start. */
  setClock(offsetMs: number): void {
    this.clocksMs.push(offsetMs);
    writeFileSync(this.clockFile, String(offsetMs));
    if (!this.isDown) this.bot.process.kill('SIGUSR2');
  }
}
