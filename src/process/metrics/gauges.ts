import { Gauge, type Registry } from 'prom-client';
import type { DiskUse } from '../../ports/disk.ts';
import type { Backlog } from '../../ports/store.ts';
import { within } from '../../time/within.ts';
import type { MetricsSource } from './source.ts';

/** Sooner than Prometheus gives up (10 s by default): a store that stands still must not take the rest along. */
const PATIENCE_MS = 5_000;

export function openGauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[] = [],
): Gauge {
  return new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
}

/** What shows the disk as it is when it is asked. */
export function openDiskGauges(registry: Registry): (source: MetricsSource) => Promise<void> {
  const gauges = (
    [
      ['batchops_disk_used_bytes', "What the bot's files hold on its disk", (use) => use.usedBytes],
      ['batchops_disk_quota_bytes', 'What they may hold', (use) => use.maxBytes],
      ['batchops_disk_free_bytes', 'What is free on the disk that they lie on', (use) => use.freeBytes],
    ] satisfies [string, string, (use: DiskUse) => number][]
  ).map(([name, help, figureOf]) => ({ gauge: openGauge(registry, name, help, ['what']), figureOf }));
  return async (source) => {
    const uses = (await orNothing(source.uses())) ?? [];
    for (const { gauge, figureOf } of gauges) {
      gauge.reset();
      // A disk that does not tell has no figure.
      for (const use of uses)
        if (Number.isFinite(figureOf(use))) gauge.set({ what: use.what }, figureOf(use));
    }
  };
}

/** What shows what waits in the store as it is when it is asked. */
export function openBacklogGauges(registry: Registry): (source: MetricsSource) => Promise<void> {
  const gauges = (
    [
      ['batchops_queue_jobs', 'Jobs that wait for their turn', ({ queue }) => queue.waiting],
      ['batchops_queue_held_jobs', 'Jobs that wait for a person to let them go', ({ queue }) => queue.held],
      [
        'batchops_queue_oldest_seconds',
        'Since the oldest run was asked for of which jobs wait for their turn; 0 where none does',
        ({ queue }) => queue.oldestMs / 1_000,
      ],
      ['batchops_outbox_due_rows', 'Messages and files that Slack is to get now', ({ outbox }) => outbox.due],
      [
        'batchops_outbox_oldest_seconds',
        'Since the oldest of them is due; 0 where none is',
        ({ outbox }) => outbox.oldestMs / 1_000,
      ],
      [
        'batchops_outbox_given_up_rows',
        'Messages and files that Slack would not take: npm run outbox -- list names them',
        ({ outbox }) => outbox.givenUp,
      ],
    ] satisfies [string, string, (backlog: Backlog) => number][]
  ).map(([name, help, figureOf]) => ({ gauge: openGauge(registry, name, help), figureOf }));
  return async (source) => {
    const backlog = await orNothing(source.backlog());
    for (const { gauge, figureOf } of gauges) {
      // No figure rather than an old one.
      if (backlog === undefined) gauge.remove();
      else gauge.set(figureOf(backlog));
    }
  };
}

/** What fails or takes too long is told by `/readyz`, and by the counters of failures. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await within(asked, { ms: PATIENCE_MS, late: () => undefined });
  } catch {
    return undefined;
  }
}
