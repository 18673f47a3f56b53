import { expect, test } from 'vitest';
import { createMask } from '../../src/gather/mask.ts';
import { LiveJobs } from '../../src/lifecycle/live/live-jobs.ts';
import { SILENT } from '../../src/run/live-output.ts';

const SECRET = 'hunter2-long';
const openJobs = () => new LiveJobs({ onNews() {}, maskNow: () => createMask([SECRET]) });

function shownOf(text: string, isCut = false): string {
  const jobs = openJobs();
  const stdout = { text, totalBytes: text.length, isCut, binary: false };
  jobs.begin('r-1', 'web01', false).begun(() => ({ stdout, stderr: SILENT }));
  const sight = jobs.ofHost('r-1', 'web01');
  return sight?.phase === 'running' ? (sight.output?.stdout.text ?? '') : '';
}

test('a job is told by how far it has come, and not after its end', () => {
  const jobs = openJobs();
  const command = jobs.begin('r-1', 'web01', false);
  const copy = jobs.begin('r-1', 'web02', false);
  const moved = { movedBytes: 0, totalBytes: 0 };
  copy.copies(() => ({ ...moved }));
  expect(jobs.ofHost('r-1', 'web01')).toEqual({ phase: 'starting' });
  expect(jobs.ofHost('r-1', 'web02')).toEqual({ phase: 'starting' });
  command.begun(() => ({ stdout: SILENT, stderr: SILENT }));
  Object.assign(moved, { movedBytes: 5, totalBytes: 10 });
  expect([...jobs.ofRun('r-1')]).toEqual([
    ['web01', { phase: 'running' }],
    ['web02', { phase: 'copying', movedBytes: 5, totalBytes: 10 }],
  ]);
  command.end();
  copy.end();
  expect([jobs.ofHost('r-1', 'web01'), jobs.ofRun('r-1').size]).toEqual([undefined, 0]);
});

test('a secret around a colour is masked, as it is one once the colour is gone; also one that is still to come', () => {
  expect(shownOf('pass hunter2\u001b[1m-long end\n')).toBe('pass [secret] end\n');
  expect(shownOf('pass hunt\u001b[1mer2')).toBe('pass ');
  expect(shownOf('pass hunt\u001b[1mer2 and on')).toBe('pass hunter2 and on');
  // Its beginning is cut off.
  const cut = shownOf(`ter2\u001b[1m-long ${'and all the rest '.repeat(20)}is to be seen\n`, true);
  expect(cut).not.toContain('ter2-long');
  expect(cut).toContain('is to be seen');
});
