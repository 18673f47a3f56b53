import { expect, test } from 'vitest';
import { parseAllowlist } from '../../src/policy/allowlist.ts';
import {
  CANCEL_ACTION,
  CANCEL_HOST_ACTION,
  CONTINUE_ACTION,
  RESUME_ACTION,
} from '../../src/report/buttons.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { drain, okOutcome } from '../store/rig.ts';
import { ANN, CLEO, clickOn, DAN, type DeskRig, ELSEWHERE, OPS, openDeskRig, textOf } from './rig.ts';

const EVE = { teamId: 'T1', userId: 'U0EVE' };
const INVENTORY = ['web01', 'web02', 'web03', 'web04']
  .map((host, n) => `[${host}]\nip = 10.0.0.${n + 1}\nuser = root\npassword = hunter2\n`)
  .join('');
const rule = (name: string, user: string, actions: string, hosts = 'all') =>
  `[${name}]\nusers = ${user}\nchannels = ${OPS}\nhosts = ${hosts}\nactions = ${actions}\ncommands = *\n`;
/** Ann and Eve may run; Cleo may stop what others run; Dan is in no rule. */
const ALLOWLIST = [
  rule('ann', ANN.userId, 'run'),
  rule('eve', EVE.userId, 'run'),
  `[cleo]\nusers = ${CLEO.userId}\nchannels = ${OPS}\nhosts = all\nactions = cancel\n`,
].join('');

async function openCanary(more: { readonly allowlist?: string } = {}) {
  const rig = await openDeskRig({ inventory: INVENTORY, allowlist: more.allowlist ?? ALLOWLIST });
  const answer = await rig.desk.command({
    command: '/batch_run',
    text: '-h all -canary 1 -cmd "uptime"',
    requester: ANN,
    channelId: OPS,
    requestKey: 'first',
  });
  expect(answer).toBeUndefined();
  const { store } = rig.store;
  expect(await drain(store, () => bareOutcome('failed', ''))).toHaveLength(1);
  const [run] = await store.listRuns(1);
  if (run === undefined) throw new Error('no run');
  return { rig, store, runId: run.id, root: async () => textOf(await rootOf(rig)) };
}

async function rootOf(rig: DeskRig) {
  const [run] = await rig.store.store.listRuns(1);
  if (run === undefined) throw new Error('no run');
  return formatRoot(run, { now: Date.now() });
}

const press = async (rig: DeskRig, runId: string, requester = ANN, more = {}): Promise<string> =>
  textOf(await rig.desk.press(clickOn(CONTINUE_ACTION, runId, { requester, ...more })));

test('Continue is for the requester and for who may cancel the run, and for nobody else; once', async () => {
  const { rig, store, runId, root } = await openCanary();
  await using _ = rig;
  expect(await root()).toMatch(/\*The canary has ended: 1 failed\.\* 3 hosts wait for _Continue_ until /);
  expect(await root()).toMatch(/Continue \(3\)[\s\S]*The canary has ended: 1 failed\.[\s\S]*Stop here/);
  expect(await press(rig, runId, DAN)).toMatch(/No rule of this bot names you/);
  expect(await press(rig, runId, EVE)).toMatch(/Whether r-\w+ continues is not yours to say/);
  expect(await press(rig, runId, EVE, { channelId: ELSEWHERE })).toMatch(/There is no run r-\w+ here/);
  expect(await press(rig, runId, CLEO, { channelId: ELSEWHERE })).toMatch(/There is no run r-\w+ here/);
  expect(await press(rig, runId, ANN, { isLate: true })).toMatch(/reached Batchops late/);
  // The button of an absence is another one.
  expect(textOf(await rig.desk.press(clickOn(RESUME_ACTION, runId)))).toMatch(/Nothing of r-\w+ is held/);
  expect(await drain(store)).toEqual([]);

  const texts = await Promise.all([press(rig, runId), press(rig, runId), press(rig, runId, CLEO)]);
  expect(texts.filter((text) => /continues: 3 hosts/.test(text))).toHaveLength(1);
  expect(texts.filter((text) => /does not wait for Continue/.test(text))).toHaveLength(2);
  expect(await drain(store, () => okOutcome())).toHaveLength(3);
  expect(await press(rig, runId)).toMatch(/does not wait for Continue/);
});

test('who may cancel it may let it go on; it runs as the one who asked for it', async () => {
  const { rig, store, runId } = await openCanary();
  await using _ = rig;
  expect(await press(rig, runId, CLEO)).toMatch(/continues: 3 hosts/);
  expect((await store.findRun(runId))?.plan.requester).toEqual(ANN);
  const resumed: string[] = [];
  for await (const { action, userId } of store.audit.entries())
    if (action === 'resumed') resumed.push(userId);
  expect(resumed).toEqual([CLEO.userId]);
});

test('what is not allowed any more on a host that waits does not continue, and nothing of it runs', async () => {
  const { rig, store, runId } = await openCanary();
  await using _ = rig;
  const narrower = ALLOWLIST.replace('hosts = all', 'hosts = web01, web02');
  Object.assign(rig.context, { allowlist: parseAllowlist(narrower, 'allowlist.ini', rig.context.inventory) });
  expect(await press(rig, runId)).toMatch(/You may not run this here/);
  expect(await drain(store)).toEqual([]);
  // The requester may always stop it.
  expect(textOf(await rig.desk.press(clickOn(CANCEL_ACTION, runId)))).toMatch(/3 not started any more/);
});

test('Stop here ends the run where it is, and the root message says by whom', async () => {
  const { rig, store, runId, root } = await openCanary();
  await using _ = rig;
  const stop = async (requester: typeof ANN) =>
    textOf(await rig.desk.press(clickOn(CANCEL_ACTION, runId, { requester })));
  expect(await stop(EVE)).toMatch(/not yours to cancel/);
  expect(await stop(CLEO)).toMatch(/3 not started any more/);
  expect(await root()).toMatch(/\*The canary has ended: 1 failed\.\*[\s\S]*stopped there by <@U0CLEO>/);
  expect((await store.findRun(runId))?.progress.settled).toEqual({ failed: 1, skipped: 3 });
  expect(await press(rig, runId)).toMatch(/does not wait for Continue/);
});

test('a retry rolls out as the run did, over the hosts that it is for', async () => {
  const { rig, store, runId } = await openCanary();
  await using _ = rig;
  await rig.desk.press(clickOn(CANCEL_ACTION, runId));
  await rig.desk.command({
    command: '/batch',
    text: `retry ${runId} skipped`,
    requester: ANN,
    channelId: OPS,
    requestKey: 'again',
  });
  expect(await drain(store)).toHaveLength(1);
  const [again] = await store.listRuns(1);
  expect(again?.plan.targets.map(({ host }) => host)).toEqual(['web02', 'web03', 'web04']);
  expect(again?.rollout).toMatchObject({ phase: 'paused', later: 2 });
});

test('a retry of what was picked picks nothing again', async () => {
  await using rig = await openDeskRig({ inventory: INVENTORY, allowlist: ALLOWLIST });
  const say = (command: string, text: string, requestKey: string) =>
    rig.desk.command({ command, text, requester: ANN, channelId: OPS, requestKey });
  await say('/batch_run', '-h all -order reverse -pick 2 -cmd "uptime"', 'first');
  await drain(rig.store.store);
  const [run] = await rig.store.store.listRuns(1);
  expect(textOf(await rootOf(rig))).toContain('the first 2 of 4 hosts · the last of the inventory first');
  await say('/batch', `retry ${run?.id} all`, 'second');
  const [again] = await rig.store.store.listRuns(1);
  expect(again?.plan.targets.map(({ host }) => host)).toEqual(['web04', 'web03']);
  expect(again?.plan.picked).toBeUndefined();
});

test('one host that is stopped where others go on only as long as few fail is said to count', async () => {
  await using rig = await openDeskRig({ inventory: INVENTORY, allowlist: ALLOWLIST });
  const { store } = rig.store;
  for (const [options, words] of [
    ['-maxfail 0', /its other hosts go on, unless that is one failure too many \(-maxfail\)\./],
    ['', /its other hosts go on\. The thread/],
  ] as const) {
    await rig.desk.command({
      command: '/batch_run',
      text: `-h all -c 1 ${options} -cmd "uptime"`,
      requester: ANN,
      channelId: OPS,
      requestKey: `with ${options}`,
    });
    const started = await store.jobs.start(await store.jobs.take(1));
    const [run] = await store.listRuns(1);
    const root = textOf(await rootOf(rig));
    expect(root.includes('one that is stopped counts as failed (-maxfail)')).toBe(options !== '');
    const click = clickOn(CANCEL_HOST_ACTION, '0', { blockId: `batchops_run:${run?.id}:open` });
    expect(textOf(await rig.desk.press(click))).toMatch(words);
    await store.jobs.settle(started.map((job) => ({ job, outcome: bareOutcome('cancelled', '') })));
    await store.cancelRun(run?.id ?? '', ANN);
  }
});
