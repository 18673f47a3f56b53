import { expect, test } from 'vitest';
import { openRun, ANN as TESTER } from '../store/rig.ts';
import { ANN, CLEO, DAN, type DeskRig, ELSEWHERE, OPS, openDeskRig } from './rig.ts';

let requests = 0;

async function ask(rig: DeskRig, text: string, requester = ANN, channelId = OPS): Promise<string> {
  requests += 1;
  const requestKey = `queue ${requests}`;
  return JSON.stringify(
    (await rig.desk.command({ command: '/batch', text, requester, channelId, requestKey })) ?? null,
  );
}

test('the queue says what of a run waits for what, and names no run that the asker may not see', async () => {
  await using rig = await openDeskRig();
  const { store } = rig.store;
  const theirs = await openRun(store, { hosts: ['db01'], requester: TESTER, channelId: 'C0SECRET' });
  const own = await openRun(store, {
    hosts: ['db01', 'web01', 'web02', 'web03'],
    fanOut: 1,
    requester: ANN,
    channelId: OPS,
  });
  await store.jobs.start(await store.jobs.take(10));
  const answer = await ask(rig, 'queue');
  expect(answer).toContain(own.id);
  expect(answer).toContain('1 running, the longest on web01 for');
  expect(answer).toContain('1 waiting for their host (db01 after another run)');
  expect(answer).toContain('2 waiting at the pace of its own fan-out, 1 at once');
  expect(answer).not.toContain(theirs.id);

  expect(await ask(rig, 'queue', CLEO, ELSEWHERE)).toContain('Nothing of yours or of this channel');
  expect(await ask(rig, 'queue', CLEO)).toContain(own.id);
  expect(await ask(rig, 'queue', DAN)).not.toContain(own.id);
  expect(await ask(rig, 'queue now')).toContain('one word too many');
});

test('that a run is held, and why, is told wherever it is listed', async () => {
  await using rig = await openDeskRig();
  const { store } = rig.store;
  const run = await openRun(store, { hosts: 2, requester: ANN, channelId: OPS });
  await store.holdRuns('the bot was away for 2 h');
  for (const text of ['queue', 'runs', `show ${run.id}`]) {
    expect(await ask(rig, text), text).toMatch(/held: the bot was away for 2 h/);
  }
  await store.resumeRun(run.id, ANN);
  for (const text of ['queue', 'runs', `show ${run.id}`]) {
    expect(await ask(rig, text), text).not.toMatch(/held/);
  }
});
