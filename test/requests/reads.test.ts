import { expect, test } from 'vitest';
import {
  AGAIN_ACTION,
  CANCEL_HOST_ACTION,
  ERRORS_ACTION,
  LOG_ACTION,
  SHOW_HOST_ACTION,
} from '../../src/report/buttons.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import { drain } from '../store/rig.ts';
import { ANN, CLEO, clickOn, type DeskRig, OPS, openDeskRig } from './rig.ts';

async function readsOf({ store }: DeskRig): Promise<readonly string[]> {
  const reads: string[] = [];
  for await (const { action, userId, runId } of store.store.audit.entries()) {
    if (action === 'read') reads.push(`${userId} ${runId}`);
  }
  return reads;
}

/** A run of Ann's that has ended, and not well. */
async function runOnce(rig: DeskRig): Promise<string> {
  const call = { command: '/batch_run', requester: ANN, channelId: OPS, requestKey: 'k' };
  await rig.desk.command({ ...call, text: '-h web01 -cmd uptime' });
  await drain(rig.store.store, () => bareOutcome('failed', 'no'));
  const [run] = await rig.store.store.listRuns(1);
  return run?.id ?? '';
}

const block = (id: string) => ({ blockId: `batchops_run:${id}:finished` });
const ways: readonly (readonly [
  way: string,
  (rig: DeskRig, id: string, requester: typeof ANN) => unknown,
])[] = [
  ['/batch show RUN', (rig, id, requester) => say(rig, `show ${id}`, requester)],
  ['/batch show RUN HOST', (rig, id, requester) => say(rig, `show ${id} web01`, requester)],
  ['/batch runs', (rig, _id, requester) => say(rig, 'runs', requester)],
  ['Only errors', (rig, id, requester) => rig.desk.press(clickOn(ERRORS_ACTION, id, { requester }))],
  ['Full log', (rig, id, requester) => rig.desk.press(clickOn(LOG_ACTION, id, { requester }))],
  [
    'Show host',
    (rig, id, requester) => rig.desk.press(clickOn(SHOW_HOST_ACTION, '0', { requester, ...block(id) })),
  ],
  ...[SHOW_HOST_ACTION, CANCEL_HOST_ACTION].map((actionId): (typeof ways)[number] => [
    `what the select of ${actionId} offers`,
    (rig, id, requester) => rig.desk.suggest({ actionId, text: '', requester, channelId: OPS, ...block(id) }),
  ]),
];

function say(rig: DeskRig, text: string, requester: typeof ANN) {
  return rig.desk.command({ command: '/batch', text, requester, channelId: OPS, requestKey: text });
}

test.each(ways)(
  "whoever looks at another's results is in the audit once, and nobody for their own: %s",
  async (_way, read) => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    await read(rig, id, ANN);
    expect(await readsOf(rig)).toEqual([]);
    await read(rig, id, CLEO);
    await read(rig, id, CLEO);
    await say(rig, `show ${id}`, CLEO);
    expect(await readsOf(rig)).toEqual([`${CLEO.userId} ${id}`]);
  },
);

test('the same user id in another organisation is another person, whose reading is in the audit', async () => {
  await using rig = await openDeskRig();
  const id = await runOnce(rig);
  await say(rig, `show ${id}`, { ...ANN, teamId: 'T0OTHER' });
  expect(await readsOf(rig)).toEqual([`${ANN.userId} ${id}`]);
});

test("a Home tab that lists others' runs is in the audit, and one that lists none is not", async () => {
  await using rig = await openDeskRig({
    allowlist: [ANN, CLEO]
      .map(
        ({ userId }) =>
          `[${userId}]\nusers = ${userId}\nchannels = ${OPS}\nhosts = all\nactions = run\ncommands = *\n`,
      )
      .join(''),
  });
  await rig.desk.home(CLEO);
  const id = await runOnce(rig);
  await rig.desk.home(ANN);
  expect(await readsOf(rig)).toEqual([]);
  await rig.desk.home(CLEO);
  await rig.desk.home(CLEO);
  expect(await readsOf(rig)).toEqual([`${CLEO.userId} ${id}`]);
});

test('what is decided about a run of another is audited as that, and a result is shown although the audit fails', async () => {
  await using rig = await openDeskRig();
  const id = await runOnce(rig);
  await rig.desk.press(clickOn(AGAIN_ACTION, id, { requester: CLEO }));
  expect(await readsOf(rig)).toEqual([]);
  rig.context.store.recordRead = () => Promise.reject(new Error('the disk is full'));
  expect(JSON.stringify(await say(rig, `show ${id}`, CLEO))).toContain('1 failed of 1');
});
