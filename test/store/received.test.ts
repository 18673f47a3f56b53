import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ReceivedRequest } from '../../src/run/received.ts';
import { ANN, approvedPlan, openRig } from './rig.ts';

const asked = (requestKey: string): ReceivedRequest => ({
  requester: ANN,
  channelId: 'COPS',
  what: '/batch_run',
  requestKey,
});

test('what came in is known over a crash until it is answered; a run with its thread is an answer', async () => {
  await using rig = await openRig();
  const { received } = rig.store;
  const answered = randomUUID();
  await received.note(asked('answered'), answered);
  await received.note(asked('lost'), randomUUID());
  await received.note(asked('becomes a run'), randomUUID());
  await received.note(asked('has no thread'), randomUUID());
  await received.note(asked('a click'), randomUUID());
  await received.forget([answered]);

  const { run } = await rig.store.createRun(approvedPlan(), 'becomes a run');
  await rig.store.releaseRun(run.id, '1.0');
  // Brought once more, and put down behind the run that it finds.
  await received.note(asked('becomes a run'), randomUUID());
  const { run: unopened } = await rig.store.createRun(approvedPlan(), 'has no thread');
  // Of a button, whose runs have a key of their own.
  const { run: again } = await rig.store.createRun(approvedPlan(), "the button's", undefined, 'a click');

  const store = await rig.reopen();
  const left = (await store.received.unanswered()).map(({ requestKey, runId }) => [requestKey, runId]);
  expect(left.toSorted()).toEqual(
    [
      ['lost', undefined],
      ['has no thread', unopened.id],
      ['a click', again.id],
    ].toSorted(),
  );
  await store.releaseRun(again.id, '2.0');
  // Each is told once; where that process is gone as well, by the next one.
  expect(await store.received.unanswered()).toEqual([]);
  const next = await rig.reopen();
  expect((await next.received.unanswered()).map(({ requestKey }) => requestKey).toSorted()).toEqual([
    'has no thread',
    'lost',
  ]);
});

test('a word about one that is gone is about no other', async () => {
  await using rig = await openRig();
  const { received } = rig.store;
  const first = randomUUID();
  await received.note(asked('first'), first);
  const { run } = await rig.store.createRun(approvedPlan(), 'first');
  await rig.store.releaseRun(run.id, '1.0');
  await received.note(asked('second'), randomUUID());
  await received.forget([first]);
  const store = await rig.reopen();
  expect(await store.received.unanswered()).toMatchObject([{ requestKey: 'second' }]);
});
