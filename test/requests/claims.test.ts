import { expect, test } from 'vitest';
import { AGAIN_ACTION } from '../../src/report/buttons.ts';
import { drain } from '../store/rig.ts';
import { ANN, clickOn, formWith, OPS, openDeskRig } from './rig.ts';

test('disabled hosts are skipped when a run is repeated, as the button says, and not when they are enabled again', async () => {
  await using rig = await openDeskRig();
  const call = { command: '/batch_run', requester: ANN, channelId: OPS, requestKey: 'k' };
  await rig.desk.command({ ...call, text: '-g web -cmd uptime' });
  await drain(rig.store.store);
  const [first] = await rig.store.store.listRuns(1);
  await rig.desk.press(clickOn(AGAIN_ACTION, first?.id ?? ''));
  const [again] = await rig.store.store.listRuns(1);
  expect(again?.plan.retryOf).toBe(first?.id);
  expect(again?.progress).toEqual({ queued: 1, running: 0, settled: { skipped: 1 } });
  await drain(rig.store.store);

  const enabled = new Map(
    Array.from(rig.context.inventory.hosts, ([key, host]) => [key, { ...host, enabled: true }] as const),
  );
  Object.assign(rig.context, { inventory: { ...rig.context.inventory, hosts: enabled } });
  await rig.desk.press(clickOn(AGAIN_ACTION, again?.id ?? ''));
  const [third] = await rig.store.store.listRuns(1);
  expect(third?.progress).toEqual({ queued: 2, running: 0, settled: {} });
});

test("a form says before it is sent what its person's limits would make wait, and nothing where nothing would", async () => {
  await using rig = await openDeskRig({
    allowlist: `[all]\nusers = ${ANN.userId}\nchannels = ${OPS}\nhosts = all\nactions = run\ncommands = *\n`,
  });
  const shown = async (slots: number, command: string): Promise<string> => {
    const person = { ...rig.context.limits.person, slots };
    Object.assign(rig.context, { limits: { ...rig.context.limits, person } });
    const verdict = await rig.desk.submit(formWith({ terms: ['web01,db01'], command: [command] }));
    return JSON.stringify(verdict);
  };
  expect(await shown(1, 'uptime')).toMatch(
    /One person may have 1 jobs on the wire at once: at most 1 of these would start now, the others wait/,
  );
  expect(await shown(2, 'uptime')).not.toContain('One person');
  expect(await shown(2, 'uptime')).toContain('Your rules allow this here.');
});
