import { isRecord, textOf } from '../json.ts';
import { guessMimetype } from '../workspace/file-transfer.ts';
import { findLive } from '../workspace/live.ts';
import { canBotRead, showFile } from '../workspace/show.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { ApiError, type Arguments, missing, refuseArguments } from './api-call.ts';
import { resolveThread } from './chat.ts';
import { type ApiMethod, findVisible } from './method.ts';

/**
 * Uploading a file is three steps: a URL is asked for, the bytes are sent there, and the upload is completed,
 * which may share it in a channel or thread: https://docs.slack.dev/messaging/working-with-files
 */

const getUploadUrl: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['files:write'],
  takes: ['filename', 'length'],
  run(call, { workspace, uploads, baseUrl }) {
    const name = call.required('filename');
    const length = call.integer('length', 0);
    // An empty file cannot be uploaded: `length` 0 counts as left out.
    if (length <= 0) throw new ApiError('missing_argument');
    const fileId = workspace.newId('F');
    return { upload_url: baseUrl() + uploads.begin(fileId, name, length), file_id: fileId };
  },
};

/** The answer comes first, the message with the file later: `shares` is empty until then. */
const completeUpload: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['files:write'],
  takes: ['files', 'channel_id', 'thread_ts', 'initial_comment'],
  run(call, { workspace, uploads, baseUrl }) {
    const asked = readFiles(call);
    const channel = readChannel(call, workspace);
    if (call.has('thread_ts') && channel === null)
      throw refuseArguments('[ERROR] thread_ts needs channel_id');
    const threadTs = channel === null ? null : resolveThread(workspace, channel, call);
    if (!asked.every(({ id }) => uploads.isReady(id))) throw new ApiError('file_not_found');

    const { bot, now, pace } = workspace.settings;
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
    const content = { text: call.text('initial_comment') ?? '', blocks: [] };
    if (channel !== null)
      setTimeout(() => {
        workspace.shareFiles(ids, {
          channel: channel.id,
          threadTs,
          user: bot.userId,
          isFromApp: true,
          ...content,
          files: ids,
          metadata: null,
          onlyFor: null,
          ...findLive(content, { parse: 'default', linkNames: false }),
        });
      }, pace.fileShareMs).unref();
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
function readChannel(call: Arguments, workspace: Workspace): Channel | null {
  const id = call.text('channel_id');
  if (id === undefined) return null;
  // bolt-js#2115
  if (!/^[CGDZ][A-Z0-9]{8,}$/.test(id))
    throw refuseArguments('[ERROR] must match pattern: ^[CGDZ][A-Z0-9]{8,}$ [json-pointer:/channel_id]');
  const channel = findVisible(workspace, id);
  if (channel.isArchived) throw new ApiError('is_archived');
  if (!channel.members.has(workspace.settings.bot.userId)) throw new ApiError('not_in_channel');
  return channel;
}

const filesInfo: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: ['files:read'],
  takes: ['file'],
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
  takes: ['channel', 'count'],
  run(call, { workspace, baseUrl }) {
    const id = call.text('channel');
    const channel = id === undefined ? undefined : findVisible(workspace, id);
    const count = call.integer('count', 100);
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
