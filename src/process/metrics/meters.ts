import { Counter, Histogram, type Registry } from 'prom-client';
import { COUNTED, type Counted, type Meters, TIMED, type Timed } from '../../ports/meters.ts';

interface Described {
  readonly name: string;
  readonly help: string;
  readonly words: readonly string[];
  /** What these are words for; undefined where nothing tells its series apart. */
  readonly label: string | undefined;
}

const COUNTERS: Readonly<Record<Counted, Described>> = {
  runs: {
    name: 'batchops_runs_total',
    help: 'Runs that have ended, by whether every host ended ok',
    words: COUNTED.runs,
    label: 'outcome',
  },
  jobs: {
    name: 'batchops_jobs_total',
    help: 'Jobs that have ended, by how',
    words: COUNTED.jobs,
    label: 'outcome',
  },
  refusals: {
    name: 'batchops_refusals_total',
    help: 'Requests that were refused, by why',
    words: COUNTED.refusals,
    label: 'code',
  },
  rateLimits: {
    name: 'batchops_slack_rate_limited_total',
    help: 'Calls that Slack answered with 429, by method',
    words: COUNTED.rateLimits,
    label: 'method',
  },
  reconnects: {
    name: 'batchops_slack_reconnects_total',
    help: 'Socket Mode connections that were opened in the place of another',
    words: COUNTED.reconnects,
    label: undefined,
  },
  signatureErrors: {
    name: 'batchops_slack_signature_errors_total',
    help: "Requests over HTTP without a good signature of Slack's, or with one of another time",
    words: COUNTED.signatureErrors,
    label: undefined,
  },
  auditFailures: {
    name: 'batchops_audit_failures_total',
    help: 'Times that what was to be recorded in the audit could not be',
    words: COUNTED.auditFailures,
    label: undefined,
  },
  storeFailures: {
    name: 'batchops_store_failures_total',
    help: 'Times that the database did not do what it was asked',
    words: COUNTED.storeFailures,
    label: undefined,
  },
};

/** Seconds: from a host next door to a deployment that takes the night. */
const OF_WORK = [0.05, 0.25, 1, 5, 15, 60, 300, 1_800, 7_200];
const OF_NETWORK = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const HISTOGRAMS: Readonly<Record<Timed, Described & { readonly buckets: readonly number[] }>> = {
  waits: {
    name: 'batchops_job_wait_seconds',
    help: 'From when a job might have begun to its slot',
    words: TIMED.waits,
    label: undefined,
    buckets: OF_WORK,
  },
  logins: {
    name: 'batchops_login_seconds',
    help: 'From the address of a host to being logged in there, or not',
    words: TIMED.logins,
    label: 'result',
    buckets: OF_NETWORK,
  },
  work: {
    name: 'batchops_work_seconds',
    help: 'Commands, copies and looks on hosts that let us in',
    words: TIMED.work,
    label: 'action',
    buckets: OF_WORK,
  },
  calls: {
    name: 'batchops_slack_call_seconds',
    help: 'Calls of Slack, messages among them, by method',
    words: TIMED.calls,
    label: 'method',
    buckets: OF_NETWORK,
  },
};

/**
 * Every series is there from the start, at zero, and held: counting costs no look at labels. A word that is none of
 * those counts nowhere.
 */
export function openMeters(registry: Registry): Meters {
  const registers = [registry];
  const counters = new Map(
    Object.entries(COUNTERS).map(([what, { name, help, words, label }]) => {
      const counter = new Counter({ name, help, labelNames: labelNames(label), registers });
      const open = (labels: Labels) => {
        counter.inc(labels, 0);
        return counter.labels(labels);
      };
      return [what, seriesOf(words, label, open)] as const;
    }),
  );
  const histograms = new Map(
    Object.entries(HISTOGRAMS).map(([what, { name, help, words, label, buckets }]) => {
      const histogram = new Histogram({
        name,
        help,
        labelNames: labelNames(label),
        buckets: [...buckets],
        registers,
      });
      const open = (labels: Labels) => {
        histogram.zero(labels);
        return histogram.labels(labels);
      };
      return [what, seriesOf(words, label, open)] as const;
    }),
  );
  return {
    count: (what, which, times = 1) => counters.get(what)?.get(which)?.inc(times),
    took: (what, which, ms) =>
      histograms
        .get(what)
        ?.get(which)
        ?.observe(ms / 1_000),
  };
}

type Labels = Record<string, string>;

function seriesOf<Series>(
  words: readonly string[],
  label: string | undefined,
  open: (labels: Labels) => Series,
): ReadonlyMap<string, Series> {
  return new Map(words.map((word) => [word, open(label === undefined ? {} : { [label]: word })]));
}

function labelNames(label: string | undefined): string[] {
  return label === undefined ? [] : [label];
}
