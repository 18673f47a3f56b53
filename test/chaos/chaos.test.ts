import { describe, expect, test } from 'vitest';
import { perform } from './perform.ts';
import { crashPoints } from './scenarios/crash-points.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { sockets } from './scenarios/sockets.ts';

const NOTHING_BROKEN = { ranTwice: [], lost: [], stuck: [], doubled: [], untrue: [], other: [] };

describe('nothing runs twice, is lost, stays undone or stands twice', () => {
  const short: readonly Scenario[] = [crashPoints, sockets];
  test.each(short)(
    '$name: $about',
    async (scenario) => {
      const performed = await perform(scenario, { jobs: 160, isShort: true, seed: 1 });
      expect(performed).toMatchObject(NOTHING_BROKEN);
      expect(performed.jobs).toBeGreaterThan(50);
    },
    90_000,
  );
});
