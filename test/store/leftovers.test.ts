import { describe, expect, test } from 'vitest';
import { fileTest } from './file-test.ts';
import { openRig, openRun } from './rig.ts';

describe('files that are left on hosts', () => {
  fileTest('are known after a crash, once the job that made them does not run any more', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: ['a', 'b'], fanOut: 2 });
    await rig.store.jobs.start(await rig.store.jobs.take(2));
    const part = { host: 'a', path: '/tmp/.part', runId: run.id, belongsAt: null };
    const aside = { host: 'a', path: '/tmp/.old', runId: run.id, belongsAt: '/tmp/f' };
    await rig.store.leftovers.note(part);
    await rig.store.leftovers.note(aside);

    expect(await rig.store.leftovers.list('a', 'r-other')).toEqual([]);
    expect(await rig.store.leftovers.list('a', run.id)).toEqual([part, aside]);
    expect(await rig.store.leftovers.list('b', run.id)).toEqual([]);

    const store = await rig.reopen();
    expect(await store.leftovers.list('a', 'r-other')).toEqual([part, aside]);
    await store.leftovers.forget(part);
    expect(await store.leftovers.list('a', 'r-other')).toEqual([aside]);
    await store.leftovers.forget(aside);
    expect(await store.leftovers.list('a', 'r-other')).toEqual([]);
    // And the host is asked about anew once there is something again.
    await store.leftovers.note(part);
    expect(await store.leftovers.list('a', 'r-other')).toEqual([part]);
  });

  test('are noted once, however often', async () => {
    await using rig = await openRig();
    const part = { host: 'a', path: '/tmp/.part', runId: 'r-1', belongsAt: null };
    await rig.store.leftovers.note(part);
    await rig.store.leftovers.note({ ...part, runId: 'r-2' });
    expect(await rig.store.leftovers.list('a', 'r-3')).toEqual([{ ...part, runId: 'r-2' }]);
  });
});
