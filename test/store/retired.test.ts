import { expect, test } from 'vitest';
import { UNMETERED } from '../../src/ports/meters.ts';
import { examineRuns, recordRetired } from '../../src/store/audit/retired.ts';
import { openFile } from '../../src/store/embedded/database.ts';
import type { Ledger } from '../../src/store/jobs/settle.ts';
import { Plans } from '../../src/store/runs/plans.ts';
import type { Retired } from '../../src/store/schema.ts';
import { drain, okOutcome, openRig, openRun, type StoreRig } from './rig.ts';
import { tamper } from './tamper.ts';

const AT = Date.UTC(2026, 10, 25, 3);
const OUTPUT_OF = (runId: string): string =>
  `delete from output where job_id in (select id from job where run_id = '${runId}')`;
const ALL_OF = (runId: string): string =>
  [
    OUTPUT_OF(runId),
    `delete from result where job_id in (select id from job where run_id = '${runId}')`,
    `delete from outbox where run_id = '${runId}'`,
    `delete from job where run_id = '${runId}'`,
    `delete from run where id = '${runId}'`,
  ].join(';');

/** As the retention would: signed off, then deleted. */
async function retire(rig: StoreRig, what: Retired, runIds: readonly string[]): Promise<void> {
  await rig.store.close();
  const { db, close } = openFile(rig.path);
  const ledger: Ledger = {
    db,
    plans: new Plans(),
    now: () => AT,
    beat: () => ({ at: AT, boot: '', uptimeMs: 0 }),
    mask: (it) => it,
    auditLines: 'nobody',
    self: 'test',
    async askToStop() {},
    meters: UNMETERED,
    erase() {},
  };
  try {
    const runs = await examineRuns(db, runIds);
    await db.transaction().execute((trx) => recordRetired(ledger, trx, what, runs, 'older than 90 days'));
  } finally {
    await close();
  }
  for (const id of runIds) tamper(rig, what === 'runs' ? ALL_OF(id) : OUTPUT_OF(id));
  await rig.reopen();
}

async function openEnded(): Promise<{ readonly rig: StoreRig; readonly ids: readonly string[] }> {
  const rig = await openRig();
  const runs = [await openRun(rig.store, { hosts: 2 }), await openRun(rig.store, { hosts: 2 })];
  await drain(rig.store, (job) => okOutcome(job.host));
  return { rig, ids: runs.map(({ id }) => id) };
}

test('what is deleted on purpose is signed off: output first, then all of it', async () => {
  const { rig, ids } = await openEnded();
  await using _ = rig;
  await retire(rig, 'output', ids);
  expect(await rig.store.audit.verify()).toMatchObject({
    faults: [],
    notes: [
      expect.stringMatching(/^the output of 2 runs was retired on 2026-11-25 \(entry \d+\): r-\w+ r-\w+$/),
    ],
  });
  await retire(rig, 'runs', ids);
  expect(await rig.store.audit.verify()).toMatchObject({
    faults: [],
    notes: [expect.any(String), expect.stringMatching(/^all of 2 runs was retired on 2026-11-25/)],
  });
  // The numbers go on where they were.
  await openRun(rig.store);
  expect(rig.sql('select number from run')).toEqual([{ number: 3 }]);
  expect((await rig.store.audit.verify()).faults).toEqual([]);
});

test('a sign-off covers what it names and no more', async () => {
  const { rig, ids } = await openEnded();
  await using _ = rig;
  const [one = '', two = ''] = ids;
  await retire(rig, 'output', [one]);
  tamper(rig, OUTPUT_OF(two));
  expect((await rig.store.audit.verify()).faults).toEqual([
    `run ${two}: the stored output of web01 and of 1 more is not what was recorded`,
  ]);
  tamper(rig, `update result set exit_code = 7 where job_id in (select id from job where run_id = '${one}')`);
  expect((await rig.store.audit.verify()).faults.join('\n')).toContain(`run ${one}: the stored results`);
  tamper(rig, ALL_OF(one));
  expect((await rig.store.audit.verify()).faults).toContain(
    `run ${one} was accepted and is no longer stored`,
  );
});

test.each([
  ['output', `update output set streams_json = replace(streams_json, 'web', 'db')`],
  ['runs', `update output set streams_json = replace(streams_json, 'web', 'db')`],
  ['runs', `update result set exit_code = 9`],
] as const)('what was changed before its %s was retired stays a fault', async (what, statement) => {
  const { rig, ids } = await openEnded();
  await using _ = rig;
  tamper(rig, statement);
  await retire(rig, what, ids);
  const { faults } = await rig.store.audit.verify();
  for (const id of ids) {
    expect(faults).toContain(`run ${id} had been changed before it was retired on 2026-11-25`);
  }
});

test('what goes on is not retired', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store);
  await expect(retire(rig, 'runs', [run.id])).rejects.toThrow('is not finished');
  await rig.reopen();
  expect((await rig.store.audit.verify()).faults).toEqual([]);
});

test('however many entries sign something off, a line of each kind says how many runs, and from when to when', async () => {
  await using rig = await openRig();
  const ids: string[] = [];
  for (let n = 0; n < 12; n += 1) ids.push((await openRun(rig.store, { hosts: 1 })).id);
  await drain(rig.store, (job) => okOutcome(job.host));
  for (const id of ids) await retire(rig, 'output', [id]);
  const { faults, notes } = await rig.store.audit.verify();
  expect(faults).toEqual([]);
  expect(notes).toEqual([
    expect.stringMatching(
      /^the output of 12 runs was retired in 12 entries, from 2026-11-25 \(entry \d+\) to 2026-11-25 \(entry \d+\): (r-\w+ ){10}…$/,
    ),
  ]);
});
