import type { Json } from '../json.ts';
import type { UserOption } from '../options.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { ApiError } from './api-call.ts';
import type { ApiMethod } from './method.ts';

/** auth.test, apps.connections.open, users.info, usergroups.*: who is who. */

function showUser(user: UserOption, workspace: Workspace): Json {
  const { team, enterprise, bot } = workspace.settings;
  const teamId = user.teamId ?? user.homeTeamId ?? team.id;
  const realName = user.realName ?? user.name;
  const isOfOthers = user.teamId !== undefined;
  const organisation = isOfOthers ? user.enterpriseId : enterprise?.id;
  const teams = isOfOthers || user.isOnlyThere === true ? [teamId] : [team.id, teamId];
  // "and isn't in any shared channels visible to your app" (docs.slack.dev/reference/objects/user-object)
  const isStranger =
    isOfOthers &&
    !workspace.listChannels().some(({ members }) => members.has(user.id) && members.has(bot.userId));
  return {
    id: user.id,
    team_id: teamId,
    name: user.name,
    real_name: realName,
    deleted: user.isDeactivated ?? false,
    is_bot: user.isBot ?? false,
    is_app_user: false,
    is_admin: false,
    is_owner: false,
    is_primary_owner: false,
    is_restricted: user.guest !== undefined,
    is_ultra_restricted: user.guest === 'single-channel',
    ...(isStranger ? { is_stranger: true } : {}),
    ...(organisation === undefined
      ? {}
      : {
          enterprise_user: {
            id: user.id,
            enterprise_id: organisation,
            enterprise_name: organisation === enterprise?.id ? enterprise.name : organisation,
            is_admin: false,
            is_owner: false,
            teams: Array.from(new Set(teams)).filter((id) => id !== organisation),
          },
        }),
    tz: 'Etc/UTC',
    tz_label: 'UTC',
    tz_offset: 0,
    updated: 0,
    profile: {
      display_name: user.name,
      display_name_normalized: user.name,
      real_name: realName,
      real_name_normalized: realName,
      team: teamId,
    },
  };
}

const usersInfo: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['users:read'],
  takes: ['user'],
  run(call, { workspace }) {
    const user = workspace.users.get(call.required('user'));
    if (user === undefined) throw new ApiError('user_not_found');
    return { user: showUser(user, workspace) };
  },
};

/** https://docs.slack.dev/reference/methods/usergroups.users.list */
const listGroupUsers: ApiMethod = {
  token: 'bot',
  tier: 2,
  scopes: ['usergroups:read'],
  takes: ['usergroup', 'include_disabled'],
  run(call, { workspace }) {
    const group = workspace.userGroups.get(call.required('usergroup'));
    const isHidden = group?.isDisabled === true && call.flag('include_disabled') !== true;
    if (group === undefined || isHidden) throw new ApiError('no_such_subteam');
    return { users: group.users };
  },
};

const authTest: ApiMethod = {
  token: 'any',
  tier: 'special',
  scopes: [],
  takes: [],
  run(_call, { workspace, baseUrl }) {
    const { bot, team, enterprise } = workspace.settings;
    return {
      url: `${baseUrl()}/`,
      team: team.name,
      user: bot.name,
      team_id: team.id,
      user_id: bot.userId,
      bot_id: bot.botId,
      ...(enterprise === null ? {} : { enterprise_id: enterprise.id }),
      is_enterprise_install: false,
    };
  },
};

const openConnection: ApiMethod = {
  token: 'app',
  tier: 1,
  scopes: [],
  takes: [],
  run: (_call, { openTicket }) => ({ url: openTicket() }),
};

export const peopleMethods: Readonly<Record<string, ApiMethod>> = {
  'auth.test': authTest,
  'apps.connections.open': openConnection,
  'users.info': usersInfo,
  'usergroups.users.list': listGroupUsers,
};
