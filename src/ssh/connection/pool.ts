import type { Host } from '../../inventory/inventory.ts';
import type { Secret } from '../../inventory/secret.ts';
import { Deadline } from '../../time/deadline.ts';
import type { Connection } from './connection.ts';

/** After its login: what was changed on the host since, an account or a key, is in force for it from then on. */
const OLDEST_MS = 3_600_000;

/**
 * Connections that nobody uses just now. A job has one to itself, so that what goes wrong on it is its own;
 * afterwards it waits here for the next command to the same host, for as long as it pays.
 */
export class IdleConnections {
  readonly #idleMs: number;
  readonly #oldestMs: number;
  /** In the order they became idle, oldest first. */
  readonly #idle = new Map<Connection, { idle: Deadline; release: () => void }>();
  readonly #byHost = new Map<string, Connection[]>();
  #isClosed = false;

  constructor(idleMs: number, oldestMs = OLDEST_MS) {
    this.#idleMs = idleMs;
    this.#oldestMs = oldestMs;
  }

  get size(): number {
    return this.#idle.size;
  }

  /** One that still stands, made with the very same login. */
  take(host: Host): Connection | undefined {
    for (const connection of this.#byHost.get(host.name)?.toReversed() ?? []) {
      this.#forget(connection);
      if (connection.isOpen && isSameLogin(connection.host, host)) return connection;
      // The inventory says something else by now, or it is gone: no use to anyone.
      void connection.close();
    }
    return undefined;
  }

  give(connection: Connection): void {
    const ageLeftMs = this.#oldestMs - (performance.now() - connection.openedAt);
    const idleMs = Math.min(this.#idleMs, ageLeftMs);
    if (this.#isClosed || !connection.isOpen || idleMs <= 0) {
      void connection.close();
      return;
    }
    const drop = () => {
      this.#forget(connection);
      void connection.close();
    };
    const idle = new Deadline();
    idle.set(idleMs, drop);
    this.#idle.set(connection, { idle, release: connection.onLost(drop) });
    const same = this.#byHost.get(connection.host.name);
    if (same) same.push(connection);
    else this.#byHost.set(connection.host.name, [connection]);
  }

  /** Closes those that are unused for longest, down to so many. */
  trim(most: number): void {
    for (const longest of this.#idle.keys()) {
      if (this.#idle.size <= most) return;
      this.#forget(longest);
      void longest.close();
    }
  }

  /** Those of hosts that are not any more what they were. */
  closeWhere(isStale: (host: Host) => boolean): void {
    for (const connection of [...this.#idle.keys()]) {
      if (!isStale(connection.host)) continue;
      this.#forget(connection);
      void connection.close();
    }
  }

  /** Everything idle, closed side by side: one after the other would take a fleet minutes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#idle.keys()];
    for (const connection of all) this.#forget(connection);
    await Promise.all(all.map((connection) => connection.close()));
  }

  #forget(connection: Connection): void {
    const entry = this.#idle.get(connection);
    if (!entry) return;
    entry.idle.clear();
    entry.release();
    this.#idle.delete(connection);
    const rest = (this.#byHost.get(connection.host.name) ?? []).filter((one) => one !== connection);
    if (rest.length > 0) this.#byHost.set(connection.host.name, rest);
    else this.#byHost.delete(connection.host.name);
  }
}

/** Whether a connection made for one is what would be made for the other. */
export function isSameLogin(a: Host, b: Host): boolean {
  if (a === b) return true;
  return (
    a.ip === b.ip &&
    a.port === b.port &&
    a.user === b.user &&
    a.agent === b.agent &&
    a.jump === b.jump &&
    a.hostKey === b.hostKey &&
    a.legacy === b.legacy &&
    isSameSecret(a.password, b.password) &&
    isSameSecret(a.privateKey, b.privateKey) &&
    isSameSecret(a.passphrase, b.passphrase)
  );
}

function isSameSecret(a: Secret | undefined, b: Secret | undefined): boolean {
  return a?.reveal() === b?.reveal();
}
