import type { Duplex } from 'node:stream';
import type { Host } from '../../inventory/inventory.ts';
import { delay } from '../../time/delay.ts';
import { type HostKeyCheck, placeOf } from '../host-keys/host-keys.ts';
import { HOST_KEY_TYPES } from '../login/algorithms.ts';
import { CredentialTrials } from '../login/credential-trials.ts';
import { type ConnectContext, logIn } from '../login/log-in.ts';
import { takeTurn } from '../loop-turns.ts';
import { untilFilesAreFree } from '../open-file.ts';
import { DEFAULT_DEADLINES, DEFAULT_IDLE_MS, type Deadlines, type TransportSettings } from '../settings.ts';
import { Trouble, WrongHostKey } from '../trouble.ts';
import type { Connection } from './connection.ts';
import { dial } from './dial.ts';
import { type FetchedKeys, fetchKeys } from './fetch-keys.ts';
import { JumpConnections } from './jump.ts';
import { LoginQueues } from './login-queues.ts';
import { IdleConnections, isSameLogin } from './pool.ts';

/** Tries that a host hung up on for the sake of others, and that do not count as its own. */
const MOST_CROWDED = 10;

/**
 * What is done with a connection: channels must open within the time given. It is kept for the next one only
 * where it was left clean, with nothing open on it.
 */
export type Borrow<T> = (
  connection: Connection,
  channelMs: number,
) => Promise<{ readonly result: T; readonly isClean: boolean }>;

/** One on the way that nobody uses any more. */
const JUMP_IDLE_MS = 60_000;

/** Neither a key nor a revoked one. */
const NOTHING_KNOWN = ' ';

/** Opening a channel on a kept connection is a fraction of a key exchange. */
const WARM_START_SHARE = 1 / 8;

/** Makes connections, keeps them warm, and hands them out: one job, one connection. */
export class Connections {
  readonly #settings: TransportSettings;
  readonly #deadlines: Deadlines;
  readonly #logins = new LoginQueues();
  readonly #trials = new CredentialTrials();
  readonly #idle: IdleConnections;
  readonly #jumps: JumpConnections;
  readonly #mostKept: (jobs: number) => number;
  #jobs = 0;
  /** What known_hosts said of each place that was asked for last. */
  readonly #said = new Map<string, string>();
  /** When what was known of a place was changed, and when what was known of a connection's host was asked; steady, in ms. */
  readonly #changed = new Map<string, number>();
  readonly #asked = new WeakMap<Connection, number>();
  /** No until the inventory has changed. */
  #isStale: (host: Host) => boolean = () => false;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#deadlines = { ...DEFAULT_DEADLINES, ...settings.deadlines };
    const idleMs = settings.idleMs ?? DEFAULT_IDLE_MS;
    this.#idle = new IdleConnections(idleMs);
    this.#mostKept = settings.mostKept ?? (() => 1_000);
    this.#jumps = new JumpConnections(
      (host, context) => this.#open(host, context),
      Math.min(Math.max(idleMs, 1), JUMP_IDLE_MS),
      this.#deadlines.connectMs,
    );
  }

  /**
   * Does the work on a connection of its own. The work throws a `Trouble` that `mayBeStale` or `isPassing` only
   * while the host has not seen the command; then, and only then, another connection is tried: at once in place
   * of a kept one that may have died, and where the trouble `isPassing` twice, after a pause, in place of a new one.
   */
  async use<T>(host: Host, context: ConnectContext, work: Borrow<T>): Promise<T> {
    await this.#dropChanged(host);
    const kept = this.#idle.take(host);
    this.#jobs += 1;
    this.#makeRoom();
    try {
      return await this.#useOne(host, kept, context, work);
    } finally {
      this.#jobs -= 1;
      this.#makeRoom();
    }
  }

  #makeRoom(): void {
    this.#idle.trim(this.#mostKept(this.#jobs));
  }

  /** An administrator may have changed what is known of the host, or of the one on the way there. */
  async #dropChanged(host: Host): Promise<void> {
    const { policy, file } = this.#settings.hostKeys;
    if (policy === 'off') return;
    await file.refresh();
    for (const place of this.#placesOf(host)) {
      await file.look(place);
      const { keys, revoked } = file.find(place);
      const says = [keys, revoked]
        .map((all) => all.map(({ blob }) => blob.toString('base64')).join())
        .join(' ');
      const said = this.#said.get(place);
      this.#said.set(place, says);
      // Nobody was there before it was known.
      if (said !== undefined && said !== says && said !== NOTHING_KNOWN) this.drop(new Set([place]));
    }
  }

  async #useOne<T>(
    host: Host,
    kept: Connection | undefined,
    context: ConnectContext,
    work: Borrow<T>,
  ): Promise<T> {
    if (kept) {
      await new Promise<void>((resolve) => takeTurn(resolve, WARM_START_SHARE));
      try {
        return await this.#lend(kept, work, Math.min(this.#deadlines.channelMs, this.#deadlines.connectMs));
      } catch (error) {
        if (!(error instanceof Trouble) || !error.mayBeStale) throw error;
        this.#settings.log.debug({ host: host.name, reason: error.message }, 'A kept connection was dead');
      }
    }
    const { channelMs, retryDelaysMs } = this.#deadlines;
    for (let tries = 0, crowded = 0; ; ) {
      try {
        return await this.#lend(await this.#open(host, context), work, channelMs);
      } catch (error) {
        if (!(error instanceof Trouble) || !error.isPassing) throw error;
        const delayMs = retryDelaysMs[tries];
        if (delayMs === undefined) throw error;
        if (error.wasCrowded && crowded < MOST_CROWDED) crowded += 1;
        else tries += 1;
        this.#settings.log.debug({ host: host.name, reason: error.message }, 'Connecting once more');
        // Half to one and a half: those who fell together do not come back together.
        await delay(delayMs * (0.5 + Math.random()), context.signal);
      }
    }
  }

  /** From now on nothing is kept of a host that is not in the inventory as it was when it was connected to. */
  closeStale(): void {
    this.#isStale = (host) => {
      const now = this.#settings.findHost(host.name);
      return now === undefined || !now.enabled || !isSameLogin(now, host);
    };
    this.#idle.closeWhere(this.#isStale);
    this.#jumps.closeWhere(this.#isStale);
  }

  /** All keys of a host, those of the types that it is known by first. Nobody is logged in there. */
  fetchKeys(host: Host, known: readonly string[], context: ConnectContext): Promise<FetchedKeys> {
    const { signal } = context;
    const reach = () => this.#reach(host, context);
    return this.#logins.run(host, signal, () => fetchKeys(host, known, reach, this.#deadlines, signal));
  }

  /** Other keys are known of these places: nothing is kept of what was connected there, nor of what is under way. */
  drop(places: ReadonlySet<string>): void {
    const now = performance.now();
    for (const place of places) this.#changed.set(place, now);
    const isThere = (host: Host): boolean => this.#placesOf(host).some((place) => places.has(place));
    this.#idle.closeWhere(isThere);
    this.#jumps.closeWhere(isThere);
  }

  /** How many nobody uses just now. */
  get kept(): number {
    return this.#idle.size;
  }

  async close(): Promise<void> {
    await Promise.all([this.#idle.close(), this.#jumps.close()]);
  }

  async #lend<T>(connection: Connection, work: Borrow<T>, channelMs: number): Promise<T> {
    try {
      const { result, isClean } = await work(connection, channelMs);
      if (isClean && !this.#isStale(connection.host) && !this.#isChanged(connection))
        this.#idle.give(connection);
      else void connection.close();
      return result;
    } catch (error) {
      void connection.close();
      throw error;
    }
  }

  async #open(host: Host, context: ConnectContext): Promise<Connection> {
    const askedAt = performance.now();
    const connection = await this.#logInAt(host, context);
    this.#asked.set(connection, askedAt);
    return connection;
  }

  async #logInAt(host: Host, context: ConnectContext): Promise<Connection> {
    const hostKey = await this.#settings.hostKeys.look(host, context);
    return this.#logins.run(host, context.signal, async () => {
      const startedAt = performance.now();
      let result: 'ok' | 'failed' = 'failed';
      try {
        const connection = await this.#logInOnce(host, hostKey, startedAt, context);
        result = 'ok';
        return connection;
      } finally {
        this.#settings.meters?.took('logins', result, performance.now() - startedAt);
      }
    });
  }

  async #logInOnce(
    host: Host,
    hostKey: HostKeyCheck,
    startedAt: number,
    context: ConnectContext,
  ): Promise<Connection> {
    const socket = await this.#reach(host, context);
    return logIn(host, socket, hostKey, this.#deadlines, this.#trials, context).catch((error: unknown) => {
      if (!(error instanceof WrongHostKey) || host.hostKey === undefined) throw error;
      return this.#askForOtherKeys(host, hostKey, error, startedAt, context);
    });
  }

  /**
   * A pinned fingerprint does not say of which type its key is, and a host shows one key in an exchange: those
   * that it says it has are asked for one after the other, before any secret, in the time of one handshake.
   */
  async #askForOtherKeys(
    host: Host,
    hostKey: HostKeyCheck,
    first: WrongHostKey,
    startedAt: number,
    context: ConnectContext,
  ): Promise<Connection> {
    for (const type of HOST_KEY_TYPES) {
      if (type === first.shownType || !first.offeredTypes.includes(type)) continue;
      const handshakeMs = this.#deadlines.handshakeMs - (performance.now() - startedAt);
      if (handshakeMs <= 0) break;
      const socket = await this.#reach(host, context);
      const only = { ...hostKey, types: [type], isOnly: true };
      try {
        const deadlines = { ...this.#deadlines, handshakeMs };
        return await logIn(host, socket, only, deadlines, this.#trials, context);
      } catch (error) {
        if (!(error instanceof WrongHostKey)) throw error;
      }
    }
    throw first;
  }

  /** Whether something else is known by now of the host, or of the one on the way there. */
  #isChanged(connection: Connection): boolean {
    const askedAt = this.#asked.get(connection) ?? 0;
    return this.#placesOf(connection.host).some((place) => (this.#changed.get(place) ?? -1) >= askedAt);
  }

  #placesOf(host: Host): readonly string[] {
    const jump = host.jump === undefined ? undefined : this.#settings.findHost(host.jump);
    return jump === undefined ? [placeOf(host)] : [placeOf(host), placeOf(jump)];
  }

  async #reach(host: Host, context: ConnectContext): Promise<Duplex> {
    if (host.jump === undefined) return await this.#dial(host, context.signal);
    const jump = this.#settings.findHost(host.jump);
    if (!jump) throw new Trouble('unreachable', `jump host ${host.jump} is not in the inventory`);
    if (!jump.enabled)
      throw new Trouble('unreachable', `jump host ${jump.name} is taken out (enable = False)`);
    if (jump.jump !== undefined) {
      throw new Trouble('unreachable', `jump host ${jump.name} needs a jump host itself; one is the most`);
    }
    return this.#jumps.dial(jump, host, context);
  }

  /** Where the process has as many files open as it may, the host is not to blame: kept ones go, and it is tried again. */
  #dial(host: Host, signal: AbortSignal): Promise<Duplex> {
    return untilFilesAreFree(() => dial(host, this.#deadlines.connectMs, signal), {
      signal,
      free: () => this.#idle.trim(Math.trunc(this.#idle.size / 2)),
    });
  }
}
