import type { Duplex } from 'node:stream';
import type { Host } from '../../inventory/inventory.ts';
import { Deadline, LONGEST_TIMER_MS } from '../../time/deadline.ts';
import { within } from '../../time/within.ts';
import type { ConnectContext } from '../login/log-in.ts';
import { formatAddress, formatSeconds } from '../settings.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import type { Connection } from './connection.ts';
import { isSameRoute, type Route } from './route.ts';

/** Channels on one connection: OpenSSH allows ten sessions, and a bastion may count these among them. */
const MAX_CHANNELS = 8;

interface Shared {
  readonly route: Route;
  readonly connection: Promise<Connection>;
  /** Jobs that go through it, or are about to. */
  users: number;
  /** Until it is closed, once nobody uses it. */
  readonly idle: Deadline;
}

/**
 * Connections to hosts on the way, shared by all that go through them, and closed a while after the last. One that goes
 * through another is among those that use that one.
 */
export class JumpConnections {
  readonly #open: (route: Route, context: ConnectContext) => Promise<Connection>;
  readonly #idleMs: number;
  readonly #connectMs: number;
  readonly #shared = new Set<Shared>();
  readonly #stop = new AbortController();

  constructor(
    open: (route: Route, context: ConnectContext) => Promise<Connection>,
    idleMs: number,
    connectMs: number,
  ) {
    this.#open = open;
    this.#idleMs = idleMs;
    this.#connectMs = connectMs;
  }

  /** A socket to the target that begins on the last host on the way. */
  async dial(jump: Route, target: Host, context: ConnectContext): Promise<Duplex> {
    const { signal } = context;
    const shared = this.#take(jump, context);
    try {
      const stopped = () => {
        throw stopTrouble(signal, 'before the command was sent');
      };
      // Long enough: the login on the way has limits of its own.
      const connection = await within(shared.connection, {
        ms: LONGEST_TIMER_MS,
        late: stopped,
        signal,
        stopped,
      });
      const channel = await within(connection.forward(target.ip, target.port), {
        ms: this.#connectMs,
        late: () => {
          const limit = formatSeconds(this.#connectMs);
          throw new Trouble('unreachable', `no answer from ${formatAddress(target)} within ${limit}`);
        },
        signal,
        stopped,
        discard: (late) => late.destroy(),
      }).catch((error: unknown) => {
        if (!(error instanceof Trouble) || error.kind !== 'unreachable' || !connection.isOpen) throw error;
        const reason = error.message.replace(/^no channel on [^:]*: /, '');
        throw new Trouble('unreachable', `${formatAddress(target)} cannot be reached: ${reason}`);
      });
      channel.on('error', () => {});
      channel.once('close', () => this.#giveBack(shared));
      return channel;
    } catch (error) {
      this.#giveBack(shared);
      throw error instanceof Trouble ? error.onTheWay(jump.host.name) : error;
    }
  }

  /** Those to hosts that are not any more what they were take nobody new, and are closed after the last. */
  closeWhere(isStale: (route: Route) => boolean): void {
    for (const shared of [...this.#shared]) {
      if (!isStale(shared.route)) continue;
      this.#shared.delete(shared);
      shared.idle.clear();
      if (shared.users === 0) closeOnce(shared);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort('interrupted');
    const all = [...this.#shared];
    this.#shared.clear();
    for (const shared of all) shared.idle.clear();
    await Promise.allSettled(all.map(async (shared) => (await shared.connection).close()));
  }

  #take(route: Route, context: ConnectContext): Shared {
    for (const shared of this.#shared) {
      if (shared.users < MAX_CHANNELS && isSameRoute(shared.route, route)) {
        shared.users++;
        shared.idle.clear();
        return shared;
      }
    }
    // Not tied to the job that happens to be first: others wait for it too.
    const shared: Shared = {
      route,
      connection: this.#open(route, { ...context, signal: this.#stop.signal }),
      users: 1,
      idle: new Deadline(),
    };
    this.#shared.add(shared);
    shared.connection.then(
      (connection) => connection.onLost(() => this.#shared.delete(shared)),
      () => this.#shared.delete(shared),
    );
    return shared;
  }

  #giveBack(shared: Shared): void {
    shared.users--;
    if (shared.users > 0) return;
    if (!this.#shared.has(shared)) {
      // Lost, or of no use to anyone new.
      closeOnce(shared);
      return;
    }
    shared.idle.set(this.#idleMs, () => {
      this.#shared.delete(shared);
      closeOnce(shared);
    });
  }
}

function closeOnce({ connection }: Shared): void {
  connection.then(
    (it) => it.close(),
    () => {},
  );
}
