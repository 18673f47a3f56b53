import { clocks } from './clocks.ts';
import { crashPoints } from './crash-points.ts';
import { frozen } from './frozen.ts';
import { fullDisk } from './full-disk.ts';
import { randomKills } from './random-kills.ts';
import type { Scenario } from './scenario.ts';
import { lostAnswers, rateLimits } from './slack-troubles.ts';
import { sockets } from './sockets.ts';

export const SCENARIOS: readonly Scenario[] = [
  crashPoints,
  randomKills,
  frozen,
  sockets,
  lostAnswers,
  rateLimits,
  fullDisk,
  clocks,
];
