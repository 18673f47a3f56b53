import { expect, test } from 'vitest';
import type { AuditEntry } from '../../src/run/audit-entry.ts';
import { ANN, BOB, claimAll, openRig, openRun, type StoreRig } from './rig.ts';

async function readsOf(rig: StoreRig): Promise<readonly string[]> {
  const entries: AuditEntry[] = [];
  for await (const entry of rig.store.audit.entries()) entries.push(entry);
  expect((await rig.store.audit.verify()).faults).toEqual([]);
  return entries
    .filter(({ action }) => action === 'read')
    .map(({ userId, runId, detail }) => `${userId} ${runId ?? String(detail.runs)}`);
}

test('of each person each run is in the audit once within ten minutes, several at once as one entry', async () => {
  let time = Date.now();
  await using rig = await openRig({ now: () => time });
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push((await openRun(rig.store, { hosts: 1, requester: ANN })).id);
  const [a = '', b = '', c = ''] = ids;
  const read = (requester: typeof BOB, ...runIds: string[]) =>
    rig.store.recordRead({ requester, channelId: 'COPS', runIds });
  await Promise.all([read(BOB, a), read(BOB, a), read(BOB, a)]);
  await read(BOB, a, b, c);
  await read(ANN, a);
  time += 599_999;
  await read(BOB, c, b, a);
  await read(BOB);
  expect(await readsOf(rig)).toEqual([`UBOB ${a}`, `UBOB ${b},${c}`, `UANN ${a}`]);
  time += 1;
  await read(BOB, a);
  expect((await readsOf(rig)).at(-1)).toBe(`UBOB ${a}`);
  time -= 3_600_000;
  // A clock that was set back forgets what it has not come to yet.
  await read(BOB, a);
  expect(await readsOf(rig)).toHaveLength(5);
});

test('its line in the audit channel waits behind those of runs, however early it came', async () => {
  await using rig = await openRig({ auditChannel: 'CAUD' });
  const run = await openRun(rig.store, { hosts: 1, requester: ANN });
  await rig.store.recordRead({ requester: BOB, channelId: 'COPS', runIds: [run.id] });
  await openRun(rig.store, { hosts: 1, requester: ANN });
  const lines = (await claimAll(rig.store)).filter(({ channelId }) => channelId === 'CAUD');
  const last = lines.at(-1)?.key.slice('audit:'.length);
  const entry = await rig.store.audit.find(Number(last));
  expect(lines).toHaveLength(3);
  expect(entry?.action).toBe('read');
});
