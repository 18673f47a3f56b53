import { setTimeout as delay } from 'node:timers/promises';
import { RESUME_ACTION } from '../../../src/report/buttons.ts';
import type { StoredMessage } from '../../../src/sandbox/slack/workspace/message.ts';
import { ADA } from '../../rigs/bot.ts';
import type { Asked } from '../world/asked.ts';
import { between } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { LONGER_THAN_KEPT, PAST_KEPT_MS, roundsOf, type Scenario } from './scenario.ts';

const RESUME_WITHIN_S = 6;
/** Of several, one that stands still for so long has lost what it had: its lease is of 10 s. Its hosts are kept still. */
const PAST_LEASE_MS = 14_000;

/** SIGSTOP and SIGCONT, as a suspended machine: for a moment, past Slack's three seconds, and for long. */
export const frozen: Scenario = {
  name: 'frozen',
  about:
    'stopped and let go on, for up to 9 s, one of several for up to 27 s while its commands go on; what is held then is let go by a person',
  // Of several others are there: with so short a time one that waits for another's lock would hold all that waits.
  setUp: (store) => (store === 'sqlite' ? { env: { BATCHOPS_RESUME_WITHIN: `${RESUME_WITHIN_S}s` } } : {}),
  async run(world, scale) {
    await world.start();
    for (let round = roundsOf(world, scale); round > 0; round--) {
      const isLong = world.isShared ? round % 3 === 1 : round === 1;
      const sharedMs = round === 1 ? PAST_KEPT_MS : PAST_LEASE_MS;
      const longMs = world.isShared ? sharedMs : RESUME_WITHIN_S * 1_500;
      const long =
        isLong && world.isShared ? await world.begin({ hosts: 20, seconds: LONGER_THAN_KEPT }) : undefined;
      const one = long === undefined ? world.pick() : world.holderOf(long);
      await world.begin({ hosts: world.hostCount, options: '-c 40' });
      await delay(between(world.random, 0, 400));
      one.freeze();
      // Slack brings this to who does not answer, and says so to its person; once more, later.
      const late = world.ask({ hosts: 5 });
      await delay(isLong ? longMs : between(world.random, 200, 2_500));
      one.thaw();
      await late.outcome;
      if (isLong && !world.isShared) await Promise.all(world.asked.map((one) => letGo(world, one)));
    }
    // A machine with much to do may have had it stand still for longer than it was stopped.
    if (!world.isShared) await Promise.all(world.asked.map((one) => letGo(world, one)));
  },
};

/** What had not ended may be held, all of it, also what had only just come; some of what was asked for is no run. */
async function letGo(world: World, asked: Asked): Promise<void> {
  const isOver = (found: StoredMessage): boolean => / of [\d,]+ in /.test(found.text);
  const root = await world.slack
    .waitFor(() => {
      const found = world.rootOf(asked);
      return found !== undefined && (isHeld(found.blocks) || isOver(found)) && found;
    }, 60_000)
    .catch(() => undefined);
  if (root !== undefined && !isOver(root))
    await world.slack.click({ user: ADA, channel: asked.channel, ts: root.ts, actionId: RESUME_ACTION });
}

const isHeld = (blocks: unknown): boolean => JSON.stringify(blocks).includes(RESUME_ACTION);
