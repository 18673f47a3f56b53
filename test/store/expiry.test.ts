import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { UNMETERED } from '../../src/ports/meters.ts';
import type { Keeping } from '../../src/ports/records.ts';
import { openFile } from '../../src/store/embedded/database.ts';
import { findNext, markGone } from '../../src/store/expiry/mark.ts';
import type { Ledger } from '../../src/store/jobs/settle.ts';
import { Plans } from '../../src/store/runs/plans.ts';
import { postLog } from '../../src/store/runs/runs.ts';
import { fileTest } from './file-test.ts';
import { ANN, approvedPlan, claimAll, drain, okOutcome, openRig, openRun, type StoreRig } from './rig.ts';

const DAY = 86_400_000;
const FOREVER: Keeping = {
  outputMs: Number.POSITIVE_INFINITY,
  runMs: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};

/** Rows of what is removed, all tables together. */
const countRows = async (rig: StoreRig): Promise<number> =>
  Number(
    (
      await rig.query(`select (select count(*) from output) + (select count(*) from result) + (select count(*) from job)
      + (select count(*) from outbox where turn <> 'audit') as n`)
    )[0]?.n,
  );

async function expire(rig: StoreRig, keep: Keeping): Promise<number> {
  let steps = 0;
  while (await rig.store.expiry.step(keep)) steps += 1;
  return steps;
}

/** Slack has all that there is. */
async function postAll({ store }: StoreRig): Promise<void> {
  for (;;) {
    const rows = await claimAll(store, { now: Date.now() + 1_000 * DAY });
    if (rows.length === 0) return;
    for (const row of rows) await store.outbox.sent(row, `1.${row.position + 2}`);
  }
}

/** A rig whose clock is this far ahead. */
async function openAged() {
  const clock = { aheadMs: 0 };
  const rig = await openRig({ now: () => Date.now() + clock.aheadMs, steady: Date.now });
  return { rig, clock, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

describe('what is stored', () => {
  test('of commands that nobody said the missing word about goes after a day, and they are not run later', async () => {
    await using aged = await openAged();
    const { rig, clock } = aged;
    const put = (requestKey: string) =>
      rig.store.doubts.put({
        kind: 'late',
        requester: ANN,
        channelId: 'C0OPS',
        requestKey,
        command: '/batch_run',
        text: '-h web01 -cmd "mysql -phunter2"',
      });
    const old = await put('one');
    clock.aheadMs = 2 * DAY;
    expect(await rig.store.doubts.take(old ?? '', ANN)).toBeUndefined();
    clock.aheadMs = 0;
    const young = await put('two');
    clock.aheadMs = DAY / 2;
    await expire(rig, FOREVER);
    expect(await rig.query('select id from doubt')).toHaveLength(2);
    clock.aheadMs = 2 * DAY;
    await expire(rig, FOREVER);
    expect(await rig.query('select id from doubt')).toEqual([]);
    expect(young).toBeDefined();
  });

  test('goes when it is too old: first what was said, then the run; how it ended stays known to the audit', async () => {
    await using aged = await openAged();
    const { rig, clock } = aged;
    const old = await openRun(rig.store, { hosts: 3 });
    await drain(rig.store, () => okOutcome('up'));
    await postAll(rig);
    clock.aheadMs = 40 * DAY;
    const young = await openRun(rig.store, { hosts: 2 });
    await drain(rig.store, () => okOutcome('up'));
    await postAll(rig);

    const keep = { ...FOREVER, outputMs: 30 * DAY, runMs: 300 * DAY };
    await expire(rig, keep);
    const run = await rig.store.findRun(old.id);
    expect(run?.outputGoneAt).toBeGreaterThan(Date.now() + 39 * DAY);
    expect((await rig.store.findJob(old.id, 'web01'))?.outcome).toMatchObject({
      kind: 'ok',
      exitCode: 0,
      stdout: { head: '', totalBytes: 2, sha256: 'a'.repeat(64) },
    });
    expect((await rig.store.findJob(young.id, 'web01'))?.outcome?.stdout.head).toBe('up');
    expect((await rig.store.findRun(young.id))?.outputGoneAt).toBeUndefined();
    expect((await rig.store.audit.verify()).faults).toEqual([]);

    clock.aheadMs = 310 * DAY;
    await postAll(rig);
    await expire(rig, keep);
    expect(await rig.store.findRun(old.id)).toBeUndefined();
    expect(await rig.store.findGoneRun(old.id)).toMatchObject({
      id: old.id,
      requester: ANN,
      channelId: 'COPS',
    });
    expect(await rig.store.findGoneRun(young.id)).toBeUndefined();
    expect((await rig.store.listRuns(10)).map(({ id }) => id)).toEqual([young.id]);
    expect(await rig.query('select distinct run_id from job')).toEqual([{ run_id: young.id }]);
    expect(await rig.query(`select key from outbox where key like '%${old.id}%'`)).toEqual([]);
    expect(await rig.query(`select plan_json from run where id = '${old.id}'`)).toEqual([{ plan_json: '' }]);
    const { entries, faults } = await rig.store.audit.verify();
    expect(faults).toEqual([]);
    expect(entries).toBeGreaterThan(6);
    const again = await rig.reopen();
    expect((await again.audit.verify()).faults).toEqual([]);
    expect(await again.findGoneRun(old.id.toUpperCase())).toMatchObject({ id: old.id });
  });

  test('stays, however old and however full it is, of a run that has not ended or is not all in Slack', async () => {
    await using aged = await openAged();
    const { rig, clock } = aged;
    const waiting = await openRun(rig.store, { hosts: 2 });
    const [first] = await rig.store.jobs.start(await rig.store.jobs.take(1));
    if (first !== undefined) await rig.store.jobs.settle([{ job: first, outcome: okOutcome('up') }]);
    await postAll(rig);
    await rig.store.cancelHosts(waiting.id, [], ANN);
    const { run: opening } = await rig.store.createRun(approvedPlan(), 'opening');
    const unsent = await openRun(rig.store, { hosts: ['solo'] });
    await rig.store.jobs.settle(
      (await rig.store.jobs.start(await rig.store.jobs.take(100)))
        .filter(({ runId }) => runId === unsent.id)
        .map((job) => ({ job, outcome: okOutcome('up') })),
    );
    const before = await countRows(rig);
    clock.aheadMs = 5_000 * DAY;
    for (const keep of [{ outputMs: DAY, runMs: DAY, maxBytes: 1 }]) await expire(rig, keep);
    expect(await countRows(rig)).toBe(before);
    for (const { id } of [waiting, opening, unsent])
      expect((await rig.store.findRun(id))?.outputGoneAt).toBeUndefined();
    expect([...(await rig.store.unfinishedRuns())]).toEqual(
      expect.arrayContaining([waiting.id, opening.id, unsent.id]),
    );
  });

  test('keeps what was given up in Slack until its run is too old: it stands nowhere else', async () => {
    await using aged = await openAged();
    const { rig, clock } = aged;
    const run = await openRun(rig.store, { hosts: 1 });
    await drain(rig.store, () => okOutcome('up'));
    for (const row of await claimAll(rig.store, { now: Date.now() + DAY })) {
      if (row.key.startsWith('reply:')) await rig.store.outbox.giveUp(row, 'channel_not_found');
      else await rig.store.outbox.sent(row, '1.1');
    }
    clock.aheadMs = 100 * DAY;
    await expire(rig, { outputMs: 30 * DAY, runMs: 200 * DAY, maxBytes: 1 });
    expect((await rig.store.findJob(run.id, 'web01'))?.outcome?.stdout.head).toBe('up');
    clock.aheadMs = 201 * DAY;
    await expire(rig, { outputMs: 30 * DAY, runMs: 200 * DAY, maxBytes: 1 });
    expect(await rig.store.findGoneRun(run.id)).toMatchObject({ id: run.id });
  });

  test('goes in small steps, after each of which the audit is whole, and goes on after a crash', async () => {
    await using aged = await openAged();
    const { rig, clock } = aged;
    await openRun(rig.store, { hosts: 300 });
    await drain(rig.store, () => okOutcome('x'.repeat(40_000)));
    await postAll(rig);
    clock.aheadMs = 400 * DAY;
    const keep = { ...FOREVER, outputMs: 30 * DAY, runMs: 300 * DAY };
    let left = await countRows(rig);
    let steps = 0;
    while (await rig.store.expiry.step(keep)) {
      const now = await countRows(rig);
      expect(left - now).toBeLessThanOrEqual(500);
      left = now;
      steps += 1;
      if (steps % 12 === 0) expect((await rig.store.audit.verify()).faults).toEqual([]);
      if (steps === 7) await rig.reopen();
    }
    // Of 12 MB no more than half of one at a time.
    expect(steps).toBeGreaterThan(25);
    expect(await rig.query('select count(*) as n from job')).toEqual([{ n: 0 }]);
    expect(await rig.query('select count(*) as n from expiring')).toEqual([{ n: 0 }]);
  }, 120_000);

  fileTest(
    'goes by size too, the oldest first, and the file gets smaller',
    async () => {
      await using rig = await openRig();
      const runs: string[] = [];
      for (let n = 0; n < 4; n += 1) {
        runs.push((await openRun(rig.store, { hosts: 100 })).id);
        await drain(rig.store, () => okOutcome('x'.repeat(100_000)));
        await postAll(rig);
      }
      const full = await rig.store.usedBytes();
      await expire(rig, { ...FOREVER, maxBytes: full });
      const gone = await Promise.all(
        runs.map(async (id) => (await rig.store.findRun(id))?.outputGoneAt !== undefined),
      );
      expect(gone).toEqual([true, false, false, false]);
      expect(await rig.store.usedBytes()).toBeLessThan(0.8 * full);
      const [{ pages, free } = {}] = await rig.query(
        'select page_count as pages, freelist_count as free from pragma_page_count, pragma_freelist_count',
      );
      expect(Number(pages) * 4_096).toBeLessThan(0.9 * full);
      expect(Number(free)).toBeLessThanOrEqual(1_000);
    },
    120_000,
  );

  test.each([
    ['marked as gone without an entry', "update run set gone_at = 1, plan_json = ''"],
    ['altered in what is left of it', "update run set digest = 'other'"],
    ['put back', 'update run set gone_at = null'],
    ['given another number', 'update run set number = 7'],
  ])('is a fault where a run was %s', async (_, statement) => {
    await using aged = await openAged();
    const { rig, clock } = aged;
    await openRun(rig.store, { hosts: 1 });
    await drain(rig.store);
    await postAll(rig);
    if (!statement.includes('gone_at = 1')) {
      clock.aheadMs = 400 * DAY;
      await expire(rig, { ...FOREVER, runMs: 300 * DAY });
    }
    expect((await rig.store.audit.verify()).faults).toEqual([]);
    await rig.query(statement);
    expect((await rig.store.audit.verify()).faults).not.toEqual([]);
  });
});

fileTest(
  'what somebody asks of a run after it was found to be old, and before that is signed off, keeps it',
  async () => {
    await using rig = await openRig();
    const asked = await openRun(rig.store, { hosts: 1 });
    const left = await openRun(rig.store, { hosts: ['db01'] });
    await drain(rig.store, () => okOutcome('up'));
    await postAll(rig);
    await rig.store.close();
    const { db, close } = openFile(rig.path);
    const ledger: Ledger = {
      db,
      plans: new Plans(),
      now: Date.now,
      beat: () => ({ at: Date.now(), boot: '', uptimeMs: 0 }),
      mask: (it) => it,
      auditLines: 'nobody',
      meters: UNMETERED,
      erase() {},
      self: 'test',
      async askToStop() {},
    };
    const before = Date.now() + DAY;
    const found = await findNext(db, 'output', { before });
    expect(found.toSorted()).toEqual([asked.id, left.id].toSorted());
    await postLog(ledger, asked.id);
    expect(await markGone(ledger, 'output', found, { before, reason: 'old' })).toEqual([left.id]);
    await close();
    await rig.reopen();
    expect((await rig.store.findJob(asked.id, 'web01'))?.outcome?.stdout.head).toBe('up');
    await expire(rig, FOREVER);
    expect((await rig.store.findJob(asked.id, 'web01'))?.outcome?.stdout.head).toBe('up');
    expect(await rig.store.findRun(left.id)).toMatchObject({ outputGoneAt: expect.any(Number) });
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  },
);

test('while a run on thousands of hosts is signed off, others have the store in between', async () => {
  await using aged = await openAged();
  const { rig, clock } = aged;
  await openRun(rig.store, { hosts: 500 });
  await drain(rig.store, () => okOutcome('up'));
  await postAll(rig);
  clock.aheadMs = 100 * DAY;
  let isDone = false;
  let answers = 0;
  const step = rig.store.expiry.step({ ...FOREVER, outputMs: DAY }).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await rig.store.listRuns(1);
    answers += 1;
    await setImmediate();
  }
  expect(await step).toBe(true);
  // In one transaction it would be a handful.
  expect(answers).toBeGreaterThan(100);
});
