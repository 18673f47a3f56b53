import { expect, test } from 'vitest';
import { Entry } from '../../src/queue/entry.ts';
import { Line } from '../../src/queue/line.ts';
import { Phases } from '../../src/queue/phase.ts';
import { ImpossibleStep } from '../../src/queue/state.ts';
import type { TakenJob } from '../../src/run/run.ts';
import { okOutcome } from '../store/rig.ts';

const job = (n: number): TakenJob => ({ id: `j${n}`, runId: 'r', host: `h${n}` });

test('who is next is decided as a slot frees: no job is taken ahead of that, and p-queue gives each its slot', async () => {
  let turns = 0;
  const line = new Line(32, () => turns++);
  for (let n = 0; n < 32; n++) line.join(job(n));
  expect(line.room()).toBe(0);
  await line.dealt();
  expect(line.in('in-line')).toEqual([]);
  expect(turns).toBe(32);
  for (const entry of line.in('on-turn').slice(0, 2)) line.leave(entry);
  // One that was given up before it had its slot takes none.
  line.join(job(40));
  for (const entry of line.in('in-line')) line.leave(entry);
  await line.dealt();
  expect(line.room()).toBe(2);
  line.join(job(41));
  line.join(job(42));
  await line.dealt();
  expect(line.find('j40')).toBeUndefined();
  expect(line.find('j42')?.state.kind).toBe('on-turn');
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
