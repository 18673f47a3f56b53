import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import type { AuditEntry } from '../../src/run/audit-entry.ts';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { ANN, approvedPlan, BOB, claimAll, drain, openRig, openRun, type StoreRig } from './rig.ts';
import { tamper, UNLOCK } from './tamper.ts';

/** Three runs, a refusal, a cancel: entries 1 to 9. */
async function openStory(): Promise<StoreRig> {
  const rig = await openRig();
  await openRun(rig.store, { hosts: 2 });
  await drain(rig.store);
  await rig.store.recordRefusal({
    requester: BOB,
    channelId: 'COPS',
    typed: 'x',
    code: 'not-allowed',
    reason: 'y',
  });
  const second = await openRun(rig.store, { hosts: 2 });
  await rig.store.cancelRun(second.id, BOB);
  await openRun(rig.store, { hosts: 2 });
  await drain(rig.store);
  return rig;
}

describe('the audit', () => {
  test('tells the whole story in order, and is whole', async () => {
    await using rig = await openStory();
    const entries: AuditEntry[] = [];
    for await (const entry of rig.store.audit.entries()) entries.push(entry);
    expect(entries.map(({ seq, action }) => `${seq} ${action}`)).toEqual([
      '1 started',
      '2 accepted',
      '3 settled',
      '4 refused',
      '5 accepted',
      '6 cancelled',
      '7 settled',
      '8 accepted',
      '9 settled',
    ]);
    expect(entries[5]).toMatchObject({ userId: 'UBOB', detail: { skipped: 2, running: [] } });
    expect(await rig.store.audit.verify()).toEqual({
      entries: 9,
      head: `9:${entries[8]?.hash}`,
      faults: [],
      notes: [],
    });
    expect(await rig.store.audit.find(99)).toBeUndefined();
  });

  test.each([
    ['update', "update audit set detail_json = '{}' where seq = 4"],
    ['delete', 'delete from audit where seq = 4'],
  ])('refuses an %s', async (_, statement) => {
    await using rig = await openStory();
    expect(() => tamper(rig, statement)).toThrow('audit entries cannot be');
  });

  test.each([
    ['an edited entry', "update audit set detail_json = '{}' where seq = 4", ['entry 4 was changed']],
    ['another author', "update audit set user_id = 'UANN' where seq = 6", ['entry 6 was changed']],
    ['a removed entry', 'delete from audit where seq = 4', ['entry 4 is missing']],
    [
      'several removed entries',
      'delete from audit where seq in (3, 4)',
      ['entries 3 to 4 are missing', /ended without/],
    ],
    [
      'a removed end',
      'delete from audit where seq >= 8',
      ['entries 8 to 9 are missing at the end', /no entry "accepted"/, /ended without/],
    ],
    [
      'a replaced link',
      'update audit set prev = hash where seq = 6',
      [/entry 6 does not follow entry 5/, 'entry 6 was changed'],
    ],
    [
      'a head moved back',
      'delete from audit where seq = 9; update audit_head set seq = 8',
      ['the head of the chain is not its last entry', /ended without/],
    ],
    ['a head taken away', 'delete from audit_head', ['the head of the chain is gone']],
    ['words that are no JSON', "update audit set detail_json = 'x' where seq = 4", ['entry 4 was changed']],
    [
      'another result',
      "update job set kind = 'failed' where position = 0 and run_id = (select id from run where number = 1)",
      [/stored results are not/],
    ],
    [
      'another plan',
      "update run set plan_json = replace(plan_json, 'df -h', 'reboot') where number = 1",
      [/stored plan is not/],
    ],
  ])('names %s', async (_, statement, expected) => {
    await using rig = await openStory();
    tamper(rig, `${UNLOCK} ${statement}`);
    const { faults } = await rig.store.audit.verify();
    const named = expected.filter((one) =>
      faults.some((fault) => (typeof one === 'string' ? fault === one : one.test(fault))),
    );
    expect(named, faults.join('\n')).toHaveLength(expected.length);
  });

  test('names a run that is gone and one that was slipped in', async () => {
    await using rig = await openStory();
    tamper(rig, `pragma foreign_keys = off; ${UNLOCK} update run set id = 'r-new' where number = 2`);
    const { faults } = await rig.store.audit.verify();
    expect(faults).toContain('run r-new has no entry "accepted"');
    expect(faults.some((fault) => /was accepted and is no longer stored/.test(fault))).toBe(true);
  });

  test('can be read beside a running bot and after it', async () => {
    await using rig = await openStory();
    const trail = openAuditTrail(`file:${rig.path}`);
    expect((await trail.verify()).faults).toEqual([]);
    await rig.store.close();
    expect((await trail.verify()).entries).toBe(9);
    await expect(openAuditTrail(`file:${rig.path}.none`).verify()).rejects.toBeInstanceOf(ConfigError);
    await rig.reopen();
  });

  test('what cannot be audited does not happen', async () => {
    await using rig = await openRig();
    const open = await openRun(rig.store, { hosts: 2 });
    const { run: opening } = await rig.store.createRun(approvedPlan(), 'opening');
    const running = await rig.store.jobs.start(await rig.store.jobs.take(2));
    await claimAll(rig.store);
    tamper(
      rig,
      "create trigger disk_full before insert on audit begin select raise(abort, 'disk full'); end",
    );

    await expect(rig.store.createRun(approvedPlan(), 'next')).rejects.toThrow('disk full');
    await expect(rig.store.cancelRun(open.id, BOB)).rejects.toThrow('disk full');
    await expect(rig.store.abandonRun(opening.id, 'no')).rejects.toThrow('disk full');
    await expect(
      rig.store.recordRefusal({ requester: ANN, channelId: 'COPS', typed: 'x', code: 'usage', reason: 'y' }),
    ).rejects.toThrow('disk full');
    // The last outcome of a run comes with its entry; so it has to wait.
    const outcome = { kind: 'ok', exitCode: 0 } as const;
    const ended = running.map((job) => ({
      job,
      outcome: { ...outcome, signal: null, reason: '', stdout, stderr: stdout, durationMs: 1 },
    }));
    await expect(rig.store.jobs.settle(ended)).rejects.toThrow('disk full');
    expect(await rig.store.listRuns(10)).toHaveLength(2);
    expect(await rig.store.findRun(open.id)).toMatchObject({ state: 'open', progress: { running: 2 } });
    expect(await rig.store.findRun(opening.id)).toMatchObject({ state: 'opening' });
    expect(await claimAll(rig.store, { now: Date.now() + 20_000 })).toEqual([]);

    tamper(rig, 'drop trigger disk_full');
    await rig.store.jobs.settle(ended);
    expect((await rig.store.findRun(open.id))?.state).toBe('finished');
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  });

  test('a store that cannot be audited does not open', async () => {
    await using rig = await openRig();
    await rig.store.close();
    tamper(
      rig,
      "create trigger disk_full before insert on audit begin select raise(abort, 'disk full'); end",
    );
    await expect(rig.reopen()).rejects.toThrow('disk full');
    tamper(rig, 'drop trigger disk_full');
    await rig.reopen();
  });
});

const stdout = { head: '', tail: '', totalBytes: 0, omittedBytes: 0, binary: false, sha256: '' };
