import { nearNames } from '../../errors.ts';
import type { Host } from '../inventory.ts';
import { didYouMean } from '../problems.ts';
import { hintAt } from './host-values.ts';

/** Those gone through on one way; each is a login with limits of its own. */
export const MOST_HOPS = 8;

/**
 * Gives the hosts of every `jump` their names as they are spelt, and tells of those that lead nowhere: `fault` is
 * given the lower-case name of the host whose `jump` it is. `hostNames` has also hosts with faults of their own.
 */
export function settleJumps(
  hosts: Map<string, Host>,
  hostNames: ReadonlyMap<string, string>,
  fault: (host: string, problem: string) => void,
): void {
  for (const [key, host] of hosts) {
    if (host.jump === undefined) continue;
    const jump = host.jump.map((name) => hostNames.get(name.toLowerCase()) ?? name);
    hosts.set(key, { ...host, jump });
    for (const name of jump) {
      if (hostNames.has(name.toLowerCase())) continue;
      const near = didYouMean(nearNames(name, hostNames.values()));
      fault(key, `jump: there is no host of that name${hintAt(name)}.${near}`);
    }
    if (new Set(jump).size < jump.length) fault(key, 'jump: a host is named twice');
  }
  for (const [key, host] of hosts) {
    const found = findFault(host, hosts);
    if (found !== undefined) fault(key, found);
    else if (host.jump !== undefined) hosts.set(key, { ...host, way: wayTo(host, hosts) });
  }
}

/**
 * The hosts that are gone through, as OpenSSH's ProxyJump goes: through the chain in the order written, and to its first
 * host by that one's own `jump`; what the later ones have of their own does not count, as the chain says how they are
 * reached. Undefined where one of them is not found, or where there are too many: a circle has no beginning.
 */
export function hopsTo(host: Host, find: (name: string) => Host | undefined): readonly Host[] | undefined {
  const way: Host[] = [];
  for (let chain = host.jump ?? []; chain.length > 0; chain = way[0]?.jump ?? []) {
    const hops = chain.flatMap((name) => find(name) ?? []);
    if (hops.length < chain.length || way.length + hops.length > MOST_HOPS) return undefined;
    way.unshift(...hops);
  }
  return way;
}

/** Of a host without a fault; a hop with faults of its own is no host, which is told elsewhere. */
function wayTo(host: Host, hosts: ReadonlyMap<string, Host>): readonly string[] {
  const way = hopsTo(host, (name) => hosts.get(name.toLowerCase())) ?? [];
  return way.map(({ user, ip, port }) => `${user}@${ip}:${port}`);
}

/** The way begins with the chain of its first host. */
function findFault(host: Host, hosts: ReadonlyMap<string, Host>): string | undefined {
  const firsts = [host.name];
  let hops = 0;
  for (let chain = host.jump ?? []; chain[0] !== undefined; ) {
    // Said at each host of a circle, in its own line: any of them may be the wrong one.
    if (chain.includes(host.name)) return `jump goes in a circle: ${[...firsts, host.name].join(' → ')}`;
    const [first] = chain;
    if (firsts.includes(first)) return undefined;
    firsts.push(first);
    hops += chain.length;
    if (hops > MOST_HOPS) return `jump: more than ${MOST_HOPS} hosts would be gone through`;
    chain = hosts.get(first.toLowerCase())?.jump ?? [];
  }
  return undefined;
}
