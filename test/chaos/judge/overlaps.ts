import { ENDING_MS, KEPT_MS, LEASE_MS, LOOK_MS } from '../../../src/time/lease.ts';
import type { HostEvent } from '../../rigs/simulated/hosts.ts';
import type { Seen } from './unknown.ts';

/** It was last heard of so long before it stood still, at most: its beats are a second apart. */
const HEARD_MS = 1_500;

/**
 * Commands that went on at once on one host, by its own record. A process that is killed takes its commands with it
 * here, one that is cut off ends them before its hosts are given away; neither is an excuse. Only one that stands
 * still ends nothing (README), so only its own commands are excused, and only where it stood still for longer than its
 * hosts are kept, until it has had the time to end them.
 */
export function findOverlaps({ hosts, replicas }: Seen): readonly string[] {
  const stoodStill = ({ by, at }: HostEvent, now: number): boolean =>
    replicas.some(
      ({ key, stoodStill }) =>
        key === by &&
        stoodStill.some(
          ({ from, until }) =>
            at < until && now - from > LEASE_MS + KEPT_MS - HEARD_MS && now < until + LOOK_MS + ENDING_MS,
        ),
    );
  const going = new Map<string, HostEvent>();
  return hosts.events.flatMap((event) => {
    const before = going.get(event.ip);
    if (event.what !== 'began') {
      if (before?.tag === event.tag) going.delete(event.ip);
      return [];
    }
    going.set(event.ip, event);
    if (before === undefined || stoodStill(before, event.at)) return [];
    return [`${event.tag} began on ${event.ip} while ${before.tag} went on there`];
  });
}
