import type { Json } from '../json.ts';
import type { StoredMessage } from '../workspace/message.ts';
import { showMessage } from '../workspace/show.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { ApiError, type Arguments } from './api-call.ts';
import { type ApiContext, type ApiMethod, findJoined, findVisible, scopeByKind } from './method.ts';

/** conversations.*: https://docs.slack.dev/apis/web-api/using-the-conversations-api */

function showChannel(channel: Channel, workspace: Workspace): Json {
  const { bot, team } = workspace.settings;
  const common = {
    id: channel.id,
    created: 0,
    updated: 0,
    context_team_id: team.id,
    is_im: channel.kind === 'im',
    is_archived: channel.isArchived,
    is_org_shared: false,
  };
  // Direct messages have little else.
  if (channel.kind === 'im')
    return { ...common, user: Array.from(channel.members).find((member) => member !== bot.userId) };
  return {
    ...common,
    name: channel.name,
    name_normalized: channel.name,
    creator: '',
    unlinked: 0,
    is_channel: channel.kind === 'public',
    is_group: channel.kind === 'private',
    is_mpim: false,
    is_private: channel.kind !== 'public',
    is_general: false,
    is_member: channel.members.has(bot.userId),
    is_shared: channel.isExternallyShared,
    is_ext_shared: channel.isExternallyShared,
    is_pending_ext_shared: false,
    pending_shared: [],
    pending_connected_team_ids: [],
    shared_team_ids: [team.id],
    topic: { value: channel.topic, creator: '', last_set: 0 },
    purpose: { value: '', creator: '', last_set: 0 },
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

const PAGED = ['channel', 'cursor', 'limit', 'oldest', 'latest', 'inclusive', 'include_all_metadata'];

const info: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: scopeByKind('read'),
  takes: ['channel'],
  run: (call, { workspace }) => ({
    channel: showChannel(findVisible(workspace, call.required('channel')), workspace),
  }),
};

const history: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: scopeByKind('history'),
  takes: PAGED,
  run(call, context) {
    const { workspace } = context;
    const channel = findJoined(workspace, call.required('channel'));
    const roots = workspace.listMessages(channel.id).filter((message) => message.threadTs === null);
    return page(roots.toReversed(), call, context);
  },
};

const replies: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: scopeByKind('history'),
  takes: [...PAGED, 'ts'],
  run(call, context) {
    const { workspace } = context;
    const channel = findJoined(workspace, call.required('channel'));
    const asked = workspace.findMessage(channel.id, call.required('ts'));
    if (asked === undefined) throw new ApiError('thread_not_found');
    const root = workspace.findMessage(channel.id, asked.threadTs ?? asked.ts) ?? asked;
    return page([root, ...workspace.listReplies(channel.id, root.ts)], call, context);
  },
};

export const conversationMethods: Readonly<Record<string, ApiMethod>> = {
  'conversations.info': info,
  'conversations.history': history,
  'conversations.replies': replies,
};
