import { expect, test } from 'vitest';
import { RETRY_ACTION } from '../../src/report/buttons.ts';
import { drain } from '../store/rig.ts';
import { ANN, clickOn, OPS, openDeskRig } from './rig.ts';

test('a stored plan that was changed is never carried out again, whoever asks and however', async () => {
  await using rig = await openDeskRig();
  const say = async (command: string, text: string): Promise<string> =>
    JSON.stringify(
      await rig.desk.command({ command, text, requester: ANN, channelId: OPS, requestKey: text }),
    );
  await say('/batch_run', '-h web01 -cmd "df -h"');
  await drain(rig.store.store);
  rig.store.sql(`update run set plan_json = replace(plan_json, 'df -h', 'rm -rf /')`);
  // What is in memory is as it was: the next process reads it.
  const store = await rig.store.reopen();
  const [run] = await store.listRuns(1);
  const changed = `What is stored of ${run?.id} is not what was asked for`;
  expect(await say('/batch', `retry ${run?.id} all`)).toContain(changed);
  expect(JSON.stringify(await rig.desk.press(clickOn(RETRY_ACTION, `${run?.id}`)))).toContain(changed);
  expect(await say('/batch', `show ${run?.id}`)).toContain('changed after it was approved');
  expect(await store.listRuns(5)).toHaveLength(1);
});

test('of a plan that is as it was approved nothing is said', async () => {
  await using rig = await openDeskRig();
  const asked = { requester: ANN, channelId: OPS, requestKey: 'k' };
  await rig.desk.command({ command: '/batch_run', text: '-h web01 -cmd "df -h"', ...asked });
  await drain(rig.store.store);
  const [run] = await rig.store.store.listRuns(1);
  const shown = await rig.desk.command({ command: '/batch', text: `show ${run?.id}`, ...asked });
  expect(JSON.stringify(shown)).not.toContain('approved');
});
