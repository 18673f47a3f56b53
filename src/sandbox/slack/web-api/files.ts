import { isRecord, textOf } from '../json.ts';
import { guessMimetype } from '../workspace/file-transfer.ts';
import { findLive } from '../workspace/live.ts';
import { canBotRead, showFile } from '../workspace/show.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { ApiError, type Arguments, missing } from './api-call.ts';
import { readBlocks, resolveThread } from './chat.ts';
import { type ApiMethod, findVisible } from './room.ts';

/**
 * Uploading a file is three steps: a URL is asked for, the bytes are sent there, and the upload is completed,
 * which may share it in a channel or thread: https://docs.slack.dev/messaging/working-with-files
 */

const MAX_SNIPPET_BYTES = 1_000_000;
const MAX_CHANNELS = 100;

const getUploadUrl: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['files:write'],
  run(call, { workspace, uploads, baseUrl }) {
    const name = call.required('filename');
    const length = call.integer('length', 0);
    // An empty file cannot be uploaded: `length` 0 counts as left out.
    if (length <= 0) throw new ApiError('missing_argument');
    if (call.has('snippet_type') && length > MAX_SNIPPET_BYTES) throw new ApiError('snippet_too_large');
    const fileId = workspace.newId('F');
    return { upload_url: baseUrl() + uploads.begin(fileId, name, length), file_id: fileId };
  },
};

const completeUpload: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['files:write'],
  run(call, { workspace, uploads, baseUrl }) {
    const asked = readFiles(call);
    const channels = readChannels(call, workspace);
    if (call.has('thread_ts') && channels.length !== 1) throw new ApiError('invalid_arguments');
    if (call.has('blocks') && call.has('initial_comment')) throw new ApiError('invalid_arguments');
    const blocks = readBlocks(call);
    const threads = channels.map((channel) => resolveThread(workspace, channel, call));
    if (!asked.every(({ id }) => uploads.isReady(id))) throw new ApiError('file_not_found');

    const { bot, now } = workspace.settings;
    const ids = asked.map(({ id, title }) => {
      const upload = uploads.complete(id);
      if (upload === undefined) throw new ApiError('file_not_found');
      workspace.files.set(id, {
        id,
        name: upload.name,
        title: title ?? upload.name,
        mimetype: guessMimetype(upload.name, upload.bytes),
        bytes: upload.bytes,
        user: bot.userId,
        createdAt: now(),
        shares: [],
      });
      return id;
    });
    const content = { text: call.text('initial_comment') ?? '', blocks, attachments: [] };
    channels.forEach((channel, index) => {
      const threadTs = threads[index] ?? null;
      workspace.shareFiles(ids, {
        channel: channel.id,
        threadTs,
        user: bot.userId,
        isFromApp: true,
        ...content,
        files: ids,
        metadata: null,
        isBroadcast: false,
        onlyFor: null,
        ...findLive(content, { parse: 'default', linkNames: false }),
      });
    });
    const files = ids.flatMap((id) => workspace.files.get(id) ?? []);
    return { files: files.map((file) => showFile(file, workspace, baseUrl())) };
  },
};

function readFiles(call: Arguments): readonly { readonly id: string; readonly title: string | undefined }[] {
  const files = call.json('files', 'invalid_arguments');
  if (!Array.isArray(files) || files.length === 0) throw missing('files');
  return files.map((file) => {
    const id = isRecord(file) ? textOf(file, 'id') : undefined;
    if (!isRecord(file) || id === undefined) throw new ApiError('invalid_arguments');
    return { id, title: textOf(file, 'title') };
  });
}

/** Sharing takes membership: chat:write.public does not help here. */
function readChannels(call: Arguments, workspace: Workspace): readonly Channel[] {
  const ids = (call.text('channel_id') ?? call.text('channels') ?? '').split(',').filter((id) => id !== '');
  if (ids.length > MAX_CHANNELS) throw new ApiError('invalid_arguments');
  return ids.map((id) => {
    const channel = findVisible(workspace, id);
    if (channel.isArchived) throw new ApiError('is_archived');
    if (!channel.members.has(workspace.settings.bot.userId)) throw new ApiError('not_in_channel');
    return channel;
  });
}

const filesInfo: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['files:read'],
  run(call, { workspace, baseUrl }) {
    const file = workspace.files.get(call.required('file'));
    if (file === undefined || !canBotRead(file, workspace)) throw new ApiError('file_not_found');
    return { file: showFile(file, workspace, baseUrl()), content_truncated: false };
  },
};

/** The newest first; https://docs.slack.dev/reference/methods/files.list */
const filesList: ApiMethod = {
  token: 'bot',
  tier: 3,
  scopes: ['files:read'],
  run(call, { workspace, baseUrl }) {
    const id = call.text('channel');
    const channel = id === undefined ? undefined : findVisible(workspace, id);
    const count = Number(call.text('count') ?? 100);
    const found = Array.from(workspace.files.values())
      .toReversed()
      .filter((file) => canBotRead(file, workspace))
      .filter((file) => channel === undefined || file.shares.some((share) => share.channel === channel.id))
      .toSorted((a, b) => b.createdAt - a.createdAt);
    return {
      files: found.slice(0, count).map((file) => showFile(file, workspace, baseUrl())),
      paging: { count, total: found.length, page: 1, pages: Math.ceil(found.length / count) },
    };
  },
};

export const fileMethods: Readonly<Record<string, ApiMethod>> = {
  'files.getUploadURLExternal': getUploadUrl,
  'files.completeUploadExternal': completeUpload,
  'files.info': filesInfo,
  'files.list': filesList,
};
