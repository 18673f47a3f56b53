import { describe, expect, test } from 'vitest';
import { AGAIN_ACTION, LOG_ACTION } from '../../src/report/buttons.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import { drain } from '../store/rig.ts';
import { ANN, CLEO, clickOn, countRuns, DAN, ELSEWHERE, OPS, openDeskRig, runOnce, textOf } from './rig.ts';

describe('a button that runs something', () => {
  test('makes one run of a click, however often it is made and brought', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const click = clickOn(AGAIN_ACTION, id);
    const double = clickOn(AGAIN_ACTION, id, { clickedAt: click.clickedAt + 300 });
    const answers = await Promise.all([click, double, click].map((one) => rig.desk.press(one)));
    expect(await countRuns(rig)).toBe(2);
    expect(answers.map(textOf).filter((text) => text.includes('already begun'))).toHaveLength(2);
    await drain(rig.store.store);
    expect(textOf(await rig.desk.press(click))).toMatch(/already begun r-\w{4}/);
    expect(await countRuns(rig)).toBe(2);
  });

  test('that is brought once more late is not asked for again where its first delivery was taken up', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const click = clickOn(AGAIN_ACTION, id);
    const [first, again] = await Promise.all([
      rig.desk.press(click),
      rig.desk.press({ ...click, isLate: true }),
    ]);
    expect([first, again]).toEqual([undefined, undefined]);
    expect(await countRuns(rig)).toBe(2);
    // By the process before this one.
    const restarted = openRequests(rig.context);
    expect(await restarted.press({ ...click, isLate: true })).toBeUndefined();
    expect(await countRuns(rig)).toBe(2);
  });

  test('makes another run of a click that was made after the run had ended', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const first = clickOn(AGAIN_ACTION, id);
    await rig.desk.press(first);
    await drain(rig.store.store);
    const clickedAt = Date.now() + 11_000;
    const desk = openRequests({ ...rig.context, now: () => clickedAt });
    const later = clickOn(AGAIN_ACTION, id, { clickedAt });
    expect(await desk.press(later)).toBeUndefined();
    expect(await countRuns(rig)).toBe(3);
    // Both brought once more.
    await desk.press(later);
    await desk.press(first);
    expect(await countRuns(rig)).toBe(3);
  });

  test('knows the same click although our clock is minutes behind that of Slack', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const click = clickOn(AGAIN_ACTION, id, { clickedAt: Date.now() + 300_000 });
    await rig.desk.press(click);
    await drain(rig.store.store);
    await rig.desk.press(click);
    expect(await countRuns(rig)).toBe(2);
    // Nor is the second of a double click taken for one that was made minutes after the run.
    await rig.desk.press(clickOn(AGAIN_ACTION, id, { clickedAt: click.clickedAt + 300 }));
    expect(await countRuns(rig)).toBe(2);
  });

  test('knows each click that is brought again, whatever ran since and whatever the clocks say', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    let now = Date.now();
    const desk = openRequests({ ...rig.context, now: () => now });
    const ahead = 3_600_000;
    const clicks = [0, 20_000, 40_000].map((afterMs) =>
      clickOn(AGAIN_ACTION, id, { clickedAt: now + ahead + afterMs }),
    );
    for (const click of clicks) {
      expect(await desk.press(click)).toBeUndefined();
      await drain(rig.store.store);
      now += 20_000;
    }
    now += 60_000;
    for (const click of clicks) expect(textOf(await desk.press(click))).toMatch(/already begun r-\w{4}/);
    expect(await countRuns(rig)).toBe(4);
  });

  test('can be clicked again at once where nothing could be posted, and so nothing ran', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    rig.canPost = false;
    const refused = await rig.desk.press(clickOn(AGAIN_ACTION, id));
    expect(textOf(refused)).toContain('does not take messages');
    rig.canPost = true;
    await rig.desk.press(clickOn(AGAIN_ACTION, id, { clickedAt: Date.now() + 5 }));
    expect(rig.opened).toHaveLength(2);
  });

  test('is judged by the rights of the one who clicks, today and here, and each no is audited', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    for (const [requester, channelId, expected] of [
      [CLEO, OPS, /may not run this here/],
      [DAN, OPS, /No rule of this bot names you/],
      [CLEO, ELSEWHERE, /no run r-\w{4} here/],
      [ANN, ELSEWHERE, /other channels/],
    ] as const) {
      const answer = await rig.desk.press(clickOn(AGAIN_ACTION, id, { requester, channelId }));
      expect(textOf(answer)).toMatch(expected);
    }
    expect(await countRuns(rig)).toBe(1);
    let refusals = 0;
    for await (const entry of rig.store.store.audit.entries()) refusals += Number(entry.action === 'refused');
    expect(refusals).toBe(4);
  });
});

test('the log of a run whose root message is just posted anew is not said to be of one that never ran', async () => {
  await using rig = await openDeskRig();
  const id = await runOnce(rig);
  rig.store.sql(`update run set root_ts = null, root_lost = 1 where id = '${id}'`);
  await rig.store.reopen();
  const answer = textOf(await rig.desk.press(clickOn(LOG_ACTION, id)));
  expect(answer).not.toMatch(/nothing of it ran/);
  expect(answer).toMatch(/is being posted anew/);
});
