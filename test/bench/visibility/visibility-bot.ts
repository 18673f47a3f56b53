/**
 * The bot of visibility.ts, in a process of its own: the real store, queue and poster. Only the hosts are made
 * up, at the boundary of `execute`: what is measured begins where a host has ended.
 */
import { createHash } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMask } from '../../../src/gather/mask.ts';
import { threadFacts } from '../../../src/lifecycle/thread-facts.ts';
import type { Approved } from '../../../src/policy/approved.ts';
import { keepHeapSmall } from '../../../src/process/heap.ts';
import { openDispatcher } from '../../../src/queue/dispatcher.ts';
import { NO_OUTPUT, type Outcome } from '../../../src/run/outcome.ts';
import type { Plan } from '../../../src/run/plan.ts';
import { createOpener } from '../../../src/slack/outgoing/opener.ts';
import { openPoster } from '../../../src/slack/outgoing/poster.ts';
import { openWorkspace } from '../../../src/slack/workspace.ts';
import { openStore } from '../../../src/store/open.ts';
import { createRenderer } from '../../../src/thread/render.ts';
import { formatRoot } from '../../../src/thread/root.ts';

keepHeapSmall();
const [apiUrl = '', botToken = '', channelId = '', database = '', hosts = '', outputBytes = ''] =
  process.argv.slice(2);
const HOSTS = Number(hosts);
const quiet = {
  debug() {},
  info() {},
  warn() {},
  error: (fields: object, message: string) =>
    void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};
const hidden = (value: string) => ({ reveal: () => value });

/** `df -h` of a host, as long as was asked for; no two hosts say the same. */
function outputOf(n: number): string {
  const line = `/dev/sda1   ${40 + (n % 60)}G  ${n}M  12G  ${n % 100}% /srv/volume-${n}\n`;
  return line.repeat(Math.ceil(Number(outputBytes) / line.length)).slice(0, Number(outputBytes));
}

function outcomeOf(host: string): Outcome {
  const n = Number(host.slice(3));
  const text = outputOf(n);
  const isBad = n % 50 === 7;
  return {
    kind: isBad ? 'failed' : 'ok',
    exitCode: isBad ? 1 : 0,
    signal: null,
    reason: '',
    stdout: {
      ...NO_OUTPUT,
      head: text,
      totalBytes: text.length,
      sha256: createHash('sha256').update(text).digest('hex'),
    },
    stderr: NO_OUTPUT,
    durationMs: 20,
  };
}

const store = await openStore({
  url: `file:${database}`,
  hostConcurrency: 1,
  auditChannel: undefined,
  mask: (text) => text,
  log: quiet,
});
const mask = createMask(['a-secret-of-the-inventory']);
const workspace = await openWorkspace(
  {
    botToken: hidden(botToken),
    apiUrl,
    mode: { kind: 'http', signingSecret: hidden('x'), host: '127.0.0.1', port: 0 },
  },
  { mask: (text) => mask.text(text), log: quiet },
);
const noMask = createMask([]);
const ground = {
  inventory: { hosts: new Map(), groups: new Map(), secrets: [], warnings: [] },
  store,
  transfers: {
    digestSource: () => Promise.reject(new Error('no files here')),
    originsOf: async () => [],
    checkDestination: () => Promise.resolve(),
    read: () => Promise.resolve(null),
    keep: () => Promise.resolve(),
  },
  now: Date.now,
};
const poster = openPoster({
  outbox: store.outbox,
  places: store.places,
  render: createRenderer(threadFacts(ground, () => noMask)),
  workspace,
  log: quiet,
});

const target = (n: number) => ({
  host: `web${String(n).padStart(5, '0')}`,
  ip: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
  port: 22,
  user: 'ops',
});
const [first, ...rest] = Array.from({ length: HOSTS }, (_, n) => target(n));
if (first === undefined) throw new Error('no hosts');
const plan: Plan = {
  work: { action: 'run', command: 'df -h' },
  targets: [first, ...rest],
  fanOut: 100,
  timeLimitMs: 60_000,
  requester: { teamId: 'T1', userId: 'U0ADA0001' },
  channelId,
  typed: '/batch_run -h all -cmd "df -h"',
};
const { run } = await store.createRun(plan as Approved<Plan>, 'the request');
const rootTs = await createOpener(workspace, quiet).openThread(
  channelId,
  formatRoot(run, { now: Date.now() }),
  `root:${run.id}`,
);

let ended = 0;
let lastEndAt = 0;
let peakBytes = 0;
const watch = setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}, 50);
const delays = monitorEventLoopDelay({ resolution: 10 });
delays.enable();
const dispatcher = openDispatcher({
  jobs: store.jobs,
  concurrency: 100,
  async execute(job) {
    await sleep(20 + Math.random() * 40);
    ended += 1;
    if (ended === HOSTS) {
      lastEndAt = Date.now();
      process.send?.({ lastEndAt, runId: run.id, rootTs });
    }
    return outcomeOf(job.host);
  },
  approve: () => Promise.resolve(plan as Approved<Plan>),
  refuse: () => Promise.resolve(),
  log: quiet,
});
await store.releaseRun(run.id, rootTs);

process.on('message', () => {
  // The next one starts as a bot does that was started before.
  flushCompileCache();
  void (async () => {
    delays.disable();
    clearInterval(watch);
    process.send?.({
      peakMiB: Math.round(peakBytes / 2 ** 20),
      delayP99Ms: Math.round(delays.percentile(99) / 1e5) / 10,
      delayMaxMs: Math.round(delays.max / 1e5) / 10,
    });
    await dispatcher.stop(0);
    await poster.close();
    await store.close();
    process.disconnect();
  })();
});
