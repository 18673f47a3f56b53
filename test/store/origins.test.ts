import { expect, test } from 'vitest';
import type { Origin } from '../../src/run/plan.ts';
import { openRig } from './rig.ts';

const fetched = (host: string, by: string): Origin => ({ kind: 'fetched', host, path: '/etc/shadow', by });

const MARK = { bytes: 4, changedAt: 1_000 };

test('an origin is on record before its file is in its place, beside the one it takes the place of', async () => {
  await using rig = await openRig();
  const { origins } = rig.store;
  expect(await origins.claim('a/shadow', fetched('db1', 'UANN'))).toBeUndefined();
  await origins.settle('a/shadow', fetched('db1', 'UANN'), MARK);
  expect(await origins.claim('a/shadow', fetched('web1', 'UANN'))).toBeUndefined();
  const store = await rig.reopen();
  expect(await store.origins.list('a/shadow')).toEqual([fetched('db1', 'UANN'), fetched('web1', 'UANN')]);
  await store.origins.settle('a/shadow', fetched('web1', 'UANN'), MARK);
  expect(await store.origins.list('a/shadow')).toEqual([fetched('web1', 'UANN')]);
  expect(await store.origins.list('a/other')).toEqual([]);
});

test("a name is one person's: of two who want it at once the second is told of the first", async () => {
  await using rig = await openRig();
  const { origins } = rig.store;
  const shared: Origin = { kind: 'shared', id: 'F1', by: 'UBOB' };
  const answers = await Promise.all([
    origins.claim('x', fetched('db1', 'UANN')),
    origins.claim('x', shared),
    origins.claim('x', fetched('web1', 'UANN')),
  ]);
  expect(answers).toEqual([undefined, fetched('db1', 'UANN'), undefined]);
  await origins.settle('x', fetched('web1', 'UANN'), MARK);
  expect(await origins.claim('x', shared)).toEqual(fetched('web1', 'UANN'));
  expect(await origins.list('x')).toEqual([fetched('web1', 'UANN')]);
});
