import { expect, test, vi } from 'vitest';
import { distantSights, tellSights } from '../../src/crew/sights.ts';
import type { Member } from '../../src/ports/crew.ts';
import type { Sights } from '../../src/ports/sights.ts';

/** Runs all of `r-1`, half of what it is to copy done, and says what each host is. */
const here = (name: string): Sights => ({
  ofHost: async (_, host) => (host === `${name}1` ? { phase: 'starting' } : undefined),
  ofRun: async () => ({
    hosts: new Map([[`${name}1`, { phase: 'starting' }]]),
    copies: { movedBytes: 5, totalBytes: 10, bytesPerSecond: 2, hosts: 1 },
    isPartial: false,
  }),
});

/** Each is asked over a table: as soon as it lets go of the question. `undefined`: it never answers. */
function crewOf(members: Readonly<Record<string, Sights | undefined>>) {
  const asked: { readonly of: string; readonly wishes: unknown }[] = [];
  let underWay = 0;
  const crew = {
    asked,
    most: 0,
    async whoRuns(runId: string): Promise<readonly Member[]> {
      return runId === 'r-none' ? [] : Object.keys(members).map((id) => ({ id, role: 'worker' }));
    },
    async ask(of: Member | string, _what: string, words: string) {
      const id = typeof of === 'string' ? of : of.id;
      asked.push({ of: id, wishes: JSON.parse(words) });
      crew.most = Math.max(crew.most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      const sights = members[id];
      return sights && (await tellSights(sights)['look-at-jobs'](words));
    },
  };
  return crew;
}

test('who runs a host is asked how far it is, and all that run some of a run how far that is', async () => {
  const crew = crewOf({ web: here('web'), db: here('db') });
  const sights = distantSights({ crew, clock: () => 0, pauseMs: 0 });
  expect(await sights.ofHost('r-1', 'db1')).toEqual({ phase: 'starting' });
  expect(await sights.ofHost('r-1', 'gone1')).toBeUndefined();
  expect(await sights.ofHost('r-none', 'db1')).toBeUndefined();
  const { hosts, copies, isPartial } = await sights.ofRun('r-1');
  expect([[...hosts.keys()], isPartial]).toEqual([['web1', 'db1'], false]);
  expect(copies).toEqual({ movedBytes: 10, totalBytes: 20, bytesPerSecond: 4, hosts: 2 });
});

test('a process that runs jobs itself looks at its own without asking', async () => {
  const crew = crewOf({ db: here('db') });
  const sights = distantSights({ crew, here: here('web'), clock: () => 0, pauseMs: 0 });
  expect(await sights.ofHost('r-1', 'web1')).toEqual({ phase: 'starting' });
  expect(crew.asked).toEqual([]);
  expect([...(await sights.ofRun('r-1')).hosts.keys()]).toEqual(['web1', 'db1']);
});

test('however many look at once, a process is asked one question at a time, each thing once', async () => {
  const crew = crewOf({ web: here('web') });
  const sights = distantSights({ crew, clock: () => 0, pauseMs: 0 });
  await Promise.all(Array.from({ length: 300 }, (_, n) => sights.ofHost('r-1', `web${(n % 105) + 1}`)));
  expect(crew.most).toBe(1);
  expect(crew.asked.map(({ wishes }) => (wishes as unknown[]).length)).toEqual([100, 5]);
});

test('one that is silent is said to be, is not waited for again at once, and is asked again after a while', async () => {
  let now = 0;
  const crew = crewOf({ web: undefined });
  const sights = distantSights({ crew, clock: () => now, pauseMs: 0 });
  expect(await sights.ofHost('r-1', 'web1')).toEqual({ phase: 'unanswered' });
  expect(await sights.ofHost('r-1', 'web1')).toEqual({ phase: 'unanswered' });
  expect(await sights.ofRun('r-1')).toMatchObject({ copies: undefined, isPartial: true });
  expect(crew.asked).toHaveLength(1);
  now = 6_000;
  await sights.ofHost('r-1', 'web1');
  expect(crew.asked).toHaveLength(2);
});

test('a database that does not answer, or an answer that never comes, is no error and nobody waits for it', async () => {
  const away = { whoRuns: () => Promise.reject(new Error('gone')), ask: () => Promise.reject(new Error()) };
  expect(await distantSights({ crew: away, clock: () => 0 }).ofHost('r-1', 'web1')).toEqual({
    phase: 'unanswered',
  });
  vi.useFakeTimers();
  try {
    const never = { ...crewOf({ web: here('web') }), ask: () => new Promise<undefined>(() => {}) };
    const asked = distantSights({ crew: never, clock: () => 0 }).ofHost('r-1', 'web1');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await Promise.race([asked, 'still waiting'])).toEqual({ phase: 'unanswered' });
  } finally {
    vi.useRealTimers();
  }
});
