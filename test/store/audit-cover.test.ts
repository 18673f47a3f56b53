import { describe, expect, test } from 'vitest';
import type { ExpectedHead } from '../../src/run/audit-entry.ts';
import { NO_OUTPUT } from '../../src/run/outcome.ts';
import { BOB, claimAll, drain, okOutcome, openRig, openRun, type StoreRig } from './rig.ts';
import { rewriteChain, tamper, UNLOCK } from './tamper.ts';

/** One run on two hosts that said something, one that waits, five refusals of which two are only counted. */
async function openStory(): Promise<StoreRig> {
  const rig = await openRig();
  await openRun(rig.store, { hosts: 2 });
  const stderr = { ...NO_OUTPUT, head: 'beware', totalBytes: 6 };
  await drain(rig.store, (job) => okOutcome(`I am ${job.host}`, { reason: 'so it ended', stderr }));
  for (let n = 0; n < 5; n++) {
    const refusal = { requester: BOB, channelId: 'COPS', typed: 'x', code: 'usage', reason: `no ${n}` };
    await rig.store.recordRefusal(refusal);
  }
  await openRun(rig.store, { hosts: 2 });
  return rig;
}

const faultsOf = async (rig: StoreRig, head?: ExpectedHead) => (await rig.store.audit.verify(head)).faults;
const FIRST = '(select id from run where number = 1)';
const JOB = `(select id from job where run_id = ${FIRST} and position = 0)`;

function headOf(text: string): ExpectedHead {
  const [seq, hash = ''] = text.split(':');
  return { seq: Number(seq), hash };
}

describe('whatever is stored of a run that has ended is what its entry vouches for', () => {
  test.each([
    [
      'stdout',
      `update output set streams_json = replace(streams_json, 'I am', 'I was') where job_id = ${JOB}`,
    ],
    ['stderr', `update output set streams_json = replace(streams_json, 'beware', '') where job_id = ${JOB}`],
    ['an output taken away', `delete from output where job_id = ${JOB}`],
    [
      'an output with its hash',
      `update output set streams_json = '["x","","",""]' where job_id = ${JOB};
       update result set output_hash = '${'0'.repeat(64)}' where job_id = ${JOB}`,
    ],
    [
      'a reason',
      `update result set outcome_json = replace(outcome_json, 'so it ended', '') where job_id = ${JOB}`,
    ],
    ['a start', `update job set started_at = started_at + 1 where id = ${JOB}`],
    ['an end', `update job set ended_at = ended_at + 1 where id = ${JOB}`],
    ['an outcome', `update job set kind = 'failed' where id = ${JOB}`],
    ['an exit code', `update result set exit_code = 1 where job_id = ${JOB}`],
    ['a fold', `update result set fold = 'x' where job_id = ${JOB}`],
    ['a host', `update job set host = 'db01' where id = ${JOB}`],
    ['an author', `update run set user_id = 'UBOB' where id = ${FIRST}`],
    ['a channel', `update run set channel_id = 'C2' where id = ${FIRST}`],
    ['a moment', `update run set created_at = created_at - 1 where id = ${FIRST}`],
    ['an end that is taken back', `update run set state = 'open' where id = ${FIRST}`],
  ])('names %s that was changed', async (_, statement) => {
    await using rig = await openStory();
    expect(await faultsOf(rig)).toEqual([]);
    tamper(rig, UNLOCK + statement);
    expect((await faultsOf(rig)).join('\n')).toMatch(/^run r-\w+/);
  });
});

describe('whole rows that are gone, or were slipped in, are missed', () => {
  const REMOVED = `delete from output where job_id in (select id from job where run_id = ${FIRST});
    delete from result where job_id in (select id from job where run_id = ${FIRST});
    delete from outbox where run_id = ${FIRST}; delete from job where run_id = ${FIRST}; delete from run where number = 1;`;
  test.each([
    ['a run', REMOVED, [/^run r-\w+ was accepted and is no longer stored$/]],
    ['its row alone', 'delete from run where number = 1', [/^job rows of r-\w+, a run that is not stored$/]],
    [
      'a run with all of its entries, all hashed anew',
      `delete from audit where run_id = (select id from run where number = 2);
       delete from outbox where run_id = (select id from run where number = 2);
       delete from job where run_id = (select id from run where number = 2); delete from run where number = 2`,
      ['2 runs were accepted, and the last entry of one has number 1'],
    ],
    [
      'a job that waits',
      "delete from job where position = 1 and state = 'queued'",
      [/accepted on 2 hosts, and is stored with 1$/],
    ],
    [
      'a result',
      `delete from result where job_id = ${JOB}`,
      [/results are not those/, /output of web01 is not/],
    ],
    ['a job', `delete from job where id = ${JOB}`, ['result rows of no job: 1', 'output rows of no job: 1']],
    [
      'refusals',
      "delete from audit where action = 'refused'",
      [/^entries \d+ to \d+ are missing$/, '3 refusals were recorded, and the entries tell of 0'],
    ],
    [
      'refusals that are only counted so far',
      'delete from refusals',
      ['5 refusals were recorded, and the entries tell of 3'],
    ],
  ])('%s', async (what, statement, expected) => {
    await using rig = await openStory();
    tamper(rig, UNLOCK + statement);
    if (what.endsWith('hashed anew')) rewriteChain(rig);
    const faults = await faultsOf(rig);
    const named = expected.filter((one) =>
      faults.some((fault) => (typeof one === 'string' ? fault === one : one.test(fault))),
    );
    expect(named, faults.join('\n')).toHaveLength(expected.length);
  });
});

describe('a head that was kept elsewhere', () => {
  test('is in the chain as long as that only grows, whole or by its beginning', async () => {
    await using rig = await openStory();
    const head = headOf((await rig.store.audit.verify()).head);
    await openRun(rig.store);
    const { faults, notes } = await rig.store.audit.verify(head);
    expect(faults).toEqual([]);
    expect(notes.join()).toContain(`the chain holds the head ${head.seq}:${head.hash}`);
    expect(await faultsOf(rig, { seq: undefined, hash: head.hash.slice(0, 12) })).toEqual([]);
    expect(await faultsOf(rig, { seq: 1, hash: head.hash })).toHaveLength(1);
  });

  test('is missed where all was written anew, though nothing else shows it', async () => {
    await using rig = await openStory();
    const head = headOf((await rig.store.audit.verify()).head);
    tamper(rig, `${UNLOCK} update audit set user_id = 'UANN' where action = 'refused'`);
    rewriteChain(rig);
    expect(await faultsOf(rig)).toEqual([]);
    expect(await faultsOf(rig, head)).toEqual([
      `the chain does not hold the head ${head.seq}:${head.hash}: it was written anew, or is another one`,
    ]);
  });

  test('is in the channel at a start, each day and at a stop, with what was only counted before it', async () => {
    await using rig = await openStory();
    const heads = [
      await rig.store.anchorAudit('start'),
      await rig.store.anchorAudit('daily'),
      await rig.store.anchorAudit('stop'),
    ];
    for (const head of heads) {
      expect(await faultsOf(rig, headOf(head))).toEqual([]);
      expect((await claimAll(rig.store, { leaseMs: 0 })).map(({ key }) => key)).toContain(
        `audit:${headOf(head).seq}`,
      );
    }
    const counted = await rig.store.audit.find(headOf(heads[2] ?? '').seq ?? 0);
    expect(counted).toMatchObject({ action: 'anchored', detail: { when: 'stop', runs: 2, refusals: 5 } });
    expect(rig.sql('select sum(counted) as counted from refusals')).toEqual([{ counted: null }]);
  });

  test('of a chain that never showed one says so, and only then', async () => {
    await using rig = await openStory();
    const reasonOf = async (head: string) =>
      (await rig.store.audit.find(headOf(head).seq ?? 0))?.detail.reason;
    expect(await reasonOf(await rig.store.anchorAudit('start'))).toMatch(
      /^a chain begins to be shown here: no head of it was posted before, its first entry is of \d{4}-.*Z$/,
    );
    await rig.reopen();
    expect(await reasonOf(await rig.store.anchorAudit('start'))).toBeUndefined();
    tamper(rig, `${UNLOCK} delete from audit; update audit_head set seq = 0, hash = '${'0'.repeat(64)}'`);
    await rig.reopen();
    expect(await reasonOf(await rig.store.anchorAudit('start'))).toMatch(/^a chain begins to be shown here/);
  });

  test('is told, and nothing written, where there is no channel for it', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    const { head } = await rig.store.audit.verify();
    expect(await rig.store.anchorAudit('start')).toBe(head);
    expect((await rig.store.audit.verify()).head).toBe(head);
  });
});
