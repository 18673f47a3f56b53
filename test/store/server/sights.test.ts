import { expect, test, vi } from 'vitest';
import { distantSights, tellSights } from '../../../src/crew/sights.ts';
import { createMask } from '../../../src/gather/mask.ts';
import { LiveJobs } from '../../../src/lifecycle/live/live-jobs.ts';
import { localSights } from '../../../src/lifecycle/live/local-sights.ts';
import { SILENT } from '../../../src/run/live-output.ts';
import { openRig, openRun } from '../rig.ts';
import { openAnother } from './another.ts';

const SECRET = 'hunter2-long';

test('a process is told over the database what a host of another one says, masked there', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  const bot = rig.store.crew;
  const worker = other.crew;
  if (bot === undefined || worker === undefined) throw new Error('no others');
  await bot.announce('bot');
  await worker.announce('worker');
  const run = await openRun(rig.store, { hosts: 2 });
  const [job] = await other.jobs.start(await other.jobs.take(1));
  if (job === undefined) throw new Error('nothing started');

  const jobs = new LiveJobs({ onNews() {}, maskNow: () => createMask([SECRET]) });
  jobs.begin(run.id, job.host, false).begun(() => ({
    stdout: {
      text: `step 1\npass \u001b[31mhunter2\u001b[0m-long\n`,
      totalBytes: 40,
      isCut: false,
      binary: false,
    },
    stderr: SILENT,
  }));
  const copies = { progressOf: () => ({ movedBytes: 5, totalBytes: 10, bytesPerSecond: 1, hosts: 1 }) };
  const told = tellSights(localSights(jobs, copies));
  const said: string[] = [];
  worker.serve({
    'look-at-jobs': async (words) => {
      const answer = await told['look-at-jobs'](words);
      said.push(words, answer);
      return answer;
    },
  });
  const sights = distantSights({ crew: bot, clock: () => 0 });
  // Another one may be slow to answer; it does in the end.
  await vi.waitFor(async () => {
    expect(await distantSights({ crew: bot, clock: () => 0 }).ofHost(run.id, job.host)).toMatchObject({
      phase: 'running',
      output: { stdout: { text: 'step 1\npass [secret]\n' } },
    });
  }, 20_000);
  expect(said.join()).not.toContain('hunter2');
  // Nobody is asked about what does not run.
  expect(await sights.ofHost(run.id, job.host === 'web01' ? 'web02' : 'web01')).toBeUndefined();
  await vi.waitFor(async () => {
    const { hosts, copies: progress } = await distantSights({ crew: bot, clock: () => 0 }).ofRun(run.id);
    expect([[...hosts], progress?.movedBytes]).toEqual([[[job.host, { phase: 'running' }]], 5]);
  }, 20_000);
});
