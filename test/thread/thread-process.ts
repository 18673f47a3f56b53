/** The child of thread.test.ts: a run of hosts that all say something else, brought to Slack. */
import { setTimeout } from 'node:timers/promises';
import { openDispatcher } from '../../src/queue/dispatcher.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import { createOpener } from '../../src/slack/outgoing/opener.ts';
import { openPoster } from '../../src/slack/outgoing/poster.ts';
import { openWorkspace } from '../../src/slack/workspace.ts';
import { openStore } from '../../src/store/open.ts';
import { createRenderer } from '../../src/thread/render.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { approveAny, skipAll } from '../queue/rig.ts';
import { streamOf } from '../report/samples.ts';
import { approvedPlan, hostNames, quiet } from '../store/rig.ts';
import { factsOf } from './thread-rig.ts';

const [database = '', apiUrl = '', token = '', channelId = '', hosts = ''] = process.argv.slice(2);
const hidden = (value: string) => ({ reveal: () => value });
const store = await openStore({
  url: `file:${database}`,
  hostConcurrency: 1,
  auditChannel: undefined,
  mask: (text) => text,
  log: quiet,
});
const workspace = await openWorkspace(
  {
    botToken: hidden(token),
    apiUrl,
    mode: { kind: 'http', signingSecret: hidden('x'), host: '127.0.0.1', port: 0 },
  },
  { mask: (text) => text, log: quiet },
);
const plan = approvedPlan({ hosts: hostNames(Number(hosts)), fanOut: 10, channelId });
const { run } = await store.createRun(plan, 'the one request');
if (run.state === 'opening') {
  const message = formatRoot(run, { now: Date.now() });
  const ts = await createOpener(workspace, quiet).openThread(channelId, message, `root:${run.id}`, true);
  await store.releaseRun(run.id, ts);
}
openPoster({
  outbox: store.outbox,
  places: store.places,
  render: createRenderer(factsOf(store)),
  workspace,
  log: quiet,
});
openDispatcher({
  jobs: store.jobs,
  concurrency: 10,
  async execute({ host }) {
    await setTimeout(200);
    return {
      ...bareOutcome('ok', '', 200),
      exitCode: 0,
      stdout: streamOf(`output number ${host.slice(3)} of many\n`.repeat(4)),
    };
  },
  approve: (runId) => approveAny(store, runId),
  refuse: (runId, refusal) => skipAll(store, runId, refusal.message),
  log: quiet,
});
