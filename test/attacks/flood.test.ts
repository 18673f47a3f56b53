import { expect, test } from 'vitest';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { AUDIT, ada, BOB, OPS, openStage } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

test.skipIf(!HAS_SSHD)(
  'a stranger who types without end keeps no line of a run away from the audit channel, and every no is counted',
  async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const tries = Array.from({ length: 120 }, (_, n) =>
      slack.command({ user: BOB, channel: OPS, command: '/batch_run', text: `-h h1 -cmd "try ${n}"` }),
    );
    await Promise.all(tries);
    await slack.command(ada('-h h1 -cmd uptime'));
    const lines = await slack.waitFor(() => {
      const texts = slack.messages(AUDIT).map(({ text }) => text);
      return texts.some((text) => /settled/.test(text)) && texts;
    }, 20_000);
    expect(lines.filter((text) => /refused/.test(text)).length).toBeLessThanOrEqual(3);

    await stage.bot.stop();
    const trail = openAuditTrail(`file:${home.path('data/batchops.db')}`);
    let apart = 0;
    let counted = 0;
    for await (const { action, userId, detail } of trail.entries()) {
      if (action !== 'refused' || userId !== BOB) continue;
      if (typeof detail.count === 'number') counted += detail.count;
      else apart += 1;
    }
    expect([apart, counted]).toEqual([3, 117]);
    expect((await trail.verify()).faults).toEqual([]);
  },
  60_000,
);
