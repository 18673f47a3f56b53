import { describe, expect, test } from 'vitest';
import { ASK_TEXT_ACTION, READ_ENTITIES_ACTION, READ_RAW_ACTION } from '../../src/report/doubts.ts';
import type { Answer } from '../../src/report/views/view.ts';
import type { FormVerdict, SubmittedForm } from '../../src/requests/calls.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import { shown } from '../rigs/bot.ts';
import { ANN, CLEO, clickOn, countRuns, type DeskRig, formWith, OPS, openDeskRig } from './rig.ts';

let windows = 0;

/** Each in a window of its own. */
function filled(fields: SubmittedForm['fields'], more: Partial<SubmittedForm> = {}): SubmittedForm {
  windows += 1;
  return formWith(fields, { requestKey: `slack:T1:view:V${windows}`, ...more });
}

const REDIRECT = { hosts: ['@web'], command: ['echo one &gt; f'] };

/** The question that comes of a form; a `Message` with its buttons. */
async function asked(verdict: FormVerdict): Promise<Answer> {
  if (verdict.kind !== 'accepted')
    throw new Error(`expected a closed window, not ${JSON.stringify(verdict)}`);
  expect(verdict.channelId).toBe(OPS);
  const answer = await verdict.begin();
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

function idIn(answer: Answer): string {
  const [, id] = /"value":"(q-[0-9a-f]+)"/.exec(JSON.stringify(answer)) ?? [];
  if (id === undefined) throw new Error(`no button in ${JSON.stringify(answer)}`);
  return id;
}

const commandsOf = async (rig: DeskRig): Promise<readonly unknown[]> =>
  (await rig.store.store.listRuns(100)).map(({ plan: { work } }) =>
    work.action === 'run' ? work.command : work,
  );

const helpOf = async (rig: DeskRig): Promise<string> =>
  shown(
    await rig.desk.command({
      command: '/batch',
      text: 'help',
      requester: ANN,
      channelId: OPS,
      requestKey: `help-${Math.random()}`,
    }),
  );

describe('a form whose text can be read in two ways', () => {
  test.each([
    ['as it came', READ_RAW_ACTION, 'echo one &gt; f', 'a &amp;&amp; b'],
    ['decoded', READ_ENTITIES_ACTION, 'echo one > f', 'a && b'],
  ])(
    'is not run before its person said which, and commands are asked about apart: %s',
    async (_how, action, first, next) => {
      await using rig = await openDeskRig();
      const question = await asked(await rig.desk.submit(filled(REDIRECT)));
      expect(shown(question)).toContain('-h @web -cmd echo one &gt; f');
      expect(shown(question)).toContain('-h @web -cmd echo one > f');
      // The hosts were chosen, not typed: they are shown before anything runs.
      expect(shown(question).match(/on 1 host: web01/g)).toHaveLength(2);
      expect(shown(question)).toMatch(/remembered for all forms here/);
      expect(await countRuns(rig)).toBe(0);
      await rig.desk.press(clickOn(action, idIn(question)));
      expect(await commandsOf(rig)).toEqual([first]);
      const [run] = await rig.store.store.listRuns(1);
      expect(run?.plan.typed).toBe(`form: /batch_run -h @web -cmd ${first}`);

      const preview = await rig.desk.submit(filled({ ...REDIRECT, command: ['a &amp;&amp; b'] }));
      expect(preview.kind === 'shown' && shown(preview.view)).toContain(next);
      expect(await helpOf(rig)).toMatch(/Text of forms: [^:]*, as somebody here answered/);
      expect(await helpOf(rig)).toMatch(/Text of commands: the first that holds/);
      expect(
        rig.store.sql("select user_id, detail_json from audit where action = 'text-read'"),
      ).toMatchObject([
        { user_id: ANN.userId, detail_json: expect.stringMatching(/from now on the form is read/) },
      ]);
    },
  );

  test('is read in all fields that are typed into, and in none that was chosen from', async () => {
    await using rig = await openDeskRig();
    await rig.store.store.readings.remember(ANN, 'form', 'entities');
    const copy = { hosts: ['web01'], action: ['get'], local: ['a &amp; b'], remote: ['/tmp/&lt;c&gt;'] };
    const verdict = await rig.desk.submit(filled(copy, { callbackId: 'batchops_form_copy' }));
    expect(verdict.kind === 'shown' ? shown(verdict.view) : verdict).toMatch(/\/tmp\/<c>[\s\S]*a & b/);
    const chosen = await rig.desk.submit(filled({ hosts: ['web&amp;01'], command: ['true'] }));
    expect(JSON.stringify(chosen)).toContain('web&amp;01');
  });

  test('is one run, whichever buttons are pressed how often, and outlives a restart', async () => {
    await using rig = await openDeskRig();
    const id = idIn(await asked(await rig.desk.submit(filled(REDIRECT))));
    await rig.store.reopen();
    const desk = openRequests(rig.context);
    await Promise.all([
      desk.press(clickOn(READ_RAW_ACTION, id)),
      desk.press(clickOn(READ_ENTITIES_ACTION, id)),
      desk.press(clickOn(READ_RAW_ACTION, id)),
    ]);
    const [run] = await rig.store.store.listRuns(1);
    expect(shown(await desk.press(clickOn(READ_ENTITIES_ACTION, id)))).toContain(
      `has begun ${run?.id} already`,
    );
    expect(await countRuns(rig)).toBe(1);
    expect(rig.store.sql('select words from doubt')).toEqual([{ words: '' }]);
  });

  test('sent twice is asked about once, and says that nothing was run', async () => {
    await using rig = await openDeskRig();
    const form = filled(REDIRECT);
    await asked(await rig.desk.submit(form));
    expect(shown(await asked(await rig.desk.submit(form)))).toMatch(/was sent before[\s\S]*Nothing was run/);
    expect(await countRuns(rig)).toBe(0);
  });

  test("is its person's, and what it may do is judged when they press", async () => {
    await using rig = await openDeskRig();
    const id = idIn(await asked(await rig.desk.submit(filled(REDIRECT))));
    expect(shown(await rig.desk.press(clickOn(READ_RAW_ACTION, id, { requester: CLEO })))).toMatch(
      /not yours/,
    );
    const asCleo = { requester: CLEO };
    const looks = filled({ hosts: ['web01'], command: ['uptime &amp; id'] }, asCleo);
    // Neither reading is hers to run: she is told at the field, and asked nothing.
    expect(await rig.desk.submit(looks)).toMatchObject({
      kind: 'faults',
      faults: { command: expect.any(String) },
    });
    expect(await countRuns(rig)).toBe(0);
    expect(await rig.store.store.readings.find(ANN.teamId, 'form')).toBeUndefined();
  });

  test('runs only on what was shown with the question', async () => {
    await using rig = await openDeskRig();
    const id = idIn(await asked(await rig.desk.submit(filled({ ...REDIRECT, hosts: ['@web'] }))));
    const web = rig.context.inventory.groups.get('web');
    const fewer = new Map(rig.context.inventory.groups);
    if (web === undefined) throw new Error('no group [web]');
    fewer.set('web', { ...web, hosts: web.hosts.slice(0, 1) });
    const changed = { ...rig.context, inventory: { ...rig.context.inventory, groups: fewer } };
    const told = shown(await openRequests(changed).press(clickOn(READ_RAW_ACTION, id)));
    expect(told).toMatch(/is not what you were shown any more[\s\S]*Open the form again/);
    expect(await countRuns(rig)).toBe(0);
  });

  test('that is too long to be shown in both readings is told at its field', async () => {
    await using rig = await openDeskRig();
    const long = filled({ hosts: ['web01'], command: [`echo &gt; ${'x'.repeat(2_990)}`] });
    expect(await rig.desk.submit(long)).toMatchObject({
      kind: 'faults',
      faults: { command: expect.stringMatching(/too long to be shown in both/) },
    });
  });

  test('is asked about whatever BATCHOPS_SLASH_TEXT says of commands, and anew when somebody with the right says so', async () => {
    const admin = `\n[admin]\nusers = ${ANN.userId}\nchannels = *\nhosts = all\nactions = run, audit\ncommands = *\n`;
    await using rig = await openDeskRig({ allowlist: admin, slashText: 'entities' });
    const id = idIn(await asked(await rig.desk.submit(filled(REDIRECT))));
    await rig.desk.press(clickOn(READ_RAW_ACTION, id));
    expect(await commandsOf(rig)).toEqual(['echo one &gt; f']);
    expect(await helpOf(rig)).toMatch(/Text of commands: [^:]*set by the administrator/);
    const again = await rig.desk.press(clickOn(`${ASK_TEXT_ACTION}:form`, 'form'));
    expect(shown(again)).toMatch(/Forgotten/);
    await asked(await rig.desk.submit(filled(REDIRECT)));
  });
});
