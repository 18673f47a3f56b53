import { describe, expect, test } from 'vitest';
import { bareOutcome, OUTCOME_KINDS } from '../../src/run/outcome.ts';
import { chooseRetryHosts, isSameTarget, planTarget } from '../../src/run/planning.ts';
import type { Job } from '../../src/run/run.ts';

describe('a retry', () => {
  /** A host for each way to end, named by it. */
  const jobs = OUTCOME_KINDS.map(
    (kind): Job => ({
      id: kind,
      runId: 'r-7k3f',
      host: kind,
      state: 'settled',
      outcome: bareOutcome(kind, ''),
    }),
  );

  test('of what failed leaves out what may have run, and takes what did not begin', () => {
    const { hosts, maybeRan } = chooseRetryHosts(jobs, 'failed');
    expect(OUTCOME_KINDS.filter((kind) => !hosts.includes(kind))).toEqual(['ok', 'lost', 'interrupted']);
    expect(hosts).toContain('not-run');
    expect(maybeRan).toBe(2);
    expect(chooseRetryHosts(jobs, 'lost').hosts).toEqual(['lost', 'interrupted']);
  });
});

test('a host behind other ones is another target where any of these is another', () => {
  const db1 = { name: 'db1', ip: '10.0.0.5', port: 22, user: 'root', enabled: true, shell: 'auto' } as const;
  const behind = (way: readonly string[]) => planTarget({ ...db1, jump: ['b'], way });
  const approved = behind(['root@10.0.0.1:22']);
  expect(isSameTarget(approved, behind(['root@10.0.0.1:22']))).toBe(true);
  expect(isSameTarget(approved, behind(['root@10.0.0.2:22']))).toBe(false);
  expect(isSameTarget(approved, planTarget(db1))).toBe(false);
});
