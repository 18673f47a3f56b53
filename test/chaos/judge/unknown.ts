import type { HostEvent } from '../../rigs/simulated/hosts.ts';
import { addressOf } from '../world/names.ts';
import type { StoredJob } from '../world/store-view.ts';
import type { World } from '../world/world.ts';

/** From the end of one of several processes to `interrupted` (README). */
const NOTICED_WITHIN_MS = 15_000;

/**
 * What is `interrupted` has a reason, and was found to be so in time: on a server, where others are there to find it.
 * A file's one process finds it at its next start.
 */
export function judgeUnknown(
  world: World,
  jobs: readonly StoredJob[],
  mayLose: boolean,
): { readonly unknown: readonly string[]; readonly noticedMs: readonly number[] } {
  if (!world.isShared) return { unknown: [], noticedMs: [] };
  const noticedMs: number[] = [];
  const begun = new Map<string, HostEvent>();
  for (const event of world.hosts.events)
    if (event.what === 'began') begun.set(`${event.tag} ${event.ip}`, event);
  const unknown = jobs.flatMap(({ tag, host, kind, endedAt }) => {
    if (kind !== 'interrupted' && kind !== 'lost') return [];
    if (!mayLose) return [`${tag} on ${host} is ${kind}, where nothing may be`];
    // What has passed the guard and never reached the host may be any process's.
    const by = begun.get(`${tag} ${addressOf(host)}`)?.by;
    const its = world.replicas.filter(({ key }) => by === undefined || key === by);
    const until = endedAt ?? 0;
    const last = (times: readonly number[]): number =>
      Math.max(...times.filter((time) => time <= until), Number.NEGATIVE_INFINITY);
    const goneMs = until - last(its.flatMap(({ goneAt }) => goneAt));
    const troubledMs = until - last(its.flatMap(({ troubledAt }) => troubledAt));
    if (Math.min(goneMs, troubledMs) > NOTICED_WITHIN_MS) {
      const why = Number.isFinite(goneMs)
        ? `${(goneMs / 1_000).toFixed(1)} s after its process was gone`
        : 'for no reason';
      return [`${tag} on ${host} is ${kind}, ${why}`];
    }
    if (goneMs <= NOTICED_WITHIN_MS) noticedMs.push(goneMs);
    return [];
  });
  return { unknown, noticedMs };
}
