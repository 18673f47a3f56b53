import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { quiet } from '../store/rig.ts';

const JOBS = 300;
const CONCURRENCY = 20;
const child = fileURLToPath(new URL('killed-process.ts', import.meta.url));

test('killed at any point and started again, no job runs twice and none is without its outcome', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batchops-kill-'));
  const database = join(folder, 'batchops.db');
  const traces = join(folder, 'traces');
  const tracesNow = (): string[] =>
    existsSync(traces) ? readFileSync(traces, 'utf8').trim().split('\n') : [];

  /** Lives until what it does itself, and so many turns of its loop longer; or to the end. */
  const live = async (until: string, turns = 0): Promise<void> => {
    const bot = spawn(process.execPath, [child, database, traces, String(JOBS), until, String(turns)], {
      stdio: 'inherit',
    });
    expect(await once(bot, 'exit')).toEqual(until === '' ? [0, null] : [null, 'SIGKILL']);
  };

  await live('opened');
  await live('created');
  // Early, in full flight, near the end: some jobs further each time.
  for (const [further, turns] of [
    [1, 0],
    [5, 1],
    [40, 5],
    [25, 25],
    [60, 2],
    [33, 9],
  ] as const)
    await live(String(further), turns);
  await live('');

  const store = await openStore({
    url: `file:${database}`,
    hostConcurrency: 1,
    auditChannel: undefined,
    mask: (text) => text,
    log: quiet,
  });
  const runs = await store.listRuns(10);
  expect(runs).toMatchObject([{ state: 'finished' }]);
  const jobs = await store.listJobs(runs[0]?.id ?? '');
  expect(jobs).toHaveLength(JOBS);

  const ran = tracesNow();
  expect(new Set(ran).size, 'jobs that ran twice').toBe(ran.length);
  const idsOf = (...kinds: string[]): string[] =>
    jobs.filter(({ outcome }) => kinds.includes(outcome?.kind ?? '')).map(({ id }) => id);
  expect(idsOf('ok', 'failed', 'interrupted', 'skipped')).toHaveLength(JOBS);
  expect(idsOf('skipped')).toHaveLength(1);
  // What ran and has no result of its own was in flight at a kill; so was what was marked and left no trace.
  const results = new Set(idsOf('ok', 'failed'));
  const interrupted = new Set(idsOf('interrupted'));
  expect(ran.filter((id) => !results.has(id) && !interrupted.has(id))).toEqual([]);
  expect([...results].filter((id) => !ran.includes(id))).toEqual([]);
  expect(interrupted.size).toBeGreaterThan(0);
  expect(interrupted.size).toBeLessThanOrEqual(6 * CONCURRENCY);

  // The board and the files show every host once.
  const rows = await store.listFoldRows(runs[0]?.id ?? '');
  expect(rows.map(({ host }) => host)).toEqual(jobs.map(({ host }) => host));
  const due = await store.outbox.claim({
    limit: 10_000,
    now: Date.now() + 5_000,
    leaseMs: 1,
    except: [],
  });
  const runId = runs[0]?.id;
  expect(due.map(({ key }) => key).toSorted()).toEqual([
    ...[1, 2, 3, 4].map((page) => `board:${runId}:${page}`),
    `log:${runId}:json`,
    `log:${runId}:text`,
    `root:${runId}`,
  ]);
  expect((await store.audit.verify()).faults).toEqual([]);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);
