import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import type { Meters } from '../../ports/meters.ts';
import { openBacklogGauges, openDiskGauges, openGauge } from './gauges.ts';
import { openMeters } from './meters.ts';
import type { MetricsSource } from './source.ts';

export interface Metrics {
  readonly meters: Meters;
  readonly contentType: string;
  /** All that is to be read now. What the store or the disk does not tell is left out, and the rest is told. */
  read(source: MetricsSource): Promise<string>;
}

/** Gauges of prom-client's own that have the name of a counter. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Prometheus metrics: what the parts tell of their work (`meters`), and what is so at the moment. */
export function openMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const meters = openMeters(registry);
  openGauge(registry, 'batchops_build_info', 'Which release runs; always 1', ['version']).set({ version }, 1);
  const running = openGauge(registry, 'batchops_jobs_running', 'Jobs on the wire in this process');
  const waiting = openGauge(
    registry,
    'batchops_jobs_waiting',
    'Jobs that have a slot and are not on the wire',
  );
  const kept = openGauge(
    registry,
    'batchops_kept_connections',
    'Sessions with hosts that are kept for the next command there',
  );
  const connections = openGauge(
    registry,
    'batchops_slack_connections',
    "Socket Mode connections of this app as Slack counted them last, other processes' and some that have ended included",
  );
  const otherBots = openGauge(
    registry,
    'batchops_other_bots',
    "Other processes that were seen to write with this bot's token within a day: there should be none",
  );
  const linesLost = new Counter({
    name: 'batchops_log_lines_lost_total',
    help: 'Log lines that could not be written: their reader was gone or too slow, or the disk was full',
    registers: [registry],
  });
  const showUses = openDiskGauges(registry);
  const showBacklog = openBacklogGauges(registry);

  return {
    meters,
    contentType: registry.contentType,
    async read(source) {
      await Promise.all([showUses(source), showBacklog(source)]);
      const jobs = source.jobs();
      running.set(jobs.running);
      waiting.set(jobs.waiting);
      kept.set(source.keptConnections());
      connections.set(source.connections() ?? 0);
      otherBots.set(source.otherBots());
      linesLost.reset();
      linesLost.inc(source.logLinesLost());
      return await registry.metrics();
    },
  };
}
