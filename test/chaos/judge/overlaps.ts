import type { HostEvent } from '../../rigs/simulated/hosts.ts';
import type { World } from '../world/world.ts';

/**
 * Commands that went on at once on one host, by its own record. One that a process began which stood still or was cut
 * off is not held against it: there the host may be given away while its command goes on (README).
 */
export function findOverlaps({ hosts, replicas }: World): readonly string[] {
  const wasAway = ({ by, at }: HostEvent): boolean =>
    replicas.some(({ key, goneAt }) => key === by && goneAt.some((gone) => gone > at));
  const going = new Map<string, HostEvent>();
  return hosts.events.flatMap((event) => {
    const before = going.get(event.ip);
    if (event.what !== 'began') {
      if (before?.tag === event.tag) going.delete(event.ip);
      return [];
    }
    going.set(event.ip, event);
    if (before === undefined || wasAway(before)) return [];
    return [`${event.tag} began on ${event.ip} while ${before.tag} went on there`];
  });
}
