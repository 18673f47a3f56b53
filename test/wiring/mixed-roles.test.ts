import { expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import type { Crew, Member, Role } from '../../src/ports/crew.ts';
import { announce } from '../../src/wiring/crew.ts';

/** The others, of which some begin only as this one does. */
function crewWith(others: () => readonly Member[]): Crew & { readonly announced: Role[] } {
  const announced: Role[] = [];
  return {
    announced,
    async announce(role) {
      announced.push(role);
    },
    has: () => false,
    others: async () => others(),
    onChange() {},
    ask: async () => undefined,
    serve() {},
    whoRuns: async () => [],
  };
}

test.each([
  ['worker', 'all'],
  ['bot', 'all'],
  ['all', 'worker'],
  ['all', 'bot'],
] as const)(
  'a process that does %s ends where one that does %s has begun at the same time, and says which',
  async (role, other) => {
    const crew: ReturnType<typeof crewWith> = crewWith(() =>
      // Seen only by who has said itself what it does: of two at once, at least one sees the other.
      crew.announced.length === 0 ? [] : [{ id: 'another', role: other }],
    );
    const began = announce(crew, role);
    await expect(began).rejects.toBeInstanceOf(ConfigError);
    await expect(began).rejects.toThrow(
      `BATCHOPS_ROLE: ${role}, and a process with ${other} is on this database; have all of them do all, or each a part`,
    );
  },
);

test('parts begin beside each other, all beside all, and anybody beside who has not begun', async () => {
  const beside: readonly (readonly [Role, readonly string[]])[] = [
    ['worker', ['bot', 'worker', 'starting']],
    ['bot', ['worker', 'bot', 'starting']],
    ['all', ['all', 'starting']],
  ];
  for (const [role, roles] of beside) {
    const crew = crewWith(() => roles.map((one, n) => ({ id: `${n}`, role: one })));
    await announce(crew, role);
    expect(crew.announced).toEqual([role]);
  }
});
