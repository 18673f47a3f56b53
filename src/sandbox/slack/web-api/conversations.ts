import type { Json } from '../json.ts';
import type { StoredMessage } from '../workspace/message.ts';
import { showMessage } from '../workspace/show.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { ApiError, type Arguments } from './api-call.ts';
import { type ApiContext, type ApiMethod, findJoined, findVisible, scopeByKind } from './room.ts';

/** auth.test, conversations.*, users.info, reactions.add */

function showChannel(channel: Channel, workspace: Workspace): Json {
  const isMember = channel.members.has(workspace.settings.bot.userId);
  const kind = {
    is_channel: channel.kind === 'public',
    is_group: channel.kind === 'private',
    is_im: channel.kind === 'im',
    is_mpim: false,
    is_private: channel.kind !== 'public',
    is_archived: channel.isArchived,
    is_ext_shared: channel.isExternallyShared,
    is_shared: channel.isExternallyShared,
    is_org_shared: false,
  };
  if (channel.kind === 'im') {
    const user = Array.from(channel.members).find((member) => member !== workspace.settings.bot.userId);
    return { id: channel.id, user, ...kind };
  }
  return {
    id: channel.id,
    name: channel.name,
    name_normalized: channel.name,
    is_member: isMember,
    topic: { value: channel.topic, creator: '', last_set: 0 },
    purpose: { value: '', creator: '', last_set: 0 },
    context_team_id: workspace.settings.team.id,
    ...kind,
  };
}

/** Newest first as conversations.history has it, or oldest first as conversations.replies has it. */
function page(
  messages: readonly StoredMessage[],
  call: Arguments,
  { workspace, baseUrl }: Pick<ApiContext, 'workspace' | 'baseUrl'>,
): Json {
  const limit = call.integer('limit', 100);
  if (limit < 1 || limit > 999) throw new ApiError('invalid_limit');
  const oldest = call.text('oldest') ?? '';
  const latest = call.text('latest') ?? '';
  const isInclusive = call.flag('inclusive') ?? false;
  const inTime = messages.filter(({ ts }) => {
    if (isInclusive && (ts === oldest || ts === latest)) return true;
    return (oldest === '' || ts > oldest) && (latest === '' || ts < latest);
  });
  const cursor = call.text('cursor') ?? '';
  const start = cursor === '' ? 0 : Number(Buffer.from(cursor, 'base64url').toString());
  if (!Number.isInteger(start)) throw new ApiError('invalid_cursor');
  const shown = inTime.slice(start, start + limit);
  const hasMore = start + limit < inTime.length;
  const next = Buffer.from(String(start + limit)).toString('base64url');
  const withMetadata = call.flag('include_all_metadata') ?? false;
  return {
    messages: shown.map((message) => {
      const { metadata, ...rest } = showMessage(message, workspace, baseUrl());
      return withMetadata && metadata !== undefined ? { ...rest, metadata } : rest;
    }),
    has_more: hasMore,
    ...(hasMore ? { response_metadata: { next_cursor: next } } : {}),
  };
}

const info: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: scopeByKind('read'),
  run: (call, { workspace }) => ({
    channel: showChannel(findVisible(workspace, call.required('channel')), workspace),
  }),
};

const history: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: scopeByKind('history'),
  run(call, context) {
    const { workspace } = context;
    const channel = findJoined(workspace, call.required('channel'));
    const roots = workspace
      .listMessages(channel.id)
      .filter((message) => message.threadTs === null || message.isBroadcast);
    return page(roots.toReversed(), call, context);
  },
};

const replies: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: scopeByKind('history'),
  run(call, context) {
    const { workspace } = context;
    const channel = findJoined(workspace, call.required('channel'));
    const asked = workspace.findMessage(channel.id, call.required('ts'));
    if (asked === undefined) throw new ApiError('thread_not_found');
    const root = workspace.findMessage(channel.id, asked.threadTs ?? asked.ts) ?? asked;
    return page([root, ...workspace.listReplies(channel.id, root.ts)], call, context);
  },
};

const join: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: ['channels:join'],
  run(call, { workspace }) {
    const channel = findVisible(workspace, call.required('channel'));
    if (channel.kind !== 'public') throw new ApiError('method_not_supported_for_channel_type');
    if (channel.isArchived) throw new ApiError('is_archived');
    const members = new Set(channel.members).add(workspace.settings.bot.userId);
    if (!channel.members.has(workspace.settings.bot.userId)) workspace.changeChannel(channel.id, { members });
    return { channel: showChannel({ ...channel, members }, workspace) };
  },
};

const open: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: ['im:write'],
  run(call, { workspace }) {
    const ids = call.required('users').split(',');
    const [user = ''] = ids;
    if (ids.length > 1) throw new ApiError('method_not_supported_for_channel_type');
    if (!workspace.users.has(user)) throw new ApiError('user_not_found');
    if (user === workspace.settings.bot.userId) throw new ApiError('cannot_dm_bot');
    const channel = workspace.openDirectMessage(user, workspace.settings.bot.userId);
    return { channel: { id: channel.id } };
  },
};

const usersInfo: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['users:read'],
  run(call, { workspace }) {
    const user = workspace.users.get(call.required('user'));
    if (user === undefined) throw new ApiError('user_not_found');
    const teamId = user.teamId ?? workspace.settings.team.id;
    return {
      user: {
        id: user.id,
        team_id: teamId,
        name: user.name,
        real_name: user.realName ?? user.name,
        deleted: user.isDeactivated ?? false,
        is_bot: user.isBot ?? false,
        is_app_user: false,
        is_admin: false,
        is_owner: false,
        is_restricted: user.guest !== undefined,
        is_ultra_restricted: user.guest === 'single-channel',
        ...(user.teamId === undefined ? {} : { is_stranger: true }),
        tz: 'Etc/UTC',
        tz_offset: 0,
        profile: { display_name: user.name, real_name: user.realName ?? user.name, team: teamId },
      },
    };
  },
};

const reactionsAdd: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: ['reactions:write'],
  run(call, { workspace }) {
    const channel = findJoined(workspace, call.required('channel'));
    const name = call.required('name').replaceAll(':', '');
    if (!/^[a-z0-9_+'-]+$/.test(name)) throw new ApiError('invalid_name');
    const message = workspace.findMessage(channel.id, call.required('timestamp'));
    if (message === undefined) throw new ApiError('message_not_found');
    const bot = workspace.settings.bot.userId;
    const before = message.reactions.get(name) ?? [];
    if (before.includes(bot)) throw new ApiError('already_reacted');
    workspace.changeMessage(message, {
      reactions: new Map(message.reactions).set(name, [...before, bot]),
    });
    return {};
  },
};

const authTest: ApiMethod = {
  token: 'any',
  tier: 'special',
  scopes: [],
  run(_call, { workspace, baseUrl }) {
    const { bot, team } = workspace.settings;
    return {
      url: `${baseUrl()}/`,
      team: team.name,
      user: bot.name,
      team_id: team.id,
      user_id: bot.userId,
      bot_id: bot.botId,
      is_enterprise_install: false,
    };
  },
};

const openConnection: ApiMethod = {
  token: 'app',
  tier: 3,
  scopes: [],
  run: (_call, { openTicket }) => ({ url: openTicket() }),
};

export const conversationMethods: Readonly<Record<string, ApiMethod>> = {
  'auth.test': authTest,
  'apps.connections.open': openConnection,
  'conversations.info': info,
  'conversations.history': history,
  'conversations.replies': replies,
  'conversations.join': join,
  'conversations.open': open,
  'users.info': usersInfo,
  'reactions.add': reactionsAdd,
};
