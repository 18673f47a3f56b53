import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
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

  /** Lives until the fact, and not a moment longer. */
  const live = async (isTime: (said: string) => boolean): Promise<void> => {
    const bot = spawn(process.execPath, [child, database, traces, String(JOBS)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(bot, 'exit');
    let said = '';
    bot.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (isTime(said)) bot.kill('SIGKILL');
    });
    await vi.waitFor(() => expect(isTime(said) || bot.exitCode !== null).toBe(true), {
      timeout: 20_000,
      interval: 1,
    });
    bot.kill('SIGKILL');
    await gone;
  };

  await live((said) => said.includes('opened'));
  await live((said) => said.includes('created'));
  // Early, in full flight, near the end: some jobs further each time.
  for (const further of [1, 5, 40, 25, 60, 33]) {
    const before = tracesNow().length;
    await live(() => tracesNow().length >= before + further);
  }
  await live((said) => said.includes('finished'));

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
}, 60_000);
