import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { batchesOf } from '../../src/run/rollout/batches.ts';
import { openStore } from '../../src/store/open.ts';
import { approvedPlan, quiet } from '../store/rig.ts';
import { HOSTS, ROLLOUT, WAIT_MS } from './rollout-kill.ts';

const STORE = { hostConcurrency: 1, auditChannel: undefined, mask: (text: string) => text, log: quiet };
const child = fileURLToPath(new URL('killed-rollout.ts', import.meta.url));
const plan = approvedPlan({ hosts: HOSTS, rollout: ROLLOUT });
const BATCH_OF = new Map(
  batchesOf(plan).flatMap(({ from, before }, batch) =>
    plan.targets.slice(from, before).map(({ host }) => [host, batch] as const),
  ),
);

interface Step {
  readonly what: string;
  readonly host: string;
  readonly at: number;
}

test('killed in and between its batches, a rollout keeps to their order and the time between them, and runs once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batchops-kill-'));
  const traces = join(folder, 'traces');
  const steps = (): Step[] =>
    (existsSync(traces) ? readFileSync(traces, 'utf8') : '')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [step = '', at = ''] = line.split(' ');
        const [what = '', host = ''] = step.split(':');
        return { what, host, at: Number(at) };
      });

  const live = async (until: string, times: number): Promise<void> => {
    const bot = spawn(process.execPath, [child, join(folder, 'batchops.db'), traces, until, String(times)], {
      stdio: 'inherit',
    });
    expect(await once(bot, 'exit')).toEqual(times === 0 ? [0, null] : [null, 'SIGKILL']);
  };
  // As a batch begins, as its last host has ended (and the time between the two runs), and a batch further on.
  await live('begin', 1);
  await live('end', 2);
  await live('begin', 12);
  await live('end', 9);
  await live('the end', 0);

  const begun = steps().filter(({ what }) => what === 'begin');
  const hosts = new Set(begun.map(({ host }) => host));
  expect(begun).toHaveLength(hosts.size);
  // Marked as running, and the process died before a step of it: nobody knows, so it is not run again.
  const store = await openStore({ ...STORE, url: `file:${join(folder, 'batchops.db')}` });
  const [run] = await store.listRuns(1);
  const jobs = await store.listJobs(run?.id ?? '');
  await store.close();
  const lost = jobs.filter(({ host }) => !hosts.has(host));
  expect(lost.map(({ outcome }) => outcome?.kind)).toEqual(lost.map(() => 'interrupted'));
  expect(jobs).toHaveLength(HOSTS);
  /** Of the batch that is on: who runs, and when it last changed that somebody does. */
  let running = new Set<string>();
  let batch = 0;
  let changedAt = 0;
  const seen = new Set<string>();
  for (const { what, host, at } of steps()) {
    if (what === 'begin') {
      const own = BATCH_OF.get(host) ?? -1;
      if (own !== batch) {
        expect([host, [...running]]).toEqual([host, []]);
        expect(own).toBeGreaterThan(batch);
        const left = [...BATCH_OF].filter(([other, its]) => its < own && !seen.has(other));
        expect(left.every(([other]) => lost.some((job) => job.host === other))).toBe(true);
        expect(at - changedAt).toBeGreaterThanOrEqual(WAIT_MS);
        batch = own;
      }
      running.add(host);
      seen.add(host);
    }
    if (what === 'end') {
      running.delete(host);
      changedAt = at;
    }
    // What ran as the process died is interrupted, and its batch has ended with it.
    if (what === 'life' && running.size > 0) {
      running = new Set();
      changedAt = at - WAIT_MS;
    }
  }
  rmSync(folder, { recursive: true, force: true });
}, 120_000);
