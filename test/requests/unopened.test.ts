import { expect, test } from 'vitest';
import type { Store } from '../../src/ports/store.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import { ANN, type DeskRig, OPS, openDeskRig } from './rig.ts';

const SOON = { timeout: 20_000, interval: 50 };

/** A command to a store of which some calls fail, as those of a database that is away. */
async function ask(rig: DeskRig, failing: (store: Store) => Partial<Store>): Promise<unknown> {
  const store = { ...rig.context.store, ...failing(rig.context.store) };
  const call = { requester: ANN, channelId: OPS, requestKey: 'first' };
  return await openRequests({ ...rig.context, store })
    .command({ command: '/batch_run', text: '-g web -cmd "df -h"', ...call })
    .catch((error: unknown) => error);
}

const away = async (): Promise<never> => {
  throw new Error('Connection terminated unexpectedly');
};

async function closedAs(rig: DeskRig): Promise<unknown> {
  const [run] = await rig.store.store.listRuns(1);
  const jobs = run === undefined ? [] : await rig.store.store.listJobs(run.id);
  return { state: run?.state, kinds: [...new Set(jobs.map(({ outcome }) => outcome?.kind))] };
}

const CLOSED = { state: 'finished', kinds: ['skipped'] };

test('a run that could neither be released nor given up, as the database went away, is closed once it is back: it does not stay as if it were about to begin', async () => {
  await using rig = await openDeskRig();
  let isAway = true;
  const failed = await ask(rig, (store) => ({
    releaseRun: (...words) => (isAway ? away() : store.releaseRun(...words)),
    skipJobs: (...words) => (isAway ? away() : store.skipJobs(...words)),
  }));
  expect(failed).toMatchObject({ message: expect.stringMatching(/terminated/) });
  expect(await closedAs(rig)).toMatchObject({ state: 'opening' });
  isAway = false;
  await expect.poll(() => closedAs(rig), SOON).toMatchObject(CLOSED);
  expect(await rig.store.store.jobs.take(10)).toEqual([]);
});

test('a run of which nobody heard that it was stored is closed: who asked was told that it failed', async () => {
  await using rig = await openDeskRig();
  const failed = await ask(rig, (store) => ({
    async createRun(...words) {
      await store.createRun(...words);
      return await away();
    },
  }));
  expect(failed).toMatchObject({ message: expect.stringMatching(/terminated/) });
  await expect.poll(() => closedAs(rig), SOON).toMatchObject(CLOSED);
  expect(rig.opened).toHaveLength(1);
  expect(await rig.store.store.jobs.take(10)).toEqual([]);
});
