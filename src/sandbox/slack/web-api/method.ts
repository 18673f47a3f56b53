import type { Triggers } from '../handles/triggers.ts';
import type { ViewStore } from '../interactivity/view-store.ts';
import type { Json } from '../json.ts';
import type { Tier } from '../options.ts';
import type { Uploads } from '../workspace/file-transfer.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import type { Arguments } from './api-call.ts';
import { ApiError } from './api-call.ts';

/** What a Web API method is, and the questions all of them ask about the channel they are for. */

export interface ApiContext {
  readonly workspace: Workspace;
  readonly triggers: Triggers;
  readonly views: ViewStore;
  readonly uploads: Uploads;
  /** `http://127.0.0.1:PORT` */
  readonly baseUrl: () => string;
  /** A URL for one Socket Mode connection. */
  readonly openTicket: () => string;
}

export interface ApiMethod {
  readonly token: 'bot' | 'app' | 'any';
  /** All of these; a function where it depends on the channel. */
  readonly scopes: readonly string[] | ((call: Arguments, workspace: Workspace) => readonly string[]);
  readonly tier: Tier;
  /** The arguments that the sandbox has; Slack may have more. */
  readonly takes: readonly string[];
  run(call: Arguments, context: ApiContext): Json;
}

/** `channels:read` for public channels, `groups:read` for private ones, `im:read` for direct messages. */
export function scopeByKind(verb: string): ApiMethod['scopes'] {
  return (call, workspace) => {
    const kind = workspace.findChannel(call.text('channel') ?? '')?.kind ?? 'public';
    return [`${{ public: 'channels', private: 'groups', im: 'im' }[kind]}:${verb}`];
  };
}

/** The channel, where the bot may know of it: private ones it is not in do not exist for it. */
export function findVisible(workspace: Workspace, id: string): Channel {
  const channel = workspace.findChannel(id);
  const bot = workspace.settings.bot.userId;
  if (channel === undefined) throw new ApiError('channel_not_found');
  if (channel.kind !== 'public' && !channel.members.has(bot)) throw new ApiError('channel_not_found');
  return channel;
}

/** The channel, where the bot is in it. */
export function findJoined(workspace: Workspace, id: string): Channel {
  const channel = findVisible(workspace, id);
  if (!channel.members.has(workspace.settings.bot.userId)) throw new ApiError('not_in_channel');
  return channel;
}

/** The channel, where the bot may post; a user's id stands for the direct messages with them. */
export function findPostable(workspace: Workspace, id: string): Channel {
  const { bot, scopes } = workspace.settings;
  const channel =
    workspace.users.has(id) && id !== bot.userId
      ? workspace.openDirectMessage(id, bot.userId)
      : findVisible(workspace, id);
  if (channel.isArchived) throw new ApiError('is_archived');
  if (!channel.members.has(bot.userId) && !scopes.has('chat:write.public'))
    throw new ApiError('not_in_channel');
  return channel;
}
