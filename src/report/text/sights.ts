import type { Sight } from '../../run/live-output.ts';
import type { Work } from '../../run/plan.ts';
import type { Job } from '../../run/run.ts';
import { formatHostNames } from './host-names.ts';
import { cleanOutput } from './plain.ts';
import { formatBytes, formatDuration, plural } from './wording.ts';

export const NO_ANSWER = 'the process that runs it does not answer at the moment';

/** How far a host is that runs, as far as is known: `connecting or logging in`, `copying, 45 % of 512.0 MiB`. */
export function describeSight(action: Work['action'], sight: Sight | undefined): string {
  switch (sight?.phase) {
    case 'starting':
      return NOT_BEGUN[action];
    case 'copying': {
      const { movedBytes, totalBytes } = sight;
      if (totalBytes < movedBytes || totalBytes === 0) return `copying, ${formatBytes(movedBytes)} so far`;
      return `copying, ${percentOf(sight)} % of ${formatBytes(totalBytes)}`;
    }
    case 'running':
    case 'unanswered':
    case undefined:
      return 'still running';
    default:
      return sight satisfies never;
  }
}

const NOT_BEGUN: Readonly<Record<Work['action'], string>> = {
  run: 'connecting or logging in',
  put: 'connecting, logging in or comparing what is there',
  get: 'connecting, logging in or looking at what is there',
  ping: 'being looked at',
};

/** `… running, longest for 3 min 05 s — 2 hosts: web01, web02`: those that run, a line for each phase. */
export function formatUnderWay(
  action: Work['action'],
  running: readonly Job[],
  sights: ReadonlyMap<string, Sight>,
  now: number,
): readonly string[] {
  const groups = Map.groupBy(running, ({ host }) => {
    const phase = sights.get(host)?.phase;
    return phase === 'starting' || phase === 'copying' ? phase : 'running';
  });
  return [...groups].map(([phase, jobs]) => {
    const seen = jobs.map(({ host }) => sights.get(host));
    const hosts = jobs.map(({ host }) => cleanOutput(host));
    const began = jobs.flatMap(({ startedAt }) => startedAt ?? []);
    const longest =
      began.length === 0
        ? ''
        : `, ${jobs.length === 1 ? 'for' : 'longest for'} ${formatDuration(now - Math.min(...began))}`;
    const words =
      phase === 'running' ? 'running' : phase === 'starting' ? NOT_BEGUN[action] : spread(action, seen);
    return `… ${words}${longest} — ${plural(hosts.length, 'host')}: ${formatHostNames(hosts, 500)}`;
  });
}

/** Of several copies the least and the most. */
function spread(action: Work['action'], seen: readonly (Sight | undefined)[]): string {
  if (seen.length === 1) return describeSight(action, seen[0]);
  const parts = seen.flatMap((sight) =>
    sight?.phase === 'copying' && sight.totalBytes >= sight.movedBytes && sight.totalBytes > 0
      ? [percentOf(sight)]
      : [],
  );
  if (parts.length < seen.length) return 'copying';
  const [least, most] = [Math.min(...parts), Math.max(...parts)];
  return least === most ? `copying, ${least} %` : `copying, ${least} % to ${most} %`;
}

function percentOf({ movedBytes, totalBytes }: { readonly movedBytes: number; readonly totalBytes: number }) {
  return Math.floor((movedBytes / totalBytes) * 100);
}
