import { expect, test } from 'vitest';
import { Entry } from '../../src/queue/entry.ts';
import { Line } from '../../src/queue/line.ts';
import { Phases } from '../../src/queue/phase.ts';
import { ImpossibleStep } from '../../src/queue/state.ts';
import type { TakenJob } from '../../src/run/run.ts';
import { okOutcome } from '../store/rig.ts';

const job = (n: number): TakenJob => ({ id: `j${n}`, runId: 'r', host: `h${n}` });

test('a little more is taken than there are slots, and p-queue gives each its slot as one is free', async () => {
  let turns = 0;
  const line = new Line(32, () => turns++);
  expect(line.room()).toBe(34);
  for (let n = 0; n < 34; n++) line.join(job(n));
  await line.dealt();
  expect(line.room()).toBe(0);
  expect(line.in('in-line').map((entry) => entry.job.id)).toEqual(['j32', 'j33']);
  expect(turns).toBe(32);
  for (const entry of line.in('on-turn').slice(0, 1)) line.leave(entry);
  await line.dealt();
  expect(line.in('in-line').map((entry) => entry.job.id)).toEqual(['j33']);
  // One that was given up in line takes no slot.
  for (const entry of line.in('in-line')) line.leave(entry);
  for (const entry of line.in('on-turn').slice(0, 1)) line.leave(entry);
  line.join(job(40));
  await line.dealt();
  expect(line.find('j40')?.state.kind).toBe('on-turn');
  expect(line.in('in-line')).toEqual([]);
  expect(turns).toBe(34);
});

test('a step that a state does not have is a defect', () => {
  const entry = new Entry(job(1));
  expect(() => entry.become({ kind: 'running' })).toThrow(ImpossibleStep);
  entry.become({ kind: 'on-turn' });
  entry.become({ kind: 'running' });
  entry.become({ kind: 'ended', outcome: okOutcome() });
  expect(() => entry.become({ kind: 'running' })).toThrow('cannot go from ended to running');
});

test('who stops goes on stopping, whatever the store does, and is stopped once and for all', () => {
  const phase = new Phases();
  phase.failed();
  phase.failed();
  expect([phase.kind, phase.failures]).toEqual(['retrying', 2]);
  phase.stop();
  expect([phase.kind, phase.failures]).toEqual(['stopping', 2]);
  phase.succeeded();
  expect([phase.kind, phase.failures]).toEqual(['stopping', 0]);
  phase.stopped();
  phase.stop();
  phase.failed();
  expect([phase.kind, phase.failures]).toEqual(['stopped', 0]);
});
