import { describe, expect, test } from 'vitest';
import type { Meters } from '../../src/ports/meters.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import { openReader } from '../../src/store/embedded/database.ts';
import { queuedJobs } from '../../src/store/outbox/backlog.ts';
import { ANN, approvedPlan, claimAll, drain, okOutcome, openRig, openRun, type StoreRig } from './rig.ts';

interface Recorded extends Meters {
  /** `runs ok` → how many. */
  readonly counts: Record<string, number>;
}

function recordMeters(): Recorded {
  const counts: Record<string, number> = {};
  const add = (key: string, times: number): void => {
    counts[key] = (counts[key] ?? 0) + times;
  };
  return {
    counts,
    count: (what, which, times = 1) => add(`${what} ${which}`, times),
    took: (what, which) => add(`${what} ${which}`, 1),
  };
}

async function openMetered(): Promise<{ rig: StoreRig; counts: Record<string, number> }> {
  const meters = recordMeters();
  return { rig: await openRig({ meters }), counts: meters.counts };
}

describe('what the store counts', () => {
  test('each job and each run once, by how it ended', async () => {
    const { rig, counts } = await openMetered();
    await using _ = rig;
    const { store } = rig;
    await openRun(store, { hosts: 2 });
    await drain(store);
    expect(counts).toEqual({ 'jobs ok': 2, 'runs ok': 1, 'waits all': 2 });

    await openRun(store, { hosts: 3, skip: { web02: 'it is taken out' } });
    await drain(store);
    expect(counts).toMatchObject({ 'jobs ok': 4, 'jobs skipped': 1, 'runs some-skipped': 1 });

    await openRun(store, { hosts: 2 });
    await drain(store, () => bareOutcome('unreachable', 'no answer'));
    expect(counts).toMatchObject({ 'jobs unreachable': 2, 'runs not-ok': 1 });

    const cancelled = await openRun(store, { hosts: 2 });
    await store.cancelRun(cancelled.id, ANN);
    expect(counts).toMatchObject({ 'jobs skipped': 3, 'runs cancelled': 1 });

    const { run } = await store.createRun(approvedPlan({ hosts: 4 }), 'never opened');
    await store.abandonRun(run.id, 'the channel is archived');
    expect(counts).toMatchObject({ 'jobs skipped': 7, 'runs not-begun': 1 });
  });

  test('nothing of what was rolled back, and then what was stored after all', async () => {
    const { rig, counts } = await openMetered();
    await using _ = rig;
    const { store } = rig;
    await openRun(store, { hosts: 1 });
    const started = await store.jobs.start(await store.jobs.take(1));
    const ended = started.map((job) => ({ job, outcome: okOutcome() }));
    rig.sql("create trigger no_more before update on audit_head begin select raise(abort, 'full'); end");
    await expect(store.jobs.settle(ended)).rejects.toThrow('full');
    expect(counts).toEqual({ 'waits all': 1, 'storeFailures all': 1 });
    rig.sql('drop trigger no_more');
    await store.jobs.settle(ended);
    expect(counts).toMatchObject({ 'jobs ok': 1, 'runs ok': 1 });
  });

  test('what was left running counts as interrupted at the next start', async () => {
    const { rig, counts } = await openMetered();
    await using _ = rig;
    await openRun(rig.store, { hosts: 2 });
    await rig.store.jobs.start(await rig.store.jobs.take(2));
    await rig.reopen();
    expect(counts).toMatchObject({ 'jobs interrupted': 2, 'runs not-ok': 1 });
  });
});

describe('what the store has to do', () => {
  test('is what waits for its turn, what is held, and what Slack is to get or would not take', async () => {
    let now = 1_000_000;
    await using rig = await openRig({ now: () => now });
    const { store } = rig;
    await openRun(store, { hosts: 3, fanOut: 1 });
    now += 5_000;
    await store.jobs.start(await store.jobs.take(1));
    expect((await store.backlog()).queue).toEqual({ waiting: 2, held: 0, oldestMs: 5_000 });
    await store.holdRuns('the bot was away');
    expect((await store.backlog()).queue).toEqual({ waiting: 0, held: 2, oldestMs: 0 });

    const before = (await store.backlog()).outbox;
    expect(before).toMatchObject({ due: expect.any(Number), oldestMs: 5_000, givenUp: 0 });
    const rows = await claimAll(store, { now: now + 10_000 });
    for (const row of rows) await store.outbox.giveUp(row, 'invalid_blocks');
    expect((await store.backlog()).outbox).toEqual({ due: 0, oldestMs: 0, givenUp: rows.length });
  });

  test('is nothing where a run never had a thread: nobody waits for its messages', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    const { run } = await rig.store.createRun(approvedPlan(), 'never opened');
    await rig.store.abandonRun(run.id, 'the channel is archived');
    expect((await rig.store.backlog()).outbox.givenUp).toBe(0);
  });

  test('is counted from the runs that go on, however many have ended', async () => {
    await using rig = await openRig();
    const { db, close } = openReader(rig.path);
    const { sql, parameters } = queuedJobs(db).compile();
    await close();
    expect(parameters).toEqual(['queued']);
    const plan = rig.sql(`explain query plan ${sql.replace('?', "'queued'")}`).map(({ detail }) => detail);
    expect(plan).toEqual([
      expect.stringMatching(/^S\w+ run USING INDEX run_open\b/),
      expect.stringMatching(/^SEARCH job USING .*\(run_id=\? AND state=\?\)/),
    ]);
  });
});
