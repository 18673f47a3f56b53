import { clocks } from './scenarios/clocks.ts';
import { crashPoints } from './scenarios/crash-points.ts';
import { frozen } from './scenarios/frozen.ts';
import { fullDisk } from './scenarios/full-disk.ts';
import { randomKills } from './scenarios/random-kills.ts';
import { rolling } from './scenarios/rolling.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { partition, serverAway, serverCrash } from './scenarios/server-troubles.ts';
import { lostAnswers, rateLimits } from './scenarios/slack-troubles.ts';
import { sockets } from './scenarios/sockets.ts';

export const SCENARIOS: readonly Scenario[] = [
  crashPoints,
  randomKills,
  rolling,
  frozen,
  sockets,
  lostAnswers,
  rateLimits,
  fullDisk,
  clocks,
  serverCrash,
  serverAway,
  partition,
];
