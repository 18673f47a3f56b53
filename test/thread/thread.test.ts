import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unfoldTerm } from '../../src/inventory/host-set.ts';
import type { Store } from '../../src/ports/store.ts';
import { bareOutcome, type Outcome } from '../../src/run/outcome.ts';
import type { Run, TakenJob } from '../../src/run/run.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import { openPoster, type Poster } from '../../src/slack/outgoing/poster.ts';
import { openWorkspace, type Workspace } from '../../src/slack/workspace.ts';
import { createRenderer } from '../../src/thread/render.ts';
import { streamOf } from '../report/samples.ts';
import { OPS, openTestSlack, recordLog, settingsFor, WEB, withScopes } from '../slack/rig.ts';
import { approvedPlan, drain, hostNames, openRig, type PlanWish, type StoreRig } from '../store/rig.ts';
import { factsOf } from './thread-rig.ts';

interface ThreadRig extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly store: Store;
  readonly rig: StoreRig;
  begin(wish: PlanWish): Promise<Run>;
  thread(run: Run): readonly StoredMessage[];
}

const groups = { web: ['web01', 'web02', 'web03'] };

/** The real store, poster and renderer over a strict local Slack; the hosts are the test's. */
async function openThread(): Promise<ThreadRig> {
  const stack = new AsyncDisposableStack();
  const slack = stack.adopt(await openTestSlack(), (it) => it.close());
  const rig = stack.use(await openRig({ auditChannel: undefined }));
  const log = recordLog();
  const workspace: Workspace = await openWorkspace(settingsFor(slack), { mask: (text) => text, log });
  stack.adopt<Poster>(
    openPoster({
      outbox: rig.store.outbox,
      places: rig.store.places,
      render: createRenderer(factsOf(rig.store, groups)),
      workspace,
      log,
    }),
    (it) => it.close(),
  );
  let requests = 0;
  return {
    slack,
    rig,
    store: rig.store,
    async begin(wish) {
      const { run } = await rig.store.createRun(approvedPlan({ channelId: OPS, ...wish }), `${++requests}`);
      const root = await workspace.posts.chat.postMessage({ channel: run.plan.channelId, text: run.id });
      await rig.store.releaseRun(run.id, root.ts ?? '');
      return { ...run, rootTs: root.ts ?? '' };
    },
    thread: (run) => slack.thread(run.plan.channelId, run.rootTs ?? ''),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function saying(text: string, more: Partial<Outcome> = {}): Outcome {
  return { ...bareOutcome('ok', '', 12), exitCode: 0, stdout: streamOf(text), ...more };
}

function textOf(message: StoredMessage | undefined): string {
  return JSON.stringify(message?.blocks ?? []).replaceAll('\\n', '\n');
}

function unfold(term: string): readonly string[] {
  const unfolded = unfoldTerm(term);
  return 'names' in unfolded ? unfolded.names : [];
}

const filesOf = (slack: LocalSlack, messages: readonly StoredMessage[]) =>
  messages
    .flatMap((message) => message.files)
    .map((id) => slack.workspace.files.get(id))
    .map((file) => ({ name: file?.name ?? '', text: Buffer.from(file?.bytes ?? []).toString() }));

describe.concurrent('a thread', () => {
  test('of up to ten hosts has a reply for each, and no files', async () => {
    await using rig = await openThread();
    const run = await rig.begin({ hosts: 3 });
    await drain(rig.store, ({ host }) => saying(host));
    await rig.slack.waitFor(() => rig.thread(run).length === 3);
    expect(rig.thread(run).map(({ text }) => text.split(':')[0])).toEqual(['web01', 'web02', 'web03']);
    expect(rig.thread(run).flatMap(({ files }) => files)).toEqual([]);
  });

  test('of more hosts has each different result once, and everything in two files', async () => {
    await using rig = await openThread();
    const run = await rig.begin({ hosts: 30, fanOut: 30 });
    await drain(rig.store, ({ host }) =>
      host === 'web07' ? bareOutcome('unreachable', 'no answer from 10.0.0.6:22') : saying('nginx 1.24\n'),
    );
    await rig.slack.waitFor(() => rig.thread(run).length === 3, 10_000);
    const [board, ...uploads] = rig.thread(run);
    const text = textOf(board);
    expect(text.indexOf('web07')).toBeLessThan(text.indexOf('web[01-06,08-30] (29)'));
    expect(text.split('nginx 1.24').length).toBe(2);
    const files = filesOf(rig.slack, uploads);
    expect(files.map(({ name }) => name).toSorted()).toEqual([`${run.id}.jsonl`, `${run.id}.txt`]);
    const log = files.find(({ name }) => name.endsWith('.txt'))?.text ?? '';
    const places = hostNames(30).map((host) => log.indexOf(`${run.id} ${host}: `));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
    const records = (files.find(({ name }) => name.endsWith('.jsonl'))?.text ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ host }) => host)).toEqual(hostNames(30));
    expect(records[6]).toMatchObject({ outcome: 'unreachable', exitCode: null });
    expect(records[0]).toMatchObject({ outcome: 'ok', exitCode: 0, stdout: { text: 'nginx 1.24\n' } });
    expect(rig.slack.violations).toEqual([]);
  });

  test('folds and compares also few hosts where that was asked for, and names a whole group by its name', async () => {
    await using rig = await openThread();
    const run = await rig.begin({ hosts: 4, fold: 'similar', diff: true });
    const lines = Array.from({ length: 12 }, (_, n) => `line ${n}`);
    await drain(rig.store, ({ host }) =>
      saying([`I am ${host}`, ...(host === 'web04' ? lines.with(6, 'another') : lines)].join('\n')),
    );
    await rig.slack.waitFor(() => rig.thread(run).length === 3, 10_000);
    const text = textOf(rig.thread(run)[0]);
    expect(text).toContain('@web (3)');
    expect(text).toContain('I am {host}');
    expect(text).toContain('-line 6\n+another');
  });

  test('shows the first results while others still run, and all of them in the same message', async () => {
    await using rig = await openThread();
    const run = await rig.begin({ hosts: 12, fanOut: 6 });
    const settle = async (jobs: readonly TakenJob[]): Promise<void> => {
      await rig.store.jobs.settle(jobs.map((job) => ({ job, outcome: saying('up 3 days\n') })));
    };
    await settle(await rig.store.jobs.start(await rig.store.jobs.take(6)));
    const first = await rig.slack.waitFor(() => rig.thread(run)[0], 5_000);
    expect(textOf(first)).toContain('6 of 12 hosts so far');
    await settle(await rig.store.jobs.start(await rig.store.jobs.take(6)));
    await rig.slack.waitFor(() => textOf(rig.thread(run)[0]).includes('12 hosts, one result'), 5_000);
    await rig.slack.waitFor(() => rig.thread(run).length === 3, 5_000);
    expect(rig.thread(run)[0]?.ts).toBe(first.ts);
  });

  test('of a small run does not wait behind a large one in the same channel', async () => {
    await using rig = await openThread();
    await rig.begin({ hosts: 600, fanOut: 600 });
    await drain(rig.store, ({ host }) => saying(`${host}\n`.repeat(40)));
    const small = await rig.begin({ hosts: ['db1', 'db2'] });
    await drain(rig.store, ({ host }) => saying(host));
    const isThere = (host: string) => rig.thread(small).some(({ text }) => text.includes(`${host}:`));
    await rig.slack.waitFor(() => isThere('db1') && isThere('db2'), 6_000);
  });

  test('says so where its files cannot come, because the bot is not in the channel', async () => {
    await using rig = await openThread();
    const run = await rig.begin({ hosts: 11, channelId: WEB });
    await drain(rig.store, () => saying('x'));
    await rig.slack.waitFor(() => rig.thread(run).length === 3, 10_000);
    expect(rig.thread(run).filter(({ text }) => /could not be put here.*\/invite/.test(text))).toHaveLength(
      2,
    );
  });
});

const child = new URL('thread-process.ts', import.meta.url).pathname;

/** A bot that is killed whenever the test says, and begins again over the same files. */
async function openKilledBot(hosts: number) {
  const slack = await openTestSlack({ manifest: withScopes('channels:history'), pace: { isLimited: false } });
  const folder = mkdtempSync(join(tmpdir(), 'batchops-thread-'));
  const root = () => slack.messages(OPS)[0];
  return {
    slack,
    root,
    thread: () => slack.thread(OPS, root()?.ts ?? ''),
    async live(isTime: () => boolean): Promise<void> {
      const { bot: token } = slack.settings.tokens;
      const database = join(folder, 'batchops.db');
      const bot = spawn(process.execPath, [child, database, slack.apiUrl, token, OPS, String(hosts)], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      const gone = once(bot, 'exit');
      try {
        await slack.waitFor(() => isTime() || bot.exitCode !== null, 30_000);
      } finally {
        bot.kill('SIGKILL');
        await gone;
      }
    },
    async [Symbol.asyncDispose]() {
      await slack.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test('killed at any point and started again, a board is neither doubled nor lost, and names every host once', async () => {
  await using bot = await openKilledBot(100);
  const { slack, live, root, thread } = bot;
  const callsOf = (method: string): number => slack.calls.filter((call) => call.method === method).length;

  // After the root message, after the first page, in the middle of the edits, after some of the last pages.
  await live(() => slack.messages(OPS).length > 0);
  await live(() => thread().length > 0);
  const edits = callsOf('chat.update');
  await live(() => callsOf('chat.update') > edits);
  await live(() => thread().length > 2);
  await live(() => thread().length > 3);
  const pagesNow = () => thread().filter(({ files }) => files.length === 0);
  await live(() => {
    const files = thread().flatMap((message) => message.files);
    const isSummed = / of 100 in /.test(root()?.text ?? '');
    return files.length >= 2 && isSummed && textOf(pagesNow().at(-1)).includes('.jsonl');
  });

  const pages = pagesNow();
  const keys = pages.map(({ metadata }) => JSON.stringify(metadata));
  expect(new Set(keys).size, 'a page was posted twice').toBe(keys.length);
  expect(root()?.text).toMatch(/ of 100 in /);
  const named = boldIn(pages)
    .map((names) => names.replace(/ \(\d+\)$/, ''))
    .flatMap((names) => names.split(/,(?![^[]*\])/).flatMap(unfold));
  expect(named.filter((name) => name.startsWith('web')).toSorted()).toEqual(hostNames(100).toSorted());
  const total = /page \d+ of (\d+)/.exec(pages[0]?.text ?? '')?.[1];
  expect(pages).toHaveLength(Number(total));
}, 120_000);

test('killed at any point and started again, ten hosts’ results are neither doubled nor lost, alone or together', async () => {
  await using bot = await openKilledBot(10);
  const { slack, live, root, thread } = bot;
  const hosts = () => boldIn(thread()).filter((name) => name.startsWith('web'));
  // After the root message, after each by itself, and as soon as some stand in one.
  await live(() => slack.messages(OPS).length > 0);
  await live(() => hosts().length > 0);
  await live(() => hosts().length > 1);
  await live(() => thread().some(({ metadata }) => 'rows' in Object(metadata?.event_payload)));
  await live(() => hosts().length >= 10 && / of 10 in /.test(root()?.text ?? ''));
  expect(hosts().toSorted()).toEqual(hostNames(10));
}, 120_000);

function boldIn(messages: readonly StoredMessage[]): string[] {
  const texts = messages.map(textOf).join('');
  return Array.from(texts.matchAll(/"text":"([^"]+)","style":\{"bold":true\}/g), ([, text = '']) => text);
}
