import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import type { Directory } from '../../src/ports/slack.ts';
import { CANCEL_ACTION, CANCEL_HOST_ACTION, SHOW_HOST_ACTION } from '../../src/report/buttons.ts';
import { HOSTS_ACTION } from '../../src/report/views/form.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import { openRun } from '../store/rig.ts';
import {
  ANN,
  CLEO,
  clickOn,
  DAN,
  type DeskRig,
  ELSEWHERE,
  OPS,
  openDeskRig,
  runOnce,
  textOf,
} from './rig.ts';

describe('cancelling', () => {
  test('tells those who may not see a run nothing of it, not even that it is there', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const cancel = async (runId: string, channelId: string) => {
      const answer = await rig.desk.press(clickOn(CANCEL_ACTION, runId, { requester: CLEO, channelId }));
      return textOf(answer).replaceAll(runId, 'RUN');
    };
    expect(await cancel(id, OPS)).toContain('is not yours to cancel');
    expect(await cancel(id, ELSEWHERE)).toBe(await cancel('r-0000', ELSEWHERE));
    // One's own is stopped from anywhere; this one has ended.
    const own = await rig.desk.press(clickOn(CANCEL_ACTION, id, { channelId: ELSEWHERE }));
    expect(textOf(own)).toContain('already finished');
  });

  test('is open to the person who asked for the run, not to whoever has the same id elsewhere', async () => {
    const strangers: Directory = {
      standingOf: async () => {
        throw new Refusal('not-allowed', 'of another organisation');
      },
    };
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const desk = openRequests({ ...rig.context, directory: strangers });
    const press = (teamId: string) =>
      desk.press(clickOn(CANCEL_ACTION, id, { requester: { ...ANN, teamId } }));
    expect(textOf(await press('T2'))).toContain('of another organisation');
    expect(textOf(await press(ANN.teamId))).toContain('already finished');
  });
});

describe('what the selects offer', () => {
  const optionsOf = async (rig: DeskRig, more: Partial<Parameters<DeskRig['desk']['suggest']>[0]>) => {
    const query = { actionId: HOSTS_ACTION, blockId: 'hosts', text: '', requester: ANN, channelId: '' };
    const groups = await rig.desk.suggest({ ...query, ...more });
    return groups.flatMap((group) => group.options.map(({ value }) => value));
  };

  test('are only the hosts that a rule is for, and the groups that are so as a whole', async () => {
    await using rig = await openDeskRig();
    expect(await optionsOf(rig, {})).toEqual(['@web', 'web01', 'web02']);
    expect(await optionsOf(rig, { text: '02' })).toEqual(['web02']);
    expect(await optionsOf(rig, { text: '@' })).toEqual(['@web']);
    expect(await optionsOf(rig, { requester: CLEO })).toEqual(['web01']);
    expect(await optionsOf(rig, { requester: DAN })).toEqual([]);
  });

  test('are the hosts of a run, to those who may see it', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const ask = { actionId: SHOW_HOST_ACTION, blockId: `batchops_run:${id}:finished`, channelId: OPS };
    // Trouble first: web02 is disabled, and so was skipped.
    expect(await optionsOf(rig, ask)).toEqual(['1', '0']);
    expect(await optionsOf(rig, { ...ask, text: 'skipped' })).toEqual(['1']);
    expect(await optionsOf(rig, { ...ask, requester: CLEO, channelId: ELSEWHERE })).toEqual([]);
    expect(await optionsOf(rig, { ...ask, requester: DAN })).toEqual([]);
    expect(await optionsOf(rig, { ...ask, actionId: CANCEL_HOST_ACTION })).toEqual([]);
    expect(await optionsOf(rig, { ...ask, blockId: 'batchops_run:r-none:finished' })).toEqual([]);
  });
});

describe('the Home tab', () => {
  test("lists one's own runs, and the team's of the channels that one's rules name", async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const [mine, hers, nobodys] = await Promise.all([ANN, CLEO, DAN].map((who) => rig.desk.home(who)));
    expect(JSON.stringify(mine)).toContain(`${id}: 1 ok, 1 skipped of 2`);
    expect(JSON.stringify(mine)).toContain('Disabled: web02');
    // `channels = *` names no channel.
    expect(JSON.stringify(hers)).not.toContain(id);
    expect(JSON.stringify(hers)).not.toContain('web02');
    expect(JSON.stringify(nobodys)).not.toMatch(/web0|r-\w{4}|df/);
  });

  test('what has not ended takes no place of what has', async () => {
    await using rig = await openDeskRig();
    const ended = await runOnce(rig);
    for (let n = 0; n < 9; n += 1) await openRun(rig.context.store, { requester: ANN, channelId: OPS });
    expect(JSON.stringify(await rig.desk.home(ANN))).toContain(`${ended}: 1 ok, 1 skipped of 2`);
  });

  test('reads no hundreds of large runs to show a few', async () => {
    await using rig = await openDeskRig();
    const asked: number[] = [];
    const { store } = rig.context;
    const targets = 5_000;
    await openRun(store, { hosts: targets, requester: ANN, channelId: OPS });
    const [large] = await store.listRuns(1);
    const desk = openRequests({
      ...rig.context,
      store: {
        ...store,
        async listRuns(count) {
          asked.push(count);
          return large === undefined ? [] : Array.from({ length: count }, () => large);
        },
      },
    });
    expect(JSON.stringify(await desk.home(ANN))).toContain(large?.id);
    expect(asked.reduce((sum, count) => sum + count, 0) * targets).toBeLessThan(500_000);
    // Small ones are looked at further back, until there is enough to show.
    asked.length = 0;
    const [small, hers] = [await runOnce(rig), CLEO];
    const run = await store.findRun(small);
    if (run === undefined) throw new Error('no run');
    const other = { ...run, plan: { ...run.plan, requester: hers } };
    const far = openRequests({
      ...rig.context,
      store: {
        ...store,
        listRuns: async (count) => Array.from({ length: count }, (_, i) => (i === 400 ? run : other)),
      },
    });
    expect(JSON.stringify((await far.home(ANN)).blocks)).not.toContain('nothing lately');
  });
});
