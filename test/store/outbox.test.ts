import { describe, expect, test, vi } from 'vitest';
import type { Store } from '../../src/ports/store.ts';
import { openFile } from '../../src/store/embedded/database.ts';
import { oweRows } from '../../src/store/outbox/owed-rows.ts';
import { oweResults } from '../../src/thread/layout.ts';
import type { OutboxRow } from '../../src/thread/row.ts';
import { fileTest } from './file-test.ts';
import { ANN, drain, okOutcome, openRig, openRun } from './rig.ts';

const LATER = Date.now() + 3_600_000;
const keysOf = (rows: readonly OutboxRow[]): string[] => rows.map(({ key }) => key);
const claim = (store: Store, more: Partial<Parameters<Store['outbox']['claim']>[0]> = {}) =>
  store.outbox.claim({ limit: 1_000, now: LATER, leaseMs: 1_000, except: [], ...more });

describe('the outbox', () => {
  test('holds one row for each message there is to post', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2 });
    await drain(rig.store);
    const rows = await claim(rig.store);
    expect(keysOf(rows).toSorted()).toEqual(
      ['audit:2', 'audit:3', `reply:${run.id}:web01`, `reply:${run.id}:web02`, `root:${run.id}`].toSorted(),
    );
    expect(rows.find(({ key }) => key === `root:${run.id}`)).toMatchObject({
      channelId: 'COPS',
      ts: (await rig.store.findRun(run.id))?.rootTs,
      threadTs: null,
      attempts: 0,
    });
    expect(rows.find(({ key }) => key === `reply:${run.id}:web01`)).toMatchObject({
      channelId: 'COPS',
      sends: 'message',
      ts: null,
      threadTs: (await rig.store.findRun(run.id))?.rootTs,
    });
    expect(rows.find(({ key }) => key === 'audit:2')).toMatchObject({
      channelId: 'CAUDIT',
      threadTs: null,
      ts: null,
    });
  });

  test('a claimed row is nobody else’s until its lease lapses, and then counts the attempt', async () => {
    await using rig = await openRig();
    await rig.store.recordRefusal({
      requester: ANN,
      channelId: 'COPS',
      typed: 'x',
      code: 'usage',
      reason: 'y',
    });
    const [row] = await claim(rig.store);
    expect(row?.attempts).toBe(0);
    expect(await claim(rig.store, { now: LATER + 999 })).toEqual([]);
    expect(await rig.store.outbox.nextDueAt()).toBe(LATER + 1_000);
    const [again] = await claim(rig.store, { now: LATER + 1_000 });
    expect(again).toMatchObject({ key: row?.key, attempts: 1 });
  });

  test('an edit that got through just before its message was found to be gone does not bring the old thread back', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 1 });
    await drain(rig.store);
    const rows = await claim(rig.store);
    const root = rows.find(({ key }) => key === `root:${run.id}`);
    const reply = rows.find(({ key }) => key === `reply:${run.id}:web01`);
    if (root === undefined || reply === undefined || root.ts === null) throw new Error('no rows');
    await rig.store.outbox.lost(reply, 'thread_not_found');
    await rig.store.outbox.sent(root, root.ts);
    expect((await rig.store.findRun(run.id))?.rootTs).toBeUndefined();
    const [anew] = (await claim(rig.store)).filter(({ key }) => key === root.key);
    expect(anew).toMatchObject({ ts: null, threadTs: null });
  });

  fileTest(
    'what a dead process had claimed is due again as soon as the next one opens the store',
    async () => {
      await using rig = await openRig();
      await openRun(rig.store, { hosts: 1 });
      await drain(rig.store);
      const before = await claim(rig.store, { leaseMs: 3_600_000 });
      const store = await rig.reopen();
      const after = await claim(store);
      for (const row of before) {
        expect(after.find(({ key }) => key === row.key)).toMatchObject({ attempts: row.attempts + 1 });
      }
    },
  );

  test('two claims at once share the rows out', async () => {
    await using rig = await openRig();
    for (let runs = 0; runs < 2; runs += 1) await openRun(rig.store, { hosts: 10 });
    await drain(rig.store);
    const claims = await Promise.all([claim(rig.store, { limit: 10 }), claim(rig.store, { limit: 10 })]);
    expect(new Set(claims.flatMap(keysOf)).size).toBe(20);
  });

  test('a message that nobody has claimed is not written again for each change: whoever claims it shows them all', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 4, fanOut: 1 });
    const versionOf = async (key: string) =>
      (await rig.query(`select version, due_at from outbox where key = '${key}'`))[0];
    const endOne = async () => {
      const started = await rig.store.jobs.start(await rig.store.jobs.take(1));
      await rig.store.jobs.settle(started.map((job) => ({ job, outcome: okOutcome() })));
    };
    await endOne();
    const first = await versionOf(`root:${run.id}`);
    expect(first?.due_at).not.toBeNull();
    await endOne();
    expect(await versionOf(`root:${run.id}`)).toEqual(first);
    const [root] = await claim(rig.store, { lane: 'edits' });
    if (root === undefined) throw new Error('no root row');
    await endOne();
    await rig.store.outbox.sent(root, '7.7');
    expect(await versionOf(`root:${run.id}`)).toEqual({
      version: expect.toSatisfy((version) => Number(version) > root.version),
      due_at: first?.due_at,
    });
  });

  test('a poster that comes back after its lease hides no change from a thread while another one has the message', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 4, fanOut: 1 });
    const endOne = async () => {
      const started = await rig.store.jobs.start(await rig.store.jobs.take(1));
      await rig.store.jobs.settle(started.map((job) => ({ job, outcome: okOutcome() })));
    };
    const edits = { lane: 'edits' } as const;
    await endOne();
    const [slow] = await claim(rig.store, edits);
    await endOne();
    const [other] = await claim(rig.store, { ...edits, now: LATER + 1_000 });
    if (typeof slow?.ts !== 'string' || other === undefined) throw new Error('no root row');
    await rig.store.outbox.sent(slow, slow.ts);
    // The other one has read what it shows by now.
    await endOne();
    await rig.store.outbox.sent(other, slow.ts);
    expect(keysOf(await claim(rig.store, { ...edits, now: LATER + 2_000 }))).toEqual([`root:${run.id}`]);
  });

  test('what was sent is done, unless the store moved on since the claim', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2, fanOut: 1 });
    const root = { lane: 'edits' } as const;
    const one = await rig.store.jobs.start(await rig.store.jobs.take(1));
    const [before] = await claim(rig.store, root);
    if (before === undefined) throw new Error('no root row');
    await rig.store.jobs.settle(one.map((job) => ({ job, outcome: okOutcome() })));
    await rig.store.outbox.sent(before, '7.7');
    const [after] = await claim(rig.store, root);
    expect(after).toMatchObject({ key: `root:${run.id}`, ts: '7.7', attempts: 0 });
    if (after === undefined) throw new Error('no root row');
    expect(after.version).toBeGreaterThan(before.version);
    await rig.store.outbox.sent(after, '7.7');
    expect(await claim(rig.store, root)).toEqual([]);
    await drain(rig.store);
    expect(keysOf(await claim(rig.store, root))).toEqual([`root:${run.id}`]);
  });

  test('a put-off row is due at its time, also where the store moves on meanwhile', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2, fanOut: 1 });
    const root = { lane: 'edits' } as const;
    const [row] = await claim(rig.store, root);
    if (row === undefined) throw new Error('no root row');
    await rig.store.outbox.defer(row, LATER + 500, 'ratelimited');
    await drain(rig.store);
    expect(await claim(rig.store, { ...root, now: LATER + 499 })).toEqual([]);
    expect(await claim(rig.store, { ...root, now: LATER + 500 })).toMatchObject([
      { key: `root:${run.id}`, attempts: 1 },
    ]);
  });

  test('only what Slack was asked counts as a try, and only what could not be made as a fault', async () => {
    await using rig = await openRig();
    await openRun(rig.store, { hosts: 2, fanOut: 1 });
    let now = LATER;
    const next = async (): Promise<OutboxRow> => {
      now += 2_000;
      const [row] = await claim(rig.store, { lane: 'edits', now });
      if (row === undefined) throw new Error('no root row');
      return row;
    };
    const { outbox } = rig.store;
    for (let n = 0; n < 6; n += 1) await outbox.defer(await next(), now, 'waits for its turn');
    await outbox.failed(await next(), now, 'odd_word');
    await outbox.faulted(await next(), now, 'cannot be made');
    const begun = await next();
    expect(begun).toMatchObject({ attempts: 8, tries: 1, faults: 1 });
    await outbox.making(begun);
    // The process ended there, and the lease lapsed.
    const reopened = await rig.reopen();
    const [after] = await claim(reopened, { lane: 'edits', now: now + 2_000 });
    expect(after).toMatchObject({ tries: 1, faults: 2 });
    if (after === undefined) return;
    const ts = after.ts ?? '';
    await reopened.outbox.sent(after, ts, 'notice');
    expect(
      await rig.query("select tries, faults from outbox where sends = 'message' and ts is not null"),
    ).toEqual([{ tries: 0, faults: 2 }]);
    await reopened.outbox.sent(after, ts);
    expect(
      await rig.query("select tries, faults from outbox where sends = 'message' and ts is not null"),
    ).toEqual([{ tries: 0, faults: 0 }]);
  });

  fileTest(
    "Slack's id of a file that it was perhaps asked to show outlives the process, and only who has the row notes it",
    async () => {
      await using rig = await openRig();
      await openRun(rig.store, { hosts: 1 });
      await drain(rig.store);
      const lane = { lane: 'posts' } as const;
      const [stale] = await claim(rig.store, { ...lane, leaseMs: 0 });
      const [row] = await claim(rig.store, lane);
      if (stale === undefined || row === undefined) throw new Error('no row');
      expect(row.uploadId).toBeNull();
      expect(await rig.store.outbox.uploaded(row, 'F1')).toBe(true);
      expect(await rig.store.outbox.uploaded(stale, 'F2')).toBe(false);
      const reopened = await rig.reopen();
      const [after] = await claim(reopened, lane);
      expect(after).toMatchObject({ key: row.key, uploadId: 'F1' });
      if (after === undefined) return;
      await reopened.outbox.sent(after, 'F1');
      // What is sent of it another time is another file.
      expect(rig.sql(`select ts, upload_id from outbox where key = '${row.key}'`)).toEqual([
        { ts: 'F1', upload_id: null },
      ]);
    },
  );

  test('a given-up row is kept with its error and never due again', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2, fanOut: 1 });
    const [row] = await claim(rig.store, { lane: 'edits' });
    if (row === undefined) throw new Error('no root row');
    await rig.store.outbox.giveUp(row, 'channel_not_found');
    await drain(rig.store);
    expect(await claim(rig.store, { lane: 'edits' })).toEqual([]);
    expect(await rig.query(`select error from outbox where key = 'root:${run.id}'`)).toEqual([
      { error: 'channel_not_found' },
    ]);
  });

  test('a poster that comes back after its lease cannot undo what another has done', async () => {
    await using rig = await openRig();
    await rig.store.recordRefusal({
      requester: ANN,
      channelId: 'COPS',
      typed: 'x',
      code: 'usage',
      reason: 'y',
    });
    const [stale] = await claim(rig.store);
    const [present] = await claim(rig.store, { now: LATER + 1_000 });
    if (stale === undefined || present === undefined) throw new Error('no row');
    await rig.store.outbox.giveUp(stale, 'late');
    await rig.store.outbox.sent(present, '1.1');
    await rig.store.outbox.defer(stale, 0, 'late');
    expect(await claim(rig.store, { now: LATER + 10_000 })).toEqual([]);
    expect(await rig.store.outbox.nextDueAt()).toBeUndefined();
    expect(await rig.query("select ts, error from outbox where key = 'audit:2'")).toEqual([
      { ts: '1.1', error: null },
    ]);
  });

  test('channels and lanes can be left out, the audit channel too', async () => {
    await using rig = await openRig();
    const here = await openRun(rig.store, { hosts: 1, channelId: 'COPS' });
    const there = await openRun(rig.store, { hosts: 1, channelId: 'CWEB' });
    await drain(rig.store);
    const peek = { leaseMs: 0 };
    expect(keysOf(await claim(rig.store, { ...peek, except: ['COPS', 'CAUDIT'] }))).toEqual([
      `root:${there.id}`,
      `reply:${there.id}:web01`,
    ]);
    expect(keysOf(await claim(rig.store, { ...peek, lane: 'posts', except: ['CWEB', 'CAUDIT'] }))).toEqual([
      `reply:${here.id}:web01`,
    ]);
    expect(
      (await claim(rig.store, { ...peek, except: ['COPS', 'CWEB'] })).map(({ channelId }) => channelId),
    ).toEqual(Array.from({ length: 4 }, () => 'CAUDIT'));
  });

  test('runs take turns in a claim, and each run’s rows come oldest first', async () => {
    let clock = 1_000_000;
    await using rig = await openRig({ auditChannel: undefined, now: () => clock++ });
    const big = await openRun(rig.store, { hosts: 10 });
    await drain(rig.store);
    const small = await openRun(rig.store, { hosts: ['db01', 'db02'] });
    await drain(rig.store);
    const replies = await claim(rig.store, { lane: 'posts', limit: 6 });
    expect(keysOf(replies).map((key) => key.replace(big.id, 'big').replace(small.id, 'small'))).toEqual([
      'reply:big:web01',
      'reply:small:db01',
      'reply:big:web02',
      'reply:small:db02',
      'reply:big:web03',
      'reply:big:web04',
    ]);
  });

  fileTest(
    'what may share a message is claimed with its own kind alone, and is never owed again once it stands',
    async () => {
      await using rig = await openRig();
      const run = await openRun(rig.store, { hosts: 3 });
      const other = await openRun(rig.store, { hosts: ['db01'] });
      await drain(rig.store);
      const query = { lane: 'posts', joins: run.id } as const;
      const [first, ...rest] = await claim(rig.store, query);
      if (first === undefined) throw new Error('no reply');
      expect(first).toMatchObject({ key: `reply:${run.id}:web01`, joins: run.id, position: 0 });
      expect(keysOf(rest)).toEqual([`reply:${run.id}:web02`, `reply:${run.id}:web03`]);
      expect(keysOf(await claim(rig.store, { lane: 'posts' }))).toContain(`reply:${other.id}:db01`);
      await rig.store.outbox.sent(first, '7.7');
      await rig.store.close();
      const { db, close } = openFile(rig.path);
      const by = { turn: run.id, runId: run.id, channelId: 'COPS', isOpen: true };
      const settled = [{ host: 'web01', position: 0, outcome: okOutcome() }];
      const again = oweResults({ runId: run.id, plan: run.plan }, settled, LATER);
      await db.transaction().execute((trx) => oweRows(trx, by, again));
      await close();
      expect(await rig.query(`select due_at, ts from outbox where key = '${first.key}'`)).toEqual([
        { due_at: null, ts: '7.7' },
      ]);
    },
  );

  test('without an audit channel there are no audit lines, and left-over ones wait', async () => {
    await using rig = await openRig();
    await rig.store.recordRefusal({
      requester: ANN,
      channelId: 'COPS',
      typed: 'x',
      code: 'usage',
      reason: 'y',
    });
    await rig.reopen({ auditChannel: undefined });
    await rig.store.recordRefusal({
      requester: ANN,
      channelId: 'COPS',
      typed: 'x',
      code: 'usage',
      reason: 'y',
    });
    expect(await claim(rig.store)).toEqual([]);
    expect(await rig.store.outbox.nextDueAt()).toBeUndefined();
    await rig.reopen();
    expect(keysOf(await claim(rig.store))).toEqual(['audit:2']);
  });

  test('tells of due rows after they are there', async () => {
    await using rig = await openRig();
    const seen: Promise<readonly OutboxRow[]>[] = [];
    rig.store.outbox.onDue(() => seen.push(claim(rig.store, { leaseMs: 0 })));
    await rig.store.recordRefusal({
      requester: ANN,
      channelId: 'COPS',
      typed: 'x',
      code: 'usage',
      reason: 'y',
    });
    expect(keysOf((await Promise.all(seen)).flat())).toEqual(['audit:2']);
  });

  fileTest('the count in a root message may be a second old; its end is due at once', async () => {
    const now = vi.fn(() => 1_000_000);
    await using rig = await openRig({ now });
    await openRun(rig.store, { hosts: 2, fanOut: 1 });
    const root = { lane: 'edits' } as const;
    expect(await claim(rig.store, { ...root, now: 1_000_999 })).toEqual([]);
    const [row] = await claim(rig.store, { ...root, now: 1_001_000 });
    if (row === undefined) throw new Error('no root row');
    await rig.store.outbox.sent(row, '1.1');
    now.mockReturnValue(2_000_000);
    await drain(rig.store);
    expect(await claim(rig.store, { ...root, now: 2_000_000 })).toHaveLength(1);
  });
});
