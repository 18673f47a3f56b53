import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { drain, okOutcome, openRig, openRun } from './rig.ts';

describe('files that are left on hosts', () => {
  test('are known after a crash, once the job that made them does not run any more', async () => {
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

  test('come with a table that a database of before does not have, and its copies say how they were verified', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: ['a', 'b'] });
    const reason = 'it said "verified":true, and so it is';
    await drain(rig.store, ({ host }) =>
      okOutcome('', {
        reason,
        file: { path: '/f', bytes: 1, sha256: 'd'.repeat(64), verified: host === 'a' ? 'checksum' : 'size' },
      }),
    );
    await rig.store.close();
    const old = new DatabaseSync(rig.path);
    old.exec(`update result set outcome_json = replace(replace(outcome_json, '"verified":"checksum"', '"verified":true'),
      '"verified":"size"', '"verified":false')`);
    expect(old.prepare('select outcome_json from result').all()).toHaveLength(2);
    old.exec('drop table leftover');
    old.exec("delete from kysely_migration where name = '0003-leftovers'");
    old.close();

    const store = await rig.reopen();
    const jobs = await store.listJobs(run.id);
    expect(jobs.map(({ outcome }) => [outcome?.file?.verified, outcome?.reason])).toEqual([
      ['checksum', reason],
      ['size', reason],
    ]);
    expect(await store.leftovers.list('a', run.id)).toEqual([]);
    expect((await store.audit.verify()).faults).toEqual([]);
  });
});
