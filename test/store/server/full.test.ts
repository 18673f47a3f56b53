import { rmSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { startPostgres } from '../../rigs/postgres.ts';
import { CAN_MOUNT } from '../../rigs/small-disk.ts';
import { approvedPlan, drain, openRun, quiet } from '../rig.ts';

function fill(path: string): void {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(64 * 1024), { flag: 'a' });
  } catch {
    // That much does not fit any more.
  }
}

test.skipIf(!CAN_MOUNT)('a full disk of the server is told as what it is, and nothing that was promised is gone once it has room', async () => {
  await using server = await startPostgres(true, 224 * 1024);
  const store = await openStore({
    url: await server.createDatabase(),
    hostConcurrency: 1,
    auditChannel: 'CAUDIT',
    mask: (text) => text,
    log: quiet,
  });
  const filler = `${server.data}/../filler`;
  fill(filler);
  const promised: string[] = [];
  let refused: unknown;
  for (let n = 0; refused === undefined && n < 200; n++) {
    try {
      const { run } = await store.createRun(approvedPlan({ hosts: 200 }), `full-${n}`);
      promised.push(run.id);
    } catch (error) {
      refused = error;
    }
  }
  expect(store.describeTrouble(refused)).toMatch(/^(the disk of its database is full|its database does not answer)$/);
  rmSync(filler);
  await vi.waitFor(() => openRun(store, { hosts: 2 }), { timeout: 20_000, interval: 200 });
  expect(await drain(store)).toHaveLength(2);
  for (const id of promised) expect((await store.findRun(id))?.progress.queued).toBe(200);
  expect((await store.audit.verify()).faults).toEqual([]);
  await store.close();
}, 60_000);
