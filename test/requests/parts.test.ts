import { expect, test } from 'vitest';
import type { Crew } from '../../src/ports/crew.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import { ANN, countRuns, type DeskRig, OPS, openDeskRig, textOf } from './rig.ts';

/** The bot part, whose workers are elsewhere. */
function openBotPart(rig: DeskRig, learnt: string[] = []) {
  const crew: Crew = {
    async announce() {},
    has: () => true,
    others: async () => [],
    onChange() {},
    ask: async () => undefined,
    serve() {},
  };
  const { context } = rig;
  return openRequests({
    ...context,
    store: Object.create(context.store, { crew: { value: crew } }),
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

test('-follow is refused where workers run the commands, for one host as for many, and nothing runs', async () => {
  await using rig = await openDeskRig({ slashText: 'raw' });
  const desk = openBotPart(rig);
  for (const [n, hosts] of ['-h web01', '-g web'].entries()) {
    const answer = await desk.command(asked(`${hosts} -follow -cmd "df -h"`, `follow-${n}`));
    expect(textOf(answer)).toContain('-follow is not to be had here: workers run commands');
  }
  expect(await countRuns(rig)).toBe(0);
  // Where one process does all, it is to be had.
  expect(await rig.desk.command(asked('-h web01 -follow -cmd "df -h"', 'alone'))).toBeUndefined();
  expect(await countRuns(rig)).toBe(1);
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
