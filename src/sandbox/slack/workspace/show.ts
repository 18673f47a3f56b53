import { extname } from 'node:path';
import type { Json } from '../json.ts';
import { formatMessage, type StoredMessage } from './message.ts';
import type { StoredFile, Workspace } from './workspace.ts';

/** Messages and files as the Web API and payloads show them to the app. */

export function showMessage(message: StoredMessage, workspace: Workspace, baseUrl: string): Json {
  const { bot, team } = workspace.settings;
  const files = message.files.flatMap((id) => workspace.files.get(id) ?? []);
  return formatMessage(
    message,
    { teamId: team.id, botId: bot.botId, appId: bot.appId, name: bot.name },
    message.onlyFor === null ? workspace.listReplies(message.channel, message.ts) : [],
    files.map((file) => (file.isBare === true ? showBare(file) : showContent(file, workspace, baseUrl))),
  );
}

/** Its own files, and those in channels it is in or that are public. */
export function canBotRead(file: StoredFile, workspace: Workspace): boolean {
  const bot = workspace.settings.bot.userId;
  return (
    file.user === bot ||
    file.shares.some((share) => {
      const channel = workspace.findChannel(share.channel);
      return channel?.kind === 'public' || channel?.members.has(bot) === true;
    })
  );
}

/** As messages have files in channels shared with others: files.info knows the rest (docs.slack.dev, Slack Connect). */
function showBare({ id }: StoredFile): Json {
  return { id, mode: 'file_access', file_access: 'check_file_info', created: 0, timestamp: 0, user: '' };
}

/** As messages have it: where else it was shared is not said. */
function showContent(file: StoredFile, workspace: Workspace, baseUrl: string): Json {
  const { settings } = workspace;
  const address = `${baseUrl}/files-pri/${settings.team.id}-${file.id}`;
  const name = encodeURIComponent(file.name);
  return {
    id: file.id,
    created: Math.floor(file.createdAt / 1_000),
    timestamp: Math.floor(file.createdAt / 1_000),
    name: file.name,
    title: file.title,
    mimetype: file.mimetype,
    filetype: extname(file.name).slice(1) || 'text',
    pretty_type: '',
    user: file.user,
    user_team: settings.team.id,
    editable: false,
    size: file.bytes.byteLength,
    mode: 'hosted',
    is_external: false,
    external_type: '',
    is_public: file.shares.some((share) => workspace.findChannel(share.channel)?.kind === 'public'),
    public_url_shared: false,
    display_as_bot: false,
    username: '',
    url_private: `${address}/${name}`,
    url_private_download: `${address}/download/${name}`,
    permalink: `${baseUrl}/files/${file.user}/${file.id}/${name}`,
  };
}

/** As the Web API has it. */
export function showFile(file: StoredFile, workspace: Workspace, baseUrl: string): Json {
  const shares: Record<string, Record<string, Json[]>> = {};
  for (const share of file.shares) {
    const kind = workspace.findChannel(share.channel)?.kind === 'public' ? 'public' : 'private';
    shares[kind] ??= {};
    shares[kind][share.channel] ??= [];
    shares[kind][share.channel]?.push({
      ts: share.ts,
      ...(share.threadTs === null ? {} : { thread_ts: share.threadTs }),
    });
  }
  const hidden = Object.keys(shares.private ?? {});
  return {
    ...showContent(file, workspace, baseUrl),
    shares,
    channels: Object.keys(shares.public ?? {}),
    groups: hidden.filter((id) => workspace.findChannel(id)?.kind !== 'im'),
    ims: hidden.filter((id) => workspace.findChannel(id)?.kind === 'im'),
  };
}
