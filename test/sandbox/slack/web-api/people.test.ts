import type { BlockAction, SlashCommand } from '@slack/bolt';
import { describe, expect, test } from 'vitest';
import { ANN, BOT, call, EVE, OPS, openTestSlack, startSocketBot, surfaces, withScopes } from '../rig.ts';

describe('people', () => {
  test('guests, strangers, bots and those who left say so, as soon as it is true', async () => {
    const users = [
      { id: ANN, name: 'ann' },
      { id: EVE, name: 'eve', guest: 'multi-channel' as const },
      { id: 'U0SOLO001', name: 'solo', guest: 'single-channel' as const },
      { id: 'U0ELSE001', name: 'else', teamId: 'T0ELSE001' },
    ];
    await using slack = await openTestSlack({ manifest: withScopes('users:read'), users });
    const info = async (user: string) => (await call(slack, 'users.info', { user })).user;
    const member = { is_restricted: false, is_ultra_restricted: false, deleted: false, is_bot: false };
    expect(await info(ANN)).toMatchObject({ id: ANN, name: 'ann', team_id: 'T0LOCAL01', ...member });
    expect(await info(ANN)).not.toHaveProperty('is_stranger');
    expect(await info(EVE)).toMatchObject({ ...member, is_restricted: true });
    expect(await info('U0SOLO001')).toMatchObject({ is_restricted: true, is_ultra_restricted: true });
    expect(await info('U0ELSE001')).toMatchObject({ ...member, team_id: 'T0ELSE001', is_stranger: true });
    expect(await info(BOT)).toMatchObject({ is_bot: true });
    slack.workspace.changeUser(ANN, { isDeactivated: true });
    expect(await info(ANN)).toMatchObject({ ...member, deleted: true });
    expect(await slack.command({ user: ANN, channel: OPS, command: '/batch', text: '' })).toMatchObject({
      error: 'channel_not_found',
    });
    expect(await call(slack, 'users.info', { user: 'U404' })).toMatchObject({ error: 'user_not_found' });
  });

  test.each(['T0HOME001', 'E0ORG0001'])(
    'who is at home elsewhere in the organisation acts here all the same, under that team: %s',
    async (homeTeamId) => {
      const enterprise = { id: 'E0ORG0001', name: 'Org' };
      const users = [{ id: ANN, name: 'ann', homeTeamId }];
      const scopes = withScopes('users:read');
      const manifest = { ...surfaces, oauth_config: scopes.oauth_config };
      await using slack = await openTestSlack({ manifest, enterprise, users });
      const commands: SlashCommand[] = [];
      const clicks: BlockAction[] = [];
      const bodies: unknown[] = [];
      await using _bot = await startSocketBot(
        slack,
        (app) => {
          app.command('/batch', async ({ ack, command }) => {
            commands.push(command);
            await ack();
          });
          app.action('go', async ({ ack, body }) => {
            if (body.type === 'block_actions') clicks.push(body);
            await ack();
          });
          app.shortcut('run', async ({ ack, body }) => {
            bodies.push(body);
            await ack();
          });
          app.options('host', async ({ ack, body }) => {
            bodies.push(body);
            await ack({ options: [] });
          });
        },
        1,
      );
      await slack.command({ user: ANN, channel: OPS, command: '/batch', text: '' });
      // A command names the workspace it was typed in, never the home of who typed it.
      expect(commands).toMatchObject([{ team_id: 'T0LOCAL01', enterprise_id: 'E0ORG0001', user_id: ANN }]);
      const elements = [
        { type: 'button', action_id: 'go', text: { type: 'plain_text', text: 'Go' } },
        { type: 'external_select', action_id: 'host', min_query_length: 0 },
      ];
      const blocks = [{ type: 'actions', elements }];
      const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks });
      const at = { user: ANN, channel: OPS, ts: String(ts) };
      await slack.click({ ...at, actionId: 'go' });
      await slack.shortcut({ user: ANN, callbackId: 'run' });
      await slack.suggest({ ...at, actionId: 'host', query: '' });
      expect([...clicks, ...bodies]).toHaveLength(3);
      for (const body of [...clicks, ...bodies])
        expect(body).toMatchObject({
          team: { id: 'T0LOCAL01', enterprise_id: 'E0ORG0001' },
          user: { id: ANN, team_id: homeTeamId },
          enterprise,
          is_enterprise_install: false,
        });
      expect(await call(slack, 'users.info', { user: ANN })).toMatchObject({
        user: { team_id: homeTeamId, enterprise_user: { enterprise_id: 'E0ORG0001' } },
      });
      expect(await call(slack, 'auth.test', {})).toMatchObject({
        team_id: 'T0LOCAL01',
        enterprise_id: 'E0ORG0001',
      });
    },
  );
});

describe('user groups', () => {
  const options = {
    manifest: withScopes('usergroups:read'),
    userGroups: [
      { id: 'S0OPS0001', handle: 'ops', users: [ANN] },
      { id: 'S0OLD0001', handle: 'old', users: [EVE], isDisabled: true },
    ],
  };

  test('tell who is in them now, but for disabled ones', async () => {
    await using slack = await openTestSlack(options);
    const users = (usergroup: string) => call(slack, 'usergroups.users.list', { usergroup });
    expect(await users('S0OPS0001')).toMatchObject({ ok: true, users: [ANN] });
    slack.workspace.changeUserGroup({ id: 'S0OPS0001', handle: 'ops', users: [ANN, EVE] });
    expect(await users('S0OPS0001')).toMatchObject({ users: [ANN, EVE] });
    expect(
      await call(slack, 'usergroups.users.list', { usergroup: 'S0OLD0001', include_disabled: true }),
    ).toMatchObject({ users: [EVE] });
    for (const id of ['S0OLD0001', 'S404'])
      expect(await users(id)).toMatchObject({ error: 'no_such_subteam' });
  });

  test('take a scope of their own', async () => {
    await using slack = await openTestSlack({ manifest: withScopes('users:read') });
    expect(await call(slack, 'usergroups.users.list', { usergroup: 'S1' })).toMatchObject({
      error: 'missing_scope',
      needed: 'usergroups:read',
    });
  });
});
