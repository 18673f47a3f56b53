import { expect, test } from 'vitest';
import { CANCEL_ACTION, CONTINUE_ACTION } from '../../src/report/buttons.ts';
import type { RolloutStand, Run } from '../../src/run/run.ts';
import { formatCanary } from '../../src/thread/canary.ts';
import { parseKey } from '../../src/thread/row.ts';
import { expectWithinLimits } from '../report/limits.ts';
import { samplePlan, sampleRun } from '../report/samples.ts';
import { ANN, claimAll, openRig, openRun } from '../store/rig.ts';
import { end, startAll } from '../store/rollout/rig.ts';

const runWith = (rollout: Partial<RolloutStand>, more: Partial<Run> = {}): Run =>
  sampleRun({
    plan: samplePlan({ rollout: { canary: 1 } }),
    held: 'the canary has ended: 1 failed',
    progress: { queued: 19, running: 0, settled: { failed: 1 } },
    rollout: { phase: 'paused', batch: 1, failures: 1, later: 19, ...rollout },
    ...more,
  });

test('calls who asked, says what came of the canary, and has both answers below it', () => {
  const message = formatCanary(runWith({}));
  if (message === undefined) throw new Error('nothing is asked');
  expectWithinLimits(message);
  expect(message.text).toBe(
    '<@U0OPS> *The canary has ended: 1 failed.* 19 hosts of r-7k3f wait for _Continue_.',
  );
  const until = formatCanary(runWith({ answerBy: Date.UTC(2026, 11, 2, 14, 3) }));
  expect(until?.text).toMatch(
    /wait for _Continue_ until <!date\^1796220180\^\{date_short_pretty\}, \{time\}\|2026-12-02T14:03:00.000Z>, or are skipped\.$/,
  );
  expect(message.blocks.at(-1)).toMatchObject({
    elements: [
      { action_id: CONTINUE_ACTION, confirm: { text: { text: 'The canary has ended: 1 failed.' } } },
      { action_id: CANCEL_ACTION, text: { text: 'Stop here' } },
    ],
  });
});

test('asks for nothing any more once that is said, or nothing is left to say', () => {
  const texts = [
    runWith({ phase: 'running', batch: 2 }),
    runWith({ phase: 'stopped', answerBy: 1 }, { state: 'finished' }),
    runWith({}, { state: 'finished', cancelledBy: { teamId: 'T0TEAM', userId: 'U0BOSS' } }),
    runWith({}, { state: 'finished', progress: { queued: 0, running: 0, settled: { ok: 1, skipped: 19 } } }),
  ].map((run) => {
    const message = formatCanary(run);
    expect(JSON.stringify(message)).not.toContain(CONTINUE_ACTION);
    return message?.text;
  });
  expect(texts).toEqual([
    'The canary of r-7k3f has ended, and it went on.',
    'The canary of r-7k3f has ended, and <@U0OPS> did not answer within 24 h, nor did anybody else: the other hosts were skipped.',
    'The canary of r-7k3f has ended, and it was stopped there by <@U0BOSS>.',
    'The canary of r-7k3f has ended, and no other host waits any more.',
  ]);
  expect(formatCanary(sampleRun())).toBeUndefined();
});

test('is owed once the canary has ended, and again with each thing that changes what it asks', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 3, rollout: { canary: 1 } });
  const isOwed = async (): Promise<boolean> => {
    const rows = await claimAll(rig.store);
    const canary = rows.find(({ key }) => parseKey(key)?.kind === 'canary');
    for (const row of rows) await rig.store.outbox.sent(row, row.ts ?? `${row.key}.1`);
    return canary !== undefined;
  };
  const canary = await startAll(rig.store);
  expect(await isOwed()).toBe(false);
  await end(rig.store, canary);
  expect(await isOwed()).toBe(true);
  expect(await isOwed()).toBe(false);
  await rig.store.cancelHosts(run.id, ['web02'], ANN);
  expect(await isOwed()).toBe(true);
  await rig.store.continueRun(run.id, ANN);
  expect(await isOwed()).toBe(true);
});
