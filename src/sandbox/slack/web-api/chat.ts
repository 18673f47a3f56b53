import { completeBlocks, findBlockFault, hasRichText } from '../blocks/message-blocks.ts';
import { isRecord, type Json } from '../json.ts';
import { findLive, type Parsing } from '../workspace/live.ts';
import type { StoredMessage } from '../workspace/message.ts';
import { showMessage } from '../workspace/show.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { ApiError, type Arguments } from './api-call.ts';
import { type ApiMethod, findPostable, findVisible } from './method.ts';

/** chat.*: https://docs.slack.dev/reference/methods/chat.postMessage and its neighbours */

const MAX_TEXT = 40_000;
const MAX_UPDATED_TEXT = 4_000;
/** The true figure is not published; a job id fits, output does not. */
const MAX_METADATA_BYTES = 8_000;

interface Content {
  readonly text: string;
  readonly blocks: readonly Json[];
  readonly parsing: Parsing;
  readonly isTruncated: boolean;
}

/** What all that is posted may carry; the sandbox shows no previews, so `unfurl_*` change nothing. */
const CONTENT = ['channel', 'text', 'blocks', 'metadata', 'parse', 'link_names'];
const NEW_CONTENT = [...CONTENT, 'thread_ts', 'unfurl_links', 'unfurl_media'];

function readContent(call: Arguments): Content {
  const text = call.text('text') ?? '';
  const parse = call.text('parse');
  return {
    text: text.slice(0, MAX_TEXT),
    isTruncated: text.length > MAX_TEXT,
    blocks: readBlocks(call),
    parsing: {
      parse: parse === 'full' || parse === 'none' ? parse : 'default',
      linkNames: call.flag('link_names') ?? false,
    },
  };
}

function readBlocks(call: Arguments): readonly Json[] {
  const value = call.json('blocks', 'invalid_blocks_format');
  if (value === undefined || value === null) return [];
  const fault = findBlockFault(value, { surface: 'message' });
  if (fault !== null) throw new ApiError(fault.error, { response_metadata: { messages: fault.messages } });
  return completeBlocks(Array.isArray(value) ? value.filter(isRecord) : []);
}

function readMetadata(call: Arguments): Json | null {
  const metadata = call.record('metadata', 'invalid_metadata_format');
  if (metadata === undefined) return null;
  if (typeof metadata.event_type !== 'string' || !isRecord(metadata.event_payload))
    throw new ApiError('invalid_metadata_format');
  if (Buffer.byteLength(JSON.stringify(metadata)) > MAX_METADATA_BYTES)
    throw new ApiError('metadata_too_large');
  return metadata;
}

function requireContent({ text, blocks }: Pick<Content, 'text' | 'blocks'>): void {
  if (text.trim() === '' && blocks.length === 0) throw new ApiError('no_text');
}

/** The `ts` of the root message; a reply cannot be replied to. */
export function resolveThread(workspace: Workspace, channel: Channel, call: Arguments): string | null {
  const threadTs = call.text('thread_ts');
  if (threadTs === undefined || threadTs === '') return null;
  const root = workspace.findMessage(channel.id, threadTs);
  if (root === undefined) throw new ApiError('thread_not_found');
  if (root.threadTs !== null) throw new ApiError('cannot_reply_to_message');
  return threadTs;
}

function findOwn(workspace: Workspace, call: Arguments): StoredMessage {
  const channel = findVisible(workspace, call.required('channel'));
  const message = workspace.findMessage(channel.id, call.required('ts'));
  if (message === undefined) throw new ApiError('message_not_found');
  if (!message.isFromApp) throw new ApiError('cant_update_message');
  if (channel.isArchived) throw new ApiError('is_inactive');
  return message;
}

const postMessage: ApiMethod = {
  token: 'bot',
  tier: 'special',
  scopes: ['chat:write'],
  takes: NEW_CONTENT,
  run(call, { workspace, baseUrl }) {
    const channel = findPostable(workspace, call.required('channel'));
    const content = readContent(call);
    requireContent(content);
    const metadata = readMetadata(call);
    const threadTs = resolveThread(workspace, channel, call);
    const message = workspace.addMessage({
      channel: channel.id,
      threadTs,
      user: workspace.settings.bot.userId,
      isFromApp: true,
      text: content.text,
      blocks: content.blocks,
      files: [],
      metadata,
      onlyFor: null,
      ...findLive(content, content.parsing),
    });
    return {
      channel: channel.id,
      ts: message.ts,
      message: showMessage(message, workspace, baseUrl()),
      ...(content.isTruncated
        ? { warning: 'message_truncated', response_metadata: { warnings: ['message_truncated'] } }
        : {}),
    };
  },
};

/** What chat.update answers names neither the message nor its thread. */
function showChanged(message: StoredMessage, workspace: Workspace, baseUrl: string): Json {
  const { ts, thread_ts, reply_count, reply_users, reply_users_count, latest_reply, ...rest } = showMessage(
    message,
    workspace,
    baseUrl,
  );
  return rest;
}

const update: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: ['chat:write'],
  takes: [...CONTENT, 'ts'],
  run(call, { workspace, baseUrl }) {
    const message = findOwn(workspace, call);
    const text = call.text('text');
    if (text !== undefined && text.length > MAX_UPDATED_TEXT) throw new ApiError('msg_too_long');
    const content = readContent(call);
    if (text === undefined && !call.has('blocks')) throw new ApiError('no_text');
    // Blocks alone leave the text. Of text alone Slack's own sources tell three different stories.
    const { textOnlyUpdate } = workspace.settings;
    if (!call.has('blocks') && textOnlyUpdate === 'changes-nothing')
      return {
        channel: message.channel,
        ts: message.ts,
        text,
        message: showChanged(message, workspace, baseUrl()),
      };
    const isKept = !call.has('blocks') && textOnlyUpdate === 'keeps-blocks';
    const changed = { text: text ?? message.text, blocks: isKept ? message.blocks : content.blocks };
    requireContent(changed);
    const bothHaveBlocks = changed.blocks.length > 0 && message.blocks.length > 0;
    if (bothHaveBlocks && hasRichText(changed.blocks) !== hasRichText(message.blocks))
      throw new ApiError('block_mismatch');
    const stored = workspace.changeMessage(message, {
      ...changed,
      metadata: call.has('metadata') ? readMetadata(call) : message.metadata,
      ...findLive(changed, content.parsing),
      editedAt: workspace.settings.now(),
      edits: message.edits + 1,
    });
    return {
      channel: message.channel,
      ts: message.ts,
      text: stored.text,
      message: showChanged(stored, workspace, baseUrl()),
    };
  },
};

const postEphemeral: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['chat:write'],
  takes: [...NEW_CONTENT, 'user'],
  run(call, { workspace }) {
    const channel = findPostable(workspace, call.required('channel'));
    const user = call.required('user');
    // chat:write.public does not help here, and Slack does not say so (node-slack-sdk#977).
    if (!channel.members.has(workspace.settings.bot.userId)) throw new ApiError('internal_error');
    if (!channel.members.has(user)) throw new ApiError('user_not_in_channel');
    const content = readContent(call);
    requireContent(content);
    const threadTs = resolveThread(workspace, channel, call);
    if (!workspace.showsPrivately(channel.id, threadTs)) return { message_ts: workspace.nextTs() };
    const message = workspace.addEphemeral({
      channel: channel.id,
      threadTs,
      user: workspace.settings.bot.userId,
      isFromApp: true,
      text: content.text,
      blocks: content.blocks,
      files: [],
      metadata: null,
      onlyFor: user,
      ...findLive(content, content.parsing),
    });
    return { message_ts: message.ts };
  },
};

export const chatMethods: Readonly<Record<string, ApiMethod>> = {
  'chat.postMessage': postMessage,
  'chat.update': update,
  'chat.postEphemeral': postEphemeral,
};
