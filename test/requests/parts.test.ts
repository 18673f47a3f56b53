import { expect, test } from 'vitest';
import { openRequests } from '../../src/requests/open-requests.ts';
import { ANN, countRuns, type DeskRig, OPS, openDeskRig } from './rig.ts';

/** The bot part, whose workers are elsewhere. */
function openBotPart(rig: DeskRig, learnt: string[]) {
  return openRequests({
    ...rig.context,
    learnTyped: async (words) => {
      learnt.push(`${words} before ${await countRuns(rig)} runs`);
    },
  });
}

const asked = (text: string, requestKey: string) => ({
  command: '/batch_run',
  text,
  requester: ANN,
  channelId: OPS,
  requestKey,
});

test('what somebody types is looked through for secrets before a run of it is stored, as it came and as it is read', async () => {
  await using rig = await openDeskRig({ slashText: 'entities' });
  const learnt: string[] = [];
  const desk = openBotPart(rig, learnt);
  await desk.command(asked('-h web01 -cmd "df -h &amp;&amp; uptime"', 'typed'));
  expect(learnt).toEqual([
    '-h web01 -cmd "df -h &amp;&amp; uptime"\n-h web01 -cmd "df -h && uptime" before 0 runs',
  ]);
});
