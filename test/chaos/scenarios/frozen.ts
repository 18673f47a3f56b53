import { setTimeout as delay } from 'node:timers/promises';
import { RESUME_ACTION } from '../../../src/report/buttons.ts';
import { ADA } from '../../rigs/bot.ts';
import { between } from '../world/random.ts';
import type { Asked, World } from '../world/world.ts';
import { roundsOf, type Scenario } from './scenario.ts';

const RESUME_WITHIN_S = 6;
/** Of several, one that stands still for so long has lost what it had: its lease is of 10 s. */
const PAST_LEASE_MS = 14_000;

/** SIGSTOP and SIGCONT, as a suspended machine: for a moment, past Slack's three seconds, and for long. */
export const frozen: Scenario = {
  name: 'frozen',
  about:
    'stopped and let go on, for up to 9 s, one of several for up to 14 s; what is held then is let go by a person',
  setUp: () => ({ env: { BATCHOPS_RESUME_WITHIN: `${RESUME_WITHIN_S}s` } }),
  async run(world, scale) {
    await world.start();
    const begun: Asked[] = [];
    for (let round = roundsOf(world, scale); round > 0; round--) {
      const isLong = world.isShared ? round % 3 === 1 : round === 1;
      const longMs = world.isShared ? PAST_LEASE_MS : RESUME_WITHIN_S * 1_500;
      const one = world.pick();
      const asked = await world.begin({ hosts: world.hostCount, options: '-c 40' });
      begun.push(asked);
      await delay(between(world.random, 0, 400));
      one.freeze();
      // Slack brings this to who does not answer, and says so to its person; once more, later.
      const late = world.ask({ hosts: 5 });
      await delay(isLong ? longMs : between(world.random, 200, 2_500));
      one.thaw();
      await late.outcome;
      if (isLong) await Promise.all(begun.map((one) => letGo(world, one)));
    }
  },
};

/** What had not ended may be held, all of it. */
async function letGo(world: World, asked: Asked): Promise<void> {
  const root = await world.slack.waitFor(() => {
    const found = world.rootOf(asked);
    return found !== undefined && (isHeld(found.blocks) || / of [\d,]+ in /.test(found.text)) && found;
  }, 60_000);
  if (isHeld(root.blocks))
    await world.slack.click({ user: ADA, channel: asked.channel, ts: root.ts, actionId: RESUME_ACTION });
}

const isHeld = (blocks: unknown): boolean => JSON.stringify(blocks).includes(RESUME_ACTION);
