import type { HostEvent } from '../../rigs/simulated/hosts.ts';
import { addressOf } from '../world/names.ts';
import type { StoredJob } from '../world/store-view.ts';

/** Of a world what the hosts have on record, and what happened to the processes. */
export interface Seen {
  readonly isShared: boolean;
  readonly hosts: { readonly events: readonly HostEvent[] };
  readonly absences: readonly { readonly from: number; readonly until: number }[];
  readonly replicas: readonly {
    readonly key: string;
    readonly goneAt: readonly number[];
    readonly troubledAt: readonly number[];
    readonly clocksMs: readonly number[];
    readonly stoodStill: readonly { readonly from: number; readonly until: number }[];
  }[];
}

/** From the end of one of several processes to `interrupted` (README). */
const NOTICED_WITHIN_MS = 15_000;

/**
 * What is `interrupted` has a reason, and was found to be so in time: on a server, where others are there to find it.
 */
export function judgeUnknown(
  world: Seen,
  jobs: readonly StoredJob[],
  mayLose: boolean,
): { readonly unknown: readonly string[]; readonly noticedMs: readonly number[] } {
  // Where one process may lose what it runs, it finds that at its next start, whenever that is.
  if (!world.isShared && mayLose) return { unknown: [], noticedMs: [] };
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
    const goneAt = its.flatMap((one) => one.goneAt);
    const troubledAt = its.flatMap((one) => one.troubledAt);
    // It is written by the wall clock of whoever found it, and that may have been set: by one of these it has to fit.
    const clocksMs = world.replicas.flatMap((one) => one.clocksMs);
    const sinceLast = (times: readonly number[], until: number): number =>
      until - Math.max(...times.filter((time) => time <= until), Number.NEGATIVE_INFINITY);
    const [until = 0] = clocksMs
      .map((offsetMs) => (endedAt ?? 0) - offsetMs)
      .toSorted(
        (one, other) =>
          sinceLast([...goneAt, ...troubledAt], one) - sinceLast([...goneAt, ...troubledAt], other),
      );
    const goneMs = sinceLast(goneAt, until);
    const troubledMs = sinceLast(troubledAt, until);
    const nobodyWasThere = world.absences.some(
      (absence) => absence.from <= until && until <= absence.until + NOTICED_WITHIN_MS,
    );
    if (!nobodyWasThere && Math.min(goneMs, troubledMs) > NOTICED_WITHIN_MS) {
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
