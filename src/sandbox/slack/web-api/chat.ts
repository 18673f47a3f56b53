import { completeBlocks, findBlockFault, hasRichText } from '../blocks/message-blocks.ts';
import { isRecord, type Json } from '../json.ts';
import { findLive, type Parsing } from '../workspace/live.ts';
import type { StoredMessage } from '../workspace/message.ts';
import { showMessage } from '../workspace/show.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { ApiError, type Arguments } from './api-call.ts';
import { type ApiMethod, findPostable, findVisible } from './room.ts';

/** chat.*: https://docs.slack.dev/reference/methods/chat.postMessage and its neighbours */

const MAX_TEXT = 40_000;
const MAX_UPDATED_TEXT = 4_000;
const MAX_MARKDOWN_TEXT = 12_000;
const MAX_ATTACHMENTS = 100;
/** The true figure is not published; a job id fits, output does not. */
const MAX_METADATA_BYTES = 8_000;

interface Content {
  readonly text: string;
  readonly blocks: readonly Json[];
  readonly attachments: readonly Json[];
  readonly parsing: Parsing;
  readonly isTruncated: boolean;
}

function readContent(call: Arguments): Content {
  const markdown = call.text('markdown_text');
  if (markdown !== undefined && (call.has('text') || call.has('blocks')))
    throw new ApiError('markdown_text_conflict');
  if (markdown !== undefined && markdown.length > MAX_MARKDOWN_TEXT) throw new ApiError('msg_too_long');
  const text = markdown ?? call.text('text') ?? '';
  const parse = call.text('parse');
  return {
    text: text.slice(0, MAX_TEXT),
    isTruncated: text.length > MAX_TEXT,
    blocks: readBlocks(call),
    attachments: readAttachments(call),
    parsing: {
      parse: parse === 'full' || parse === 'none' ? parse : 'default',
      linkNames: call.flag('link_names') ?? false,
    },
  };
}

export function readBlocks(call: Arguments): readonly Json[] {
  const value = call.json('blocks', 'invalid_blocks_format');
  if (value === undefined || value === null) return [];
  const fault = findBlockFault(value, { surface: 'message' });
  if (fault !== null) throw new ApiError(fault.error, { response_metadata: { messages: fault.messages } });
  return completeBlocks(Array.isArray(value) ? value.filter(isRecord) : []);
}

function readAttachments(call: Arguments): readonly Json[] {
  const value = call.json('attachments', 'invalid_attachments');
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isRecord)) throw new ApiError('invalid_attachments');
  if (value.length > MAX_ATTACHMENTS) throw new ApiError('too_many_attachments');
  for (const attachment of value) {
    const fault =
      attachment.blocks === undefined ? null : findBlockFault(attachment.blocks, { surface: 'message' });
    if (fault !== null)
      throw new ApiError('invalid_attachments', { response_metadata: { messages: fault.messages } });
  }
  return value;
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

function requireContent(content: Content): void {
  const isEmpty = content.text.trim() === '';
  if (isEmpty && content.blocks.length === 0 && content.attachments.length === 0)
    throw new ApiError('no_text');
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

function findOwn(workspace: Workspace, call: Arguments, notOwn: string): StoredMessage {
  const channel = findVisible(workspace, call.required('channel'));
  const message = workspace.findMessage(channel.id, call.required('ts'));
  if (message === undefined) throw new ApiError('message_not_found');
  if (!message.isFromApp) throw new ApiError(notOwn);
  return message;
}

const postMessage: ApiMethod = {
  token: 'bot',
  tier: 'special',
  scopes: (call) =>
    ['username', 'icon_emoji', 'icon_url'].some((name) => call.has(name))
      ? ['chat:write', 'chat:write.customize']
      : ['chat:write'],
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
      attachments: content.attachments,
      files: [],
      metadata,
      isBroadcast: threadTs !== null && call.flag('reply_broadcast') === true,
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

const update: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: ['chat:write'],
  run(call, { workspace, baseUrl }) {
    const message = findOwn(workspace, call, 'cant_update_message');
    const text = call.text('text') ?? call.text('markdown_text');
    if (text !== undefined && text.length > MAX_UPDATED_TEXT) throw new ApiError('msg_too_long');
    const content = readContent(call);
    if (text === undefined && !call.has('blocks') && !call.has('attachments')) throw new ApiError('no_text');
    // `text` alone takes the blocks away; blocks alone leave the text.
    const blocks = call.has('blocks') || text !== undefined ? content.blocks : message.blocks;
    const attachments = call.has('attachments') ? content.attachments : message.attachments;
    const changed = { text: text ?? message.text, blocks, attachments };
    requireContent({ ...content, ...changed });
    const bothHaveBlocks = blocks.length > 0 && message.blocks.length > 0;
    if (bothHaveBlocks && hasRichText(blocks) !== hasRichText(message.blocks))
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
      message: showMessage(stored, workspace, baseUrl()),
    };
  },
};

const remove: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: ['chat:write'],
  run(call, { workspace }) {
    const message = findOwn(workspace, call, 'cant_delete_message');
    workspace.deleteMessage(message);
    return { channel: message.channel, ts: message.ts };
  },
};

const postEphemeral: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['chat:write'],
  run(call, { workspace }) {
    const channel = findPostable(workspace, call.required('channel'));
    const user = call.required('user');
    if (!channel.members.has(workspace.settings.bot.userId)) throw new ApiError('not_in_channel');
    if (!channel.members.has(user)) throw new ApiError('user_not_in_channel');
    const content = readContent(call);
    requireContent(content);
    const message = workspace.addEphemeral({
      channel: channel.id,
      threadTs: resolveThread(workspace, channel, call),
      user: workspace.settings.bot.userId,
      isFromApp: true,
      text: content.text,
      blocks: content.blocks,
      attachments: content.attachments,
      files: [],
      metadata: null,
      isBroadcast: false,
      onlyFor: user,
      ...findLive(content, content.parsing),
    });
    return { message_ts: message.ts };
  },
};

const getPermalink: ApiMethod = {
  token: 'bot',
  tier: 'special',
  scopes: [],
  run(call, { workspace, baseUrl }) {
    const channel = findVisible(workspace, call.required('channel'));
    const message = workspace.findMessage(channel.id, call.required('message_ts'));
    if (message === undefined) throw new ApiError('message_not_found');
    const thread = message.threadTs === null ? '' : `?thread_ts=${message.threadTs}&cid=${channel.id}`;
    const permalink = `${baseUrl()}/archives/${channel.id}/p${message.ts.replace('.', '')}${thread}`;
    return { channel: channel.id, permalink };
  },
};

export const chatMethods: Readonly<Record<string, ApiMethod>> = {
  'chat.postMessage': postMessage,
  'chat.update': update,
  'chat.delete': remove,
  'chat.postEphemeral': postEphemeral,
  'chat.getPermalink': getPermalink,
};
