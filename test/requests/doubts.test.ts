import { describe, expect, test } from 'vitest';
import {
  ASK_TEXT_ACTION,
  READ_ENTITIES_ACTION,
  READ_RAW_ACTION,
  RUN_LATE_ACTION,
} from '../../src/report/doubts.ts';
import type { Answer } from '../../src/report/views/view.ts';
import type { SlashCall } from '../../src/requests/calls.ts';
import { shown } from '../rigs/bot.ts';
import { drain, okOutcome } from '../store/rig.ts';
import { ANN, CLEO, clickOn, DAN, type DeskRig, OPS, openDeskRig } from './rig.ts';

let requests = 0;

function sent(text: string, more: Partial<SlashCall> = {}): SlashCall {
  requests += 1;
  return {
    command: '/batch_run',
    text,
    requester: ANN,
    channelId: OPS,
    requestKey: `sent-${requests}`,
    ...more,
  };
}

/** What the button with this action carries. */
function buttonValue(answer: Answer | undefined, actionId: string): string {
  const found = new RegExp(`"action_id":"${actionId}"[^}]*?\\}?[^}]*?"value":"([^"]+)"`).exec(
    JSON.stringify(answer),
  );
  if (found?.[1] === undefined) throw new Error(`no ${actionId} in ${JSON.stringify(answer)}`);
  return found[1];
}

const commandsOf = async (rig: DeskRig): Promise<readonly unknown[]> =>
  (await rig.store.store.listRuns(100)).map(({ plan: { work } }) =>
    work.action === 'run' ? work.command : work,
  );

const REDIRECT = '-h web01 -cmd "echo one &gt; f"';

describe('a command that can be read in two ways', () => {
  test.each([
    ['as it came', READ_RAW_ACTION, 'echo one &gt; f', 'echo a &amp;&amp; b'],
    ['decoded', READ_ENTITIES_ACTION, 'echo one > f', 'echo a && b'],
  ])(
    'is not run before its person said which; the answer holds for everybody: %s',
    async (_how, action, first, second) => {
      await using rig = await openDeskRig();
      const asked = await rig.desk.command(sent(REDIRECT));
      expect(shown(asked)).toMatch(/Which of these did you type\?/);
      expect(shown(asked)).toContain('/batch_run -h web01 -cmd "echo one &gt; f"');
      expect(shown(asked)).toContain('/batch_run -h web01 -cmd "echo one > f"');
      // In what they differ, as a narrow window may not show all of a command.
      expect(shown(asked)).toMatch(/as Slack sent it\n, with \n&gt;\n[\s\S]* decoded\n, with \n>\n/);
      expect(await commandsOf(rig)).toEqual([]);

      const help = () => rig.desk.command(sent('help', { command: '/batch' }));
      expect(shown(await help())).toMatch(/Text of commands: the first that holds/);
      await rig.desk.press(clickOn(action, buttonValue(asked, action)));
      expect(await commandsOf(rig)).toEqual([first]);
      await rig.desk.command(sent('-h web01 -cmd "echo a &amp;&amp; b"'));
      expect(await commandsOf(rig)).toEqual([second, first]);
      expect(shown(await help())).toMatch(/Text of commands: [^:]*, as somebody here answered/);
      // Of forms that says nothing.
      expect(shown(await help())).toMatch(/Text of forms: the first that holds/);
      expect(
        rig.store.sql("select user_id, detail_json from audit where action = 'text-read'"),
      ).toMatchObject([
        { user_id: ANN.userId, detail_json: expect.stringMatching(/from now on commands are read/) },
      ]);
    },
  );

  test('is one run, whichever buttons are pressed how often, and however often it is brought', async () => {
    await using rig = await openDeskRig();
    const call = sent(REDIRECT);
    const asked = await rig.desk.command(call);
    expect(await rig.desk.command({ ...call, isLate: true })).toBeUndefined();
    const id = buttonValue(asked, READ_RAW_ACTION);
    await Promise.all([
      rig.desk.press(clickOn(READ_RAW_ACTION, id)),
      rig.desk.press(clickOn(READ_ENTITIES_ACTION, id)),
      rig.desk.press(clickOn(READ_RAW_ACTION, id)),
    ]);
    expect(await commandsOf(rig)).toHaveLength(1);
    const [run] = await rig.store.store.listRuns(1);
    expect(shown(await rig.desk.press(clickOn(READ_ENTITIES_ACTION, id)))).toMatch(
      `This has begun ${run?.id} already: nothing more was run`,
    );
    expect(await commandsOf(rig)).toHaveLength(1);
  });

  test("is its person's: nobody else's press runs it, or says how it is read", async () => {
    await using rig = await openDeskRig();
    const id = buttonValue(await rig.desk.command(sent(REDIRECT)), READ_RAW_ACTION);
    for (const requester of [CLEO, DAN]) {
      const answer = await rig.desk.press(clickOn(READ_RAW_ACTION, id, { requester }));
      expect(shown(answer)).toMatch(/is not yours|No rule of this bot names you/);
    }
    const forged = shown(await rig.desk.press(clickOn(RUN_LATE_ACTION, id)));
    expect(forged).toMatch(/more than a day old/);
    // A click is nothing that somebody typed.
    expect(forged).not.toMatch(/You typed|batchops_/);
    expect(await commandsOf(rig)).toEqual([]);
    expect(await rig.store.store.readings.find(ANN.teamId, 'command')).toBeUndefined();
  });

  test('that may not be run says nothing about how others are read', async () => {
    await using rig = await openDeskRig();
    const asked = await rig.desk.command(sent('-h web01 -cmd "uptime &amp; id"', { requester: CLEO }));
    const click = clickOn(READ_ENTITIES_ACTION, buttonValue(asked, READ_ENTITIES_ACTION), {
      requester: CLEO,
    });
    expect(shown(await rig.desk.press(click))).toMatch(/Nothing was run/);
    expect(await rig.store.store.readings.find(CLEO.teamId, 'command')).toBeUndefined();
    // Whom no rule names is not asked anything.
    expect(shown(await rig.desk.command(sent(REDIRECT, { requester: DAN })))).toMatch(/No rule/);
  });

  test('is refused at once where it is wrong either way, and read by the setting where there is one', async () => {
    await using rig = await openDeskRig();
    expect(shown(await rig.desk.command(sent('-h web01 &gt;')))).toMatch(/belongs to no option/);
    const mention = await rig.desk.command(sent('-h web01 -cmd "echo &lt;#C0SECRET1|&gt;"'));
    expect(shown(mention)).toMatch(/holds a mention/);
    for (const [slashText, command] of [
      ['raw', 'echo one &gt; f'],
      ['entities', 'echo one > f'],
    ] as const) {
      await using told = await openDeskRig({ slashText });
      await told.desk.command(sent(REDIRECT));
      expect(await commandsOf(told)).toEqual([command]);
      expect(shown(await told.desk.command(sent('help', { command: '/batch' })))).toMatch(
        /set by the administrator/,
      );
    }
  });

  test('pressed once more, late and to another process, is told which run it became, and never that nothing was run', async () => {
    await using rig = await openDeskRig();
    const id = buttonValue(await rig.desk.command(sent(REDIRECT)), READ_RAW_ACTION);
    const click = clickOn(READ_RAW_ACTION, id);
    const { openRequests } = await import('../../src/requests/open-requests.ts');
    const restarted = () => openRequests(rig.context);
    // Late, and nothing has come of it: then it may be pressed again.
    expect(shown(await restarted().press({ ...click, isLate: true }))).toMatch(
      /Press again[\s\S]*Nothing was run/,
    );
    await rig.desk.press(click);
    const [run] = await rig.store.store.listRuns(1);
    for (const again of [{ ...click, isLate: true }, clickOn(READ_ENTITIES_ACTION, id)]) {
      const told = shown(await restarted().press(again));
      expect(told).toContain(`This has begun ${run?.id} already: nothing more was run`);
      expect(told).not.toMatch(/Nothing was run/);
    }
    expect(await commandsOf(rig)).toHaveLength(1);
  });

  test('that was refused when its button was pressed, says so much and no more to a second press', async () => {
    await using rig = await openDeskRig();
    const asked = await rig.desk.command(sent('-h web01 -cmd "uptime &amp; id"', { requester: CLEO }));
    const click = () => clickOn(READ_RAW_ACTION, buttonValue(asked, READ_RAW_ACTION), { requester: CLEO });
    expect(shown(await rig.desk.press(click()))).toMatch(/Nothing was run/);
    expect(shown(await rig.desk.press(click()))).toMatch(/as far as this bot knows no run has begun by it/);
  });

  test('outlives a restart', async () => {
    await using rig = await openDeskRig();
    const id = buttonValue(await rig.desk.command(sent(REDIRECT)), READ_ENTITIES_ACTION);
    const store = await rig.store.reopen();
    expect(await store.doubts.take(id, CLEO)).toBeUndefined();
    expect(await store.doubts.take(id, ANN)).toMatchObject({ text: REDIRECT, kind: 'text' });
    expect(await store.doubts.take(id, ANN)).toBeUndefined();
    expect(rig.store.sql('select words from doubt')).toEqual([{ words: '' }]);
  });

  test('is asked about anew when somebody with a right over every host says so, and nobody else', async () => {
    const admin = `\n[admin]\nusers = ${CLEO.userId}\nchannels = *\nhosts = all\nactions = audit\n`;
    const rule = `[web]\nusers = ${ANN.userId}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`;
    await using rig = await openDeskRig({ allowlist: `${rule}${admin}` });
    const asked = await rig.desk.command(sent(REDIRECT));
    await rig.desk.press(clickOn(READ_RAW_ACTION, buttonValue(asked, READ_RAW_ACTION)));
    const help = (requester: typeof ANN) => rig.desk.command(sent('help', { command: '/batch', requester }));
    expect(JSON.stringify(await help(ANN))).not.toContain(ASK_TEXT_ACTION);
    expect(JSON.stringify(await help(CLEO))).toContain(`${ASK_TEXT_ACTION}:command`);
    const again = (requester: typeof ANN) =>
      rig.desk.press(clickOn(`${ASK_TEXT_ACTION}:command`, 'command', { requester }));
    expect(shown(await again(ANN))).toMatch(/not yours to change/);
    expect(await rig.store.store.readings.find(ANN.teamId, 'command')).toBe('raw');
    expect(shown(await again(CLEO))).toMatch(/Forgotten/);
    expect(shown(await rig.desk.command(sent(REDIRECT)))).toMatch(/Which of these/);
  });
});

describe('a command that came late', () => {
  test('is not run before its person says that it is still wanted, and then once', async () => {
    await using rig = await openDeskRig();
    const call = sent('-h web01 -cmd "uptime"', { isLate: true });
    const asked = await rig.desk.command(call);
    expect(shown(asked)).toMatch(/reached Batchops late.*\n?.*Nothing was run/);
    expect(await commandsOf(rig)).toEqual([]);
    const id = buttonValue(asked, RUN_LATE_ACTION);
    expect(shown(await rig.desk.press(clickOn(RUN_LATE_ACTION, id, { requester: CLEO })))).toMatch(
      /not yours/,
    );
    expect(shown(await rig.desk.press(clickOn(RUN_LATE_ACTION, id, { isLate: true })))).toMatch(
      /click reached/,
    );
    await rig.desk.press(clickOn(RUN_LATE_ACTION, id));
    await rig.desk.press(clickOn(RUN_LATE_ACTION, id));
    expect(await commandsOf(rig)).toEqual(['uptime']);
    expect(await rig.desk.command(call)).toBeUndefined();
  });

  test('is not asked about where its first delivery was taken up: by this process, or by one before it', async () => {
    await using rig = await openDeskRig();
    const call = sent('-h web01 -cmd "uptime"');
    const [first, again] = await Promise.all([
      rig.desk.command(call),
      rig.desk.command({ ...call, isLate: true }),
    ]);
    expect([first, again]).toEqual([undefined, undefined]);
    expect(await commandsOf(rig)).toEqual(['uptime']);
    await using other = await openDeskRig();
    await other.desk.command(call);
    const { openRequests } = await import('../../src/requests/open-requests.ts');
    const restarted = openRequests(other.context);
    expect(await restarted.command({ ...call, isLate: true })).toBeUndefined();
    expect(await commandsOf(other)).toEqual(['uptime']);
  });

  test('is answered as ever where it only looks, or stops something', async () => {
    await using rig = await openDeskRig();
    expect(shown(await rig.desk.command(sent('hosts', { command: '/batch', isLate: true })))).toMatch(
      /web01/,
    );
    expect(shown(await rig.desk.command(sent('-h web01 -n -cmd uptime', { isLate: true })))).toMatch(
      /Preview/,
    );
    await rig.desk.command(sent('-h web01 -cmd uptime'));
    const [run] = await rig.store.store.listRuns(1);
    const stop = sent(`cancel ${run?.id}`, { command: '/batch', isLate: true });
    expect(shown(await rig.desk.command(stop))).toMatch(/Cancelling/);
    await drain(rig.store.store, () => okOutcome(''));
    const again = await rig.desk.command(sent(`retry ${run?.id} all`, { command: '/batch', isLate: true }));
    expect(shown(again)).toMatch(/reached Batchops late/);
    expect(await commandsOf(rig)).toHaveLength(1);
  });
});
