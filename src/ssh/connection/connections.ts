import type { Host } from '../../inventory/inventory.ts';
import { placeOf } from '../host-keys/host-keys.ts';
import type { ConnectContext } from '../login/log-in.ts';
import { takeTurn } from '../loop-turns.ts';
import { DEFAULT_DEADLINES, DEFAULT_IDLE_MS, type Deadlines, type TransportSettings } from '../settings.ts';
import { Trouble } from '../trouble.ts';
import type { Connection } from './connection.ts';
import type { FetchedKeys } from './fetch-keys.ts';
import { NewConnections } from './new-connections.ts';
import { IdleConnections } from './pool.ts';
import { findHop, findRoute, isSameRoute, type Route } from './route.ts';
import { tryAgain } from './tries.ts';

/**
 * What is done with a connection: channels must open within the time given. It is kept for the next one only
 * where it was left clean, with nothing open on it.
 */
export type Borrow<T> = (
  connection: Connection,
  channelMs: number,
) => Promise<{ readonly result: T; readonly isClean: boolean }>;

/** Neither a key nor a revoked one. */
const NOTHING_KNOWN = ' ';

/** What it costs to open a channel on a kept connection, and to set out for a new one: a whole fleet begins at once. */
const START_MS = 0.5;

/** Hands connections out, one job, one connection, and keeps them warm for the next. */
export class Connections {
  readonly #settings: TransportSettings;
  readonly #deadlines: Deadlines;
  readonly #idle: IdleConnections;
  readonly #new: NewConnections;
  readonly #mostKept: (jobs: number) => number;
  #jobs = 0;
  /** What known_hosts said of each place that was asked for last. */
  readonly #said = new Map<string, string>();
  /** When what was known of a place was changed, and when what was known of a connection's host was asked; steady, in ms. */
  readonly #changed = new Map<string, number>();
  readonly #asked = new WeakMap<Connection, number>();
  /** No until the inventory has changed. */
  #isStale: (route: Route) => boolean = () => false;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#deadlines = { ...DEFAULT_DEADLINES, ...settings.deadlines };
    this.#idle = new IdleConnections(settings.idleMs ?? DEFAULT_IDLE_MS);
    this.#mostKept = settings.mostKept ?? (() => 1_000);
    this.#new = new NewConnections(settings, this.#deadlines, () =>
      this.#idle.trim(Math.trunc(this.#idle.size / 2)),
    );
  }

  /**
   * Does the work on a connection of its own. The work throws a `Trouble` that `mayBeStale` or `isPassing` only
   * while the host has not seen the command; then, and only then, another connection is tried: at once in place
   * of a kept one that may have died, and where the trouble `isPassing` twice, after a pause, in place of a new one.
   * `isNew`: none that is kept will do.
   */
  async use<T>(host: Host, context: ConnectContext, work: Borrow<T>, isNew = false): Promise<T> {
    const route = this.#findRoute(host);
    await this.#dropChanged(route);
    const spare = this.#idle.take(route);
    // The new one takes its place, or each ping would leave one more.
    if (isNew) void spare?.close();
    const kept = isNew ? undefined : spare;
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

  /** An administrator may have changed what is known of the host, or of one on the way there. */
  async #dropChanged(route: Route): Promise<void> {
    const { policy, file } = this.#settings.hostKeys;
    if (policy === 'off') return;
    await file.refresh();
    for (const place of placesOf(route)) {
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
      await this.#inTurn();
      try {
        return await this.#lend(kept, work, Math.min(this.#deadlines.channelMs, this.#deadlines.connectMs));
      } catch (error) {
        if (!(error instanceof Trouble) || !error.mayBeStale) throw error;
        this.#settings.log.debug({ host: host.name, reason: error.message }, 'A kept connection was dead');
      }
    }
    const { channelMs, retryDelaysMs } = this.#deadlines;
    const login = async (turnedAway: number) => {
      await this.#inTurn();
      const connection = await this.#open(this.#findRoute(host), { ...context, turnedAway });
      return await this.#lend(connection, work, channelMs);
    };
    return await tryAgain(login, {
      delaysMs: retryDelaysMs,
      signal: context.signal,
      onAgain: ({ message }) =>
        this.#settings.log.debug({ host: host.name, reason: message }, 'Connecting once more'),
    });
  }

  #inTurn(): Promise<void> {
    return new Promise((resolve) => takeTurn(resolve, START_MS));
  }

  /** From now on nothing is kept of a host that the inventory has not, or reaches otherwise than when it was connected to. */
  closeStale(): void {
    const { findHost } = this.#settings;
    this.#isStale = (route) => {
      const host = findHost(route.host.name);
      return host?.enabled !== true || !this.#isWay(route, () => findRoute(host, findHost));
    };
    this.#idle.closeWhere(this.#isStale);
    // A host on the way is gone through as the chain says, which need not be how it is reached by itself.
    const isWayGone = ({ host, way }: Route): boolean =>
      !this.#isWay({ host, way }, () => ({
        host: findHop(host.name, findHost),
        way: way.map(({ name }) => findHop(name, findHost)),
      }));
    this.#new.closeWhere(isWayGone);
  }

  /** All keys of a host, those of the types that it is known by first. Nobody is logged in there. */
  fetchKeys(host: Host, known: readonly string[], context: ConnectContext): Promise<FetchedKeys> {
    return this.#new.fetchKeys(this.#findRoute(host), known, context);
  }

  /** Other keys are known of these places: nothing is kept of what was connected there, nor of what is under way. */
  drop(places: ReadonlySet<string>): void {
    const now = performance.now();
    for (const place of places) this.#changed.set(place, now);
    const isThere = (route: Route): boolean => placesOf(route).some((place) => places.has(place));
    this.#idle.closeWhere(isThere);
    this.#new.closeWhere(isThere);
  }

  /** How many nobody uses just now. */
  get kept(): number {
    return this.#idle.size;
  }

  async close(): Promise<void> {
    await Promise.all([this.#idle.close(), this.#new.close()]);
  }

  async #lend<T>(connection: Connection, work: Borrow<T>, channelMs: number): Promise<T> {
    try {
      const { result, isClean } = await work(connection, channelMs);
      if (isClean && !this.#isStale(connection.route) && !this.#isChanged(connection))
        this.#idle.give(connection);
      else void connection.close();
      return result;
    } catch (error) {
      void connection.close();
      throw error;
    }
  }

  async #open(route: Route, context: ConnectContext): Promise<Connection> {
    const askedAt = performance.now();
    const connection = await this.#new.open(route, context);
    this.#asked.set(connection, askedAt);
    return connection;
  }

  /** Whether something else is known by now of the host, or of one on the way there. */
  #isChanged(connection: Connection): boolean {
    const askedAt = this.#asked.get(connection) ?? 0;
    return placesOf(connection.route).some((place) => (this.#changed.get(place) ?? -1) >= askedAt);
  }

  #findRoute(host: Host): Route {
    return findRoute(host, this.#settings.findHost);
  }

  /** Whether it is still made as `find` says; not where it throws a `Trouble`. */
  #isWay(route: Route, find: () => Route): boolean {
    try {
      return isSameRoute(route, find());
    } catch (error) {
      if (error instanceof Trouble) return false;
      throw error;
    }
  }
}

function placesOf({ host, way }: Route): readonly string[] {
  return [host, ...way].map(placeOf);
}
