import type { Duplex } from 'node:stream';
import type { Host } from '../../inventory/inventory.ts';
import type { HostKeyCheck } from '../host-keys/host-keys.ts';
import { HOST_KEY_TYPES } from '../login/algorithms.ts';
import { CredentialTrials } from '../login/credential-trials.ts';
import { type ConnectContext, logIn } from '../login/log-in.ts';
import { untilFilesAreFree } from '../open-file.ts';
import { DEFAULT_IDLE_MS, type Deadlines, type TransportSettings } from '../settings.ts';
import { WrongHostKey } from '../trouble.ts';
import type { Connection } from './connection.ts';
import { dial } from './dial.ts';
import { type FetchedKeys, fetchKeys } from './fetch-keys.ts';
import { JumpConnections } from './jump.ts';
import { LoginQueues } from './login-queues.ts';
import { lastHop, type Route } from './route.ts';

/** One on the way that nobody uses any more. */
const JUMP_IDLE_MS = 60_000;

/** How connections come about: over the hosts on the way, each login when it is its turn. */
export class NewConnections {
  readonly #settings: TransportSettings;
  readonly #deadlines: Deadlines;
  readonly #freeFiles: () => void;
  readonly #logins = new LoginQueues();
  readonly #trials = new CredentialTrials();
  readonly #jumps: JumpConnections;

  /** `freeFiles` gives up some that can be done without. */
  constructor(settings: TransportSettings, deadlines: Deadlines, freeFiles: () => void) {
    this.#settings = settings;
    this.#deadlines = deadlines;
    this.#freeFiles = freeFiles;
    this.#jumps = new JumpConnections(
      (route, context) => this.open(route, context),
      Math.min(Math.max(settings.idleMs ?? DEFAULT_IDLE_MS, 1), JUMP_IDLE_MS),
      deadlines.connectMs,
    );
  }

  /** Logged in there, when it is its turn. */
  async open(route: Route, context: ConnectContext): Promise<Connection> {
    const hostKey = await this.#settings.hostKeys.look(route.host, context);
    const login = async () => {
      const startedAt = performance.now();
      let result: 'ok' | 'failed' = 'failed';
      try {
        const connection = await this.#logInOnce(route, hostKey, startedAt, context);
        result = 'ok';
        return connection;
      } finally {
        this.#settings.meters?.took('logins', result, performance.now() - startedAt);
      }
    };
    return this.#logins.run(route, context.signal, login, context.turnedAway);
  }

  async #logInOnce(
    route: Route,
    hostKey: HostKeyCheck,
    startedAt: number,
    context: ConnectContext,
  ): Promise<Connection> {
    return this.#meet(route, hostKey, this.#deadlines, context).catch((error: unknown) => {
      if (!(error instanceof WrongHostKey) || route.host.hostKey === undefined) throw error;
      return this.#askForOtherKeys(route, hostKey, error, startedAt, context);
    });
  }

  async #meet(
    route: Route,
    hostKey: HostKeyCheck,
    deadlines: Deadlines,
    context: ConnectContext,
  ): Promise<Connection> {
    const dialledAt = performance.now();
    const socket = await this.#reach(route, context);
    const tcpMs = Math.round(performance.now() - dialledAt);
    const connection = await logIn(route, socket, hostKey, deadlines, this.#trials, context);
    if (connection.meeting) connection.meeting = { ...connection.meeting, tcpMs };
    return connection;
  }

  /**
   * A pinned fingerprint does not say of which type its key is, and a host shows one key in an exchange: those
   * that it says it has are asked for one after the other, before any secret, in the time of one handshake.
   */
  async #askForOtherKeys(
    route: Route,
    hostKey: HostKeyCheck,
    first: WrongHostKey,
    startedAt: number,
    context: ConnectContext,
  ): Promise<Connection> {
    for (const type of HOST_KEY_TYPES) {
      if (type === first.shownType || !first.offeredTypes.includes(type)) continue;
      const handshakeMs = this.#deadlines.handshakeMs - (performance.now() - startedAt);
      if (handshakeMs <= 0) break;
      const only = { ...hostKey, types: [type], isOnly: true };
      try {
        return await this.#meet(route, only, { ...this.#deadlines, handshakeMs }, context);
      } catch (error) {
        if (!(error instanceof WrongHostKey)) throw error;
      }
    }
    throw first;
  }

  /** All keys of a host, those of the types that it is known by first. Nobody is logged in there. */
  fetchKeys(route: Route, known: readonly string[], context: ConnectContext): Promise<FetchedKeys> {
    const { signal } = context;
    const reach = () => this.#reach(route, context);
    return this.#logins.run(route, signal, () =>
      fetchKeys(route.host, known, reach, this.#deadlines, signal),
    );
  }

  /** Nobody new goes over hosts on the way that are not any more what they were. */
  closeWhere(isStale: (route: Route) => boolean): void {
    this.#jumps.closeWhere(isStale);
  }

  async close(): Promise<void> {
    await this.#jumps.close();
  }

  async #reach(route: Route, context: ConnectContext): Promise<Duplex> {
    const hop = lastHop(route);
    if (hop === undefined) return await this.#dial(route.host, context.signal);
    return await this.#jumps.dial(hop, route.host, context);
  }

  /** Where the process has as many files open as it may, the host is not to blame: kept ones go, and it is tried again. */
  #dial(host: Host, signal: AbortSignal): Promise<Duplex> {
    return untilFilesAreFree(() => dial(host, this.#deadlines.connectMs, signal), {
      signal,
      free: this.#freeFiles,
    });
  }
}
