import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import type { AuditEntry } from '../../src/run/audit-entry.ts';
import { openOutboxDesk } from '../../src/store/outbox/administer.ts';
import type { OutboxRow } from '../../src/thread/row.ts';
import { approvedPlan, claimAll, drain, openRig, openRun, type StoreRig } from './rig.ts';

const deskOf = (rig: StoreRig, auditLines: 'channel' | 'nobody' = 'nobody') =>
  openOutboxDesk({ databaseUrl: `file:${rig.path}`, auditLines, now: Date.now });

const keysOf = (rows: readonly { readonly key: string }[]): string[] => rows.map(({ key }) => key).toSorted();

/** Two runs of which nothing was taken. */
async function giveUpAll(rig: StoreRig): Promise<{ one: string; other: string; rows: readonly OutboxRow[] }> {
  const one = await openRun(rig.store, { hosts: 2 });
  const other = await openRun(rig.store, { hosts: ['db01'] });
  await drain(rig.store);
  const rows = await claimAll(rig.store);
  for (const row of rows) await rig.store.outbox.giveUp(row, 'invalid_blocks');
  return { one: one.id, other: other.id, rows };
}

describe('an administrator, beside an open store,', () => {
  test('reads what was given up and what fails, each in words and since when', async () => {
    await using rig = await openRig({ now: () => 1_000_000, auditChannel: undefined });
    const run = await openRun(rig.store, { hosts: 2 });
    await drain(rig.store);
    const [root, one, other] = await claimAll(rig.store, { now: 1_005_000 });
    if (root === undefined || one === undefined || other === undefined) throw new Error('no rows');
    await rig.store.outbox.sent(root, '1.1');
    await rig.store.outbox.giveUp(one, 'invalid_blocks');
    await rig.store.outbox.failed(other, 9_000_000, 'internal_error');
    const of = { runId: run.id, channelId: 'COPS', since: 1_000_000, isOfPlace: false };
    expect(await deskOf(rig).list()).toEqual([
      {
        ...of,
        key: one.key,
        state: 'given-up',
        what: 'the result of web01',
        error: 'invalid_blocks',
        tries: 0,
      },
      {
        ...of,
        key: other.key,
        state: 'failing',
        what: 'the result of web02',
        error: 'internal_error',
        tries: 1,
      },
    ]);
  });

  test('makes due again all, a run or a row, and the open store hands it out, to be looked for first', async () => {
    await using rig = await openRig();
    const { one, other, rows } = await giveUpAll(rig);
    expect(await claimAll(rig.store)).toEqual([]);
    const desk = deskOf(rig);
    const ofOther = rows.filter(({ key }) => key.includes(other));
    expect(await desk.retry(other.toUpperCase(), 'ada')).toMatchObject({ closed: [] });
    const again = await claimAll(rig.store);
    expect(keysOf(again)).toEqual(expect.arrayContaining(keysOf(ofOther)));
    expect(again.every(({ key, attempts }) => !key.includes(one) && attempts > 0)).toBe(true);
    for (const row of again) await rig.store.outbox.sent(row, '9.9');

    const [first] = rows.filter(({ key }) => key === `reply:${one}:web01`);
    expect(await desk.retry(first?.key ?? '', 'ada')).toMatchObject({ rows: 1 });
    expect(keysOf(await claimAll(rig.store))).toEqual([first?.key]);
    await desk.retry('all', 'ada');
    expect((await rig.store.backlog()).outbox.givenUp).toBe(0);
    expect(await desk.retry('all', 'ada')).toEqual({ rows: 0, closed: [] });
  });

  test('is in the audit with each retry, by the name on the machine, and the chain stays whole', async () => {
    await using rig = await openRig();
    await giveUpAll(rig);
    await deskOf(rig, 'channel').retry('all', 'ada (as root)');
    await deskOf(rig, 'channel').retry('r-none', 'ada (as root)');
    const entries: AuditEntry[] = [];
    for await (const entry of rig.store.audit.entries()) entries.push(entry);
    const retries = entries.filter(({ action }) => action === 'sent-again');
    expect(retries).toMatchObject([
      {
        userId: '',
        detail: {
          by: 'ada (as root)',
          which: 'all',
          reason: expect.stringMatching(/^ada \(as root\) made due/),
        },
      },
    ]);
    const due = await claimAll(rig.store);
    expect(keysOf(due)).toContain(`audit:${retries[0]?.seq}`);
    // The bot goes on with the chain where the other process left it.
    await openRun(rig.store);
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  });

  test('is told which channels are closed still, and sends nothing of a run that never had a thread', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    const { run } = await rig.store.createRun(approvedPlan({ channelId: 'CWEB' }), 'never opened');
    await rig.store.abandonRun(run.id, 'the channel is archived');
    await openRun(rig.store, { hosts: 1 });
    await drain(rig.store);
    await rig.store.places.close('COPS', 'is_archived');
    await rig.store.places.giveUp('COPS', 'is_archived');
    expect((await deskOf(rig).list()).map(({ isOfPlace, error }) => [isOfPlace, error])).toEqual([
      [true, 'is_archived'],
      [true, 'is_archived'],
    ]);
    expect(await deskOf(rig).retry('all', 'ada')).toEqual({
      rows: 2,
      closed: [{ channelId: 'COPS', error: 'is_archived' }],
    });
  });

  test('gets a sentence where there is no such database, or one of another version, and none is made', async () => {
    await using rig = await openRig();
    const missing = openOutboxDesk({
      databaseUrl: `file:${rig.folder}/none.db`,
      auditLines: 'nobody',
      now: Date.now,
    });
    await expect(missing.list()).rejects.toThrow(ConfigError);
    await expect(missing.retry('all', 'ada')).rejects.toThrow(ConfigError);
    await expect(missing.retry('all', 'ada')).rejects.toThrow(/none\.db/);
    rig.sql("delete from kysely_migration where name = '0021-received'");
    await expect(deskOf(rig).retry('all', 'ada')).rejects.toThrow(/older Batchops/);
    rig.sql("insert into kysely_migration values ('9999-later', '')");
    await expect(deskOf(rig).list()).rejects.toThrow(/newer Batchops/);
  });
});

test('files that a channel would not have are due again once it has taken another one', async () => {
  await using rig = await openRig({ auditChannel: undefined });
  const run = await openRun(rig.store, { hosts: 2 });
  await drain(rig.store);
  await rig.store.postLog(run.id);
  const files = await claimAll(rig.store, { lane: 'bulk' });
  const [text, json] = files;
  if (text === undefined || json === undefined) throw new Error('no files');
  await rig.store.outbox.giveUp(text, 'not_in_channel', 'place');
  await rig.store.outbox.giveUp(json, 'file_is_empty');
  await rig.store.places.filesWork('CWEB');
  expect(await claimAll(rig.store, { lane: 'bulk' })).toEqual([]);
  await rig.store.places.filesWork('COPS');
  expect(keysOf(await claimAll(rig.store, { lane: 'bulk' }))).toEqual([text.key]);
});
