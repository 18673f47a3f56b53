import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '../../src/run/audit-entry.ts';
import type { Requester } from '../../src/run/plan.ts';
import { ANN, BOB, claimAll, openRig, openRun, type StoreRig } from './rig.ts';

/** Refusals of one person, numbered in what was typed. */
async function refuse(
  rig: StoreRig,
  count: number,
  requester: Requester = BOB,
  typed = 'try',
): Promise<void> {
  for (let n = 1; n <= count; n++) {
    await rig.store.recordRefusal({
      requester,
      channelId: 'COPS',
      typed: `${typed} ${n}`,
      code: 'not-allowed',
      reason: 'no rule',
    });
  }
}

/** `BOB try 3`, and of those that were counted together `BOB try 9 +6`. */
async function refusalsOf(rig: StoreRig): Promise<readonly string[]> {
  const entries: AuditEntry[] = [];
  for await (const entry of rig.store.audit.entries()) entries.push(entry);
  expect((await rig.store.audit.verify()).faults).toEqual([]);
  return entries
    .filter(({ action }) => action !== 'started')
    .map(({ action, userId, detail }) =>
      action === 'refused'
        ? `${userId} ${String(detail.typed)}${detail.count === undefined ? '' : ` +${String(detail.count)}`}`
        : `${userId} ${action}`,
    );
}

const FIRST = ['UBOB try 1', 'UBOB try 2', 'UBOB try 3'];

describe('refusals in the audit', () => {
  test('of one person are entries of their own up to the third in a minute; the next minute begins anew', async () => {
    let time = Date.now();
    await using rig = await openRig({ now: () => time });
    await refuse(rig, 9);
    expect(await refusalsOf(rig)).toEqual(FIRST);
    time += 59_000;
    await refuse(rig, 1);
    expect(await refusalsOf(rig)).toEqual(FIRST);
    time += 1_000;
    await refuse(rig, 1, ANN);
    expect(await refusalsOf(rig)).toEqual([...FIRST, 'UBOB try 1 +7', 'UANN try 1']);
    await refuse(rig, 2);
    expect((await refusalsOf(rig)).slice(5)).toEqual(['UBOB try 1', 'UBOB try 2']);
  });

  test('that were counted stand before whatever is recorded of that person next, and of nobody else', async () => {
    await using rig = await openRig();
    await refuse(rig, 5);
    await openRun(rig.store, { hosts: 1, requester: ANN });
    await openRun(rig.store, { hosts: 1, requester: BOB });
    expect(await refusalsOf(rig)).toEqual([...FIRST, 'UANN accepted', 'UBOB try 5 +2', 'UBOB accepted']);
    // Still the same minute.
    await refuse(rig, 1);
    expect(await refusalsOf(rig)).toHaveLength(6);
  });

  test('are not lost with the process', async () => {
    await using rig = await openRig();
    await refuse(rig, 7);
    // What another process finds in the file now, as after a kill.
    expect(await rig.query('select counted from refusals')).toEqual([{ counted: 4 }]);
    await rig.reopen();
    expect(await refusalsOf(rig)).toEqual([...FIRST, 'UBOB try 7 +4']);
    expect(await rig.query('select * from refusals')).toEqual([]);
  });

  test('are written although the clock was set back', async () => {
    let time = Date.now();
    await using rig = await openRig({ now: () => time });
    await refuse(rig, 4);
    time -= 3_600_000;
    await refuse(rig, 1, ANN);
    expect(await refusalsOf(rig)).toEqual([...FIRST, 'UBOB try 4 +1', 'UANN try 1']);
  });

  test('keep 2 KiB of what was typed, no half letter and no half secret', async () => {
    await using rig = await openRig();
    const typed = `${'é'.repeat(1_021)}x hunter2 ${'y'.repeat(40_000)}`;
    for (let n = 0; n < 4; n++) await refuse(rig, 1, BOB, typed);
    await openRun(rig.store, { requester: BOB, typed });
    const rows = await rig.query("select detail_json from audit where action <> 'started'");
    expect(rows).toHaveLength(5);
    for (const { detail_json } of rows) {
      const kept = String(JSON.parse(String(detail_json)).typed);
      expect(kept).toMatch(/^é{1021}x \[sec … \(\d{5} bytes in all\)$/);
    }
  });

  test('have their lines in the audit channel behind those of runs, however long they have waited', async () => {
    await using rig = await openRig();
    await refuse(rig, 3, BOB);
    await refuse(rig, 3, ANN);
    await openRun(rig.store, { hosts: 1 });
    const line = async (): Promise<readonly string[]> =>
      (await claimAll(rig.store, { limit: 2, lane: 'posts', except: ['COPS'] })).map(({ key }) => key);
    const accepted = (await rig.query("select seq from audit where action = 'accepted'"))[0]?.seq;
    const [first, second] = await line();
    expect(first).toBe(`audit:${accepted}`);
    expect(await rig.query(`select action from audit where seq = ${second?.split(':')[1]}`)).toEqual([
      { action: 'refused' },
    ]);
  });
});
