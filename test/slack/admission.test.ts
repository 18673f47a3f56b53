import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { formatNotice } from '../../src/report/answers.ts';
import { plain } from '../../src/report/message.ts';
import { formatRunForm } from '../../src/report/views/form.ts';
import type { LocalSlackOptions, UserOption } from '../../src/sandbox/slack/options.ts';
import { Admission } from '../../src/slack/listeners/admission.ts';
import { HomeTabs } from '../../src/slack/listeners/home.ts';
import { ANN, type DoorRig, OPS, OUTSIDER, openDoorRig } from './rig.ts';

const TEAM = 'T0LOCAL01';
const ORGANISATION = { id: 'E0GRID001', name: 'Grid' };
const BOT = 'U0BOT0001';

/** Ann and somebody else in one channel with the bot. */
function withPeople(
  ann: Partial<UserOption>,
  outsider: Partial<UserOption> = {},
): Partial<LocalSlackOptions> {
  return {
    users: [
      { id: ANN, name: 'ann', ...ann },
      { id: OUTSIDER, name: 'outsider', teamId: 'T0OTHER01', ...outsider },
    ],
    channels: [{ id: OPS, name: 'ops', members: [ANN, OUTSIDER, BOT], isExternallyShared: true }],
  };
}

async function postButtons({ workspace }: DoorRig): Promise<string> {
  const elements = [
    { type: 'button', action_id: 'batchops_cancel', text: plain('Cancel'), value: 'r-7k3f' },
    { type: 'external_select', action_id: 'batchops_show_host', min_query_length: 0 },
  ];
  const blocks = [{ type: 'actions', block_id: 'batchops_run:r-7k3f:live', elements }];
  const { ts = '' } = await workspace.posts.chat.postMessage({ channel: OPS, text: 'x', blocks });
  return ts;
}

describe.concurrent('in an organisation of several workspaces', () => {
  test.each<[string, Partial<UserOption>]>([
    ['in this workspace', {}],
    ['in another one too', { homeTeamId: 'T0HOME001' }],
    ['in another one only', { homeTeamId: 'T0HOME001', isOnlyThere: true }],
    ['in the organisation', { homeTeamId: ORGANISATION.id }],
  ])('a person is one requester in all that they do, at home %s', async (_where, ann) => {
    await using rig = await openDoorRig('socket', { ...withPeople(ann), enterprise: ORGANISATION });
    const { slack, desk } = rig;
    const ts = await postButtons(rig);
    const at = { user: ANN, channel: OPS, ts };
    desk.options = [{ label: plain('Hosts'), options: [{ text: plain('web01'), value: '0' }] }];
    const offered = await slack.suggest({ ...at, actionId: 'batchops_show_host', query: '' });
    expect(offered.groups).toHaveLength(1);
    desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
    await slack.click({ ...at, actionId: 'batchops_cancel' });
    const view = await slack.waitFor(() => slack.views(ANN).at(-1));
    await slack.submit({ user: ANN, viewId: view.id, values: { command: 'id' } });
    desk.answer = async () => formatNotice('Heard.');
    await slack.shortcut({ user: ANN, callbackId: 'batchops_run' });
    await slack.waitFor(() => desk.shortcuts.length === 1);
    await slack.openHome({ user: ANN });
    await slack.waitFor(() => slack.home(ANN));
    const isMember = ann.isOnlyThere !== true;
    if (isMember) {
      await slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'help' });
      await slack.waitFor(() => desk.calls.length === 1);
    }
    const asked = [...desk.queries, ...desk.clicks, ...desk.forms, ...desk.shortcuts, ...desk.calls];
    expect(asked).toHaveLength(isMember ? 5 : 4);
    for (const { requester } of asked) expect(requester).toEqual({ teamId: ORGANISATION.id, userId: ANN });
    expect(slack.violations).toEqual([]);
  });

  test('nobody is let in from another workspace while Slack does not tell whose it is', async () => {
    const people = withPeople({ homeTeamId: 'T0HOME001' });
    await using rig = await openDoorRig('socket', { ...people, enterprise: ORGANISATION });
    const ts = await postButtons(rig);
    const fault = rig.slack.order({ method: 'users.info', kind: 'error', error: 'fatal_error', times: 1 });
    const click = () => rig.slack.click({ user: ANN, channel: OPS, ts, actionId: 'batchops_cancel' });
    const outcome = await click();
    const answer = await rig.slack.waitFor(() => outcome.answers()[0]);
    expect(answer.text).toContain('does not tell who you are');
    expect(fault.struck).toBe(1);
    expect(rig.desk.clicks).toEqual([]);
    await click();
    await rig.slack.waitFor(() => rig.desk.clicks.length === 1);
  });
});

describe.concurrent.each([
  ['in one workspace', undefined],
  ['in an organisation', ORGANISATION],
] as const)('people of another company, where we are %s', (_what, enterprise) => {
  test.each<[string, Partial<UserOption>]>([
    ['of one workspace', {}],
    ['of an organisation', { enterpriseId: 'E0OTHER01' }],
    ['of an organisation that stands for its workspace', { teamId: 'E0OTHER01', enterpriseId: 'E0OTHER01' }],
  ])(
    'are refused and asked of nobody, also where Slack does not call them strangers: %s',
    async (_kind, them) => {
      await using rig = await openDoorRig('socket', {
        ...withPeople({}, them),
        ...(enterprise === undefined ? {} : { enterprise }),
      });
      const { slack, desk } = rig;
      const { user } = await rig.workspace.answers.users.info({ user: OUTSIDER });
      expect(user).not.toHaveProperty('is_stranger');
      const ts = await postButtons(rig);
      const at = { user: OUTSIDER, channel: OPS, ts };
      desk.options = [{ label: plain('Hosts'), options: [{ text: plain('web01'), value: '0' }] }];
      const offered = await slack.suggest({ ...at, actionId: 'batchops_show_host', query: '' });
      expect(offered.groups.flatMap(({ options }) => options)).toEqual([]);
      const outcome = await slack.click({ ...at, actionId: 'batchops_cancel' });
      const answer = await slack.waitFor(() => outcome.answers()[0]);
      expect(answer.text).toContain(enterprise === undefined ? 'its own workspace' : 'its own organisation');
      expect([...desk.queries, ...desk.clicks]).toEqual([]);
    },
  );
});

describe.concurrent('what Slack names as sender', () => {
  test.each([
    ['an id of ours, at home in another company', { installedIn: TEAM, home: 'T0OTHER01' }],
    ['one of ours, with the installation of another company', { installedIn: 'T0OTHER01', home: TEAM }],
    ['one of ours, with no installation', { installedIn: undefined, home: TEAM }],
    ['one of ours, with an empty installation', { installedIn: '', home: '' }],
  ])('is not taken for one of ours: %s', async (_what, sender) => {
    await using rig = await openDoorRig('socket', { ...withPeople({}), enterprise: ORGANISATION });
    const admission = new Admission(rig.workspace, rig.log);
    await expect(admission.admit({ userId: ANN, ...sender })).rejects.toThrow(/own organisation/);
  });

  test('is asked about where it tells no home', async () => {
    await using rig = await openDoorRig('socket', withPeople({}));
    const admission = new Admission(rig.workspace, rig.log);
    const sender = { installedIn: TEAM, home: undefined };
    expect(await admission.admit({ userId: ANN, ...sender })).toEqual({ teamId: TEAM, userId: ANN });
    await expect(admission.admit({ userId: OUTSIDER, ...sender })).rejects.toThrow(/own workspace/);
  });

  test('who is no member has no Home tab drawn: no defect, and nothing that rejects', async () => {
    await using rig = await openDoorRig();
    const homes = new HomeTabs(rig.desk, rig.workspace, rig.log);
    await homes.publish(Promise.reject(new Refusal('not-allowed', 'This bot works only for its own.')));
    expect(rig.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(rig.log.lines.at(-1)).toMatchObject({ message: 'a Home tab is not shown' });
  });
});
