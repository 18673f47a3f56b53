import { expect, test } from 'vitest';
import { RESUME_ACTION } from '../../src/report/buttons.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { drain } from '../store/rig.ts';
import { ANN, CLEO, clickOn, DAN, type DeskRig, OPS, openDeskRig } from './rig.ts';

/** A run of Ann's on [web] of which web01 waits, held. */
async function holdOne(rig: DeskRig): Promise<string> {
  await rig.desk.command({
    command: '/batch_run',
    text: '-g web -cmd "df -h"',
    requester: ANN,
    channelId: OPS,
    requestKey: 'first',
  });
  expect(await rig.store.store.holdRuns('the bot was away for 25 min')).toBe(1);
  const [run] = await rig.store.store.listRuns(1);
  if (run === undefined) throw new Error('no run');
  expect(JSON.stringify(formatRoot(run, { now: Date.now() }))).toMatch(
    /\*1 waits: the bot was away for 25 min\.\*[\s\S]*Run the rest \(1\)/,
  );
  return run.id;
}

test('what is held is judged for whoever lets it go, starts once, and both are in the audit', async () => {
  await using rig = await openDeskRig();
  const id = await holdOne(rig);
  const { store } = rig.store;
  for (const [requester, words] of [
    [DAN, /No rule of this bot names you/],
    [CLEO, /You may not run this here on web01/],
  ] as const) {
    expect(JSON.stringify(await rig.desk.press(clickOn(RESUME_ACTION, id, { requester })))).toMatch(words);
    expect(await drain(store)).toEqual([]);
  }
  const answers = await Promise.all([0, 1, 2].map(() => rig.desk.press(clickOn(RESUME_ACTION, id))));
  const texts = answers.map((answer) => JSON.stringify(answer));
  expect(texts.filter((text) => /goes on: 1 host/.test(text))).toHaveLength(1);
  expect(texts.filter((text) => /Nothing of r-\w+ is held/.test(text))).toHaveLength(2);
  expect(await drain(store)).toHaveLength(1);
  const actions: string[] = [];
  for await (const entry of store.audit.entries()) actions.push(entry.action);
  expect(actions.filter((action) => action === 'held' || action === 'resumed')).toEqual(['held', 'resumed']);
  expect((await store.audit.verify()).faults).toEqual([]);
});

test('a late press lets nothing go, and does not ask for another where an earlier one has', async () => {
  await using rig = await openDeskRig();
  const id = await holdOne(rig);
  const late = () => rig.desk.press(clickOn(RESUME_ACTION, id, { isLate: true }));
  expect(JSON.stringify(await late())).toMatch(/reached Batchops late.*Press again/);
  expect(await drain(rig.store.store)).toEqual([]);
  await rig.desk.press(clickOn(RESUME_ACTION, id));
  const told = JSON.stringify(await late());
  expect(told).toMatch(/Nothing of r-\w+ is held \(any more\)/);
  expect(told).not.toMatch(/Press again/);
});

test('where nothing of a held run waits any more, that is said, and nothing of its hosts', async () => {
  await using rig = await openDeskRig({
    allowlist: `[all]\nusers = ${ANN.userId}\nchannels = ${OPS}\nhosts = all\nactions = run\ncommands = *\n`,
  });
  const { store } = rig.store;
  const requester = ANN;
  await rig.desk.command({
    command: '/batch_run',
    text: '-h web01,db01 -c 1 -cmd "df -h"',
    requester,
    channelId: OPS,
    requestKey: 'first',
  });
  expect(await store.jobs.start(await store.jobs.take(1))).toHaveLength(1);
  expect(await store.holdRuns('the bot was away for 25 min')).toBe(1);
  const [run] = await store.listRuns(1);
  if (run === undefined) throw new Error('no run');
  await store.cancelHosts(run.id, ['db01'], ANN);
  expect((await store.findRun(run.id))?.state).toBe('open');
  expect(JSON.stringify(await rig.desk.press(clickOn(RESUME_ACTION, run.id)))).toMatch(
    /Nothing of r-\w+ is held/,
  );
});

test('what is held can be cancelled, and then nothing lets it go', async () => {
  await using rig = await openDeskRig();
  const id = await holdOne(rig);
  await rig.store.store.cancelRun(id, ANN);
  expect((await rig.store.store.findRun(id))?.state).toBe('finished');
  expect(JSON.stringify(await rig.desk.press(clickOn(RESUME_ACTION, id)))).toMatch(
    /Nothing of r-\w+ is held/,
  );
  expect(await drain(rig.store.store)).toEqual([]);
});
