import type { Host } from '../../inventory/inventory.ts';
import type { Secret } from '../../inventory/secret.ts';
import { hopsTo } from '../../inventory/section/jumps.ts';
import { Trouble } from '../trouble.ts';

/** A host, and those that are gone through to it, in this order. */
export interface Route {
  readonly host: Host;
  readonly way: readonly Host[];
}

/** A `Trouble` where one of those on the way cannot be gone through. */
export function findRoute(host: Host, findHost: (name: string) => Host | undefined): Route {
  const way = hopsTo(host, (name) => findHop(name, findHost));
  // The inventory has no circles; it may be another one by now than the one that this host is of.
  if (way === undefined) throw new Trouble('unreachable', 'the way there has no beginning');
  return { host, way };
}

/** One that can be gone through, or a `Trouble`. */
export function findHop(name: string, findHost: (name: string) => Host | undefined): Host {
  const hop = findHost(name);
  if (hop === undefined) throw new Trouble('unreachable', `jump host ${name} is not in the inventory`);
  if (!hop.enabled) throw new Trouble('unreachable', `jump host ${hop.name} is taken out (enable = False)`);
  return hop;
}

/** The way to the last host on the way. */
export function lastHop({ way }: Route): Route | undefined {
  const host = way.at(-1);
  return host === undefined ? undefined : { host, way: way.slice(0, -1) };
}

/** What tells it from other ways to the same address. */
export function nameWay({ way }: Route): string {
  return way.map(({ name }) => name).join(' ');
}

/** Whether a connection made for one is what would be made for the other. */
export function isSameRoute(a: Route, b: Route): boolean {
  return (
    isSameLogin(a.host, b.host) &&
    a.way.length === b.way.length &&
    a.way.every((hop, i) => {
      const other = b.way[i];
      return other !== undefined && isSameLogin(hop, other);
    })
  );
}

function isSameLogin(a: Host, b: Host): boolean {
  if (a === b) return true;
  return (
    a.ip === b.ip &&
    a.port === b.port &&
    a.user === b.user &&
    a.agent === b.agent &&
    a.agentKey === b.agentKey &&
    a.certificate === b.certificate &&
    a.hostKey === b.hostKey &&
    a.legacy === b.legacy &&
    // What reads a command there: one that is to be sent as typed is not sent otherwise, nor the other way round.
    a.shell === b.shell &&
    isSameSecret(a.password, b.password) &&
    isSameSecret(a.privateKey, b.privateKey) &&
    isSameSecret(a.passphrase, b.passphrase)
  );
}

function isSameSecret(a: Secret | undefined, b: Secret | undefined): boolean {
  return a?.reveal() === b?.reveal();
}
