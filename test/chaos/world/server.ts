import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type PostgresServer, startPostgres } from '../../rigs/postgres.ts';
import { descendantsOf, isAlive } from '../../rigs/processes.ts';
import type { Random } from './random.ts';

const POLL_MS = 20;
const MAX_STARTS = 20;

/** A real PostgreSQL, and what may happen to its processes. */
export class Server implements AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Each commit writes here. */
  readonly writesTo: string;
  /** On the disk that all of it is on. */
  readonly filler: string;
  readonly #server: PostgresServer;
  #stopped: readonly number[] = [];

  private constructor(server: PostgresServer, url: string) {
    this.#server = server;
    this.port = server.port;
    this.url = url;
    this.writesTo = `${server.data}/pg_wal`;
    this.filler = `${server.data}/../filler`;
  }

  /** It gives up by itself where it cannot even recover; whoever looks after it starts it again. */
  async revive(): Promise<boolean> {
    const isUp = existsSync(`${this.writesTo}/../postmaster.pid`) && isAlive(this.#server.pid());
    if (!isUp) await this.start();
    return !isUp;
  }

  static async open(kib?: number): Promise<Server> {
    const server = await startPostgres(false, kib);
    return new Server(server, await server.createDatabase());
  }

  /** One of those that serve the bot, at once: the others end by themselves then, and all is recovered. */
  killBackend(random: Random): void {
    const serving = descendantsOf(this.#server.pid()).filter(servesBot);
    const one = serving[Math.floor(random() * serving.length)];
    if (one !== undefined) process.kill(one, 'SIGKILL');
  }

  /** The first of them, at once: the others end as they notice. */
  async kill(): Promise<void> {
    const pid = this.#server.pid();
    const all = [pid, ...descendantsOf(pid)];
    process.kill(pid, 'SIGKILL');
    while (all.some(isAlive)) await delay(POLL_MS);
  }

  /** A crashed one's memory may be held for a moment by a process that it had just begun: then it will not start. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#server.start();
      } catch (error) {
        if (tries === MAX_STARTS) throw error;
        await delay(POLL_MS * tries);
      }
    }
  }

  /** All of them stand still, as of a machine that is suspended: who connects is let in by the kernel, and hears nothing. */
  freeze(): void {
    const pid = this.#server.pid();
    this.#stopped = [pid, ...descendantsOf(pid)];
    signal(this.#stopped, 'SIGSTOP');
  }

  thaw(): void {
    signal(this.#stopped, 'SIGCONT');
    this.#stopped = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    await this.#server[Symbol.asyncDispose]();
  }
}

function servesBot(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('postgres: batchops ');
  } catch {
    return false;
  }
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, name);
}
