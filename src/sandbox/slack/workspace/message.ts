import type { Json } from '../json.ts';

/** A message as the workspace keeps it: Slack's raw text, the blocks as sent plus the ids Slack adds. */
export interface StoredMessage {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs: string | null;
  readonly user: string;
  /** Written by the app rather than by a person. */
  readonly isFromApp: boolean;
  readonly text: string;
  readonly blocks: readonly Json[];
  readonly files: readonly string[];
  readonly metadata: Json | null;
  /** Null in a channel; else the only person who sees it. */
  readonly onlyFor: string | null;
  /** Unix milliseconds of the last edit. */
  readonly editedAt: number | null;
  /** How many times it was edited. */
  readonly edits: number;
  /** What in it would notify people: empty is what output of hosts must leave it. */
  readonly pings: readonly LivePart[];
  /** What else in it would come alive: links, channels, dates. */
  readonly links: readonly LivePart[];
}

/** A part of a message that Slack makes more than text of. */
export interface LivePart {
  /** `broadcast`, `user` and `usergroup` notify people; `channel`, `link` and `date` can only be clicked. */
  readonly kind: 'broadcast' | 'user' | 'usergroup' | 'channel' | 'link' | 'date';
  readonly value: string;
  /** Where, as a JSON pointer into the message. */
  readonly at: string;
}

/** The message as the Web API and payloads show it. */
export function formatMessage(
  message: StoredMessage,
  app: AppIdentity,
  thread: readonly StoredMessage[],
  files: readonly Json[],
): Json {
  const repliers = Array.from(new Set(thread.map((reply) => reply.user)));
  return {
    type: 'message',
    user: message.user,
    ts: message.ts,
    text: message.text,
    team: app.teamId,
    ...(message.isFromApp ? { bot_id: app.botId, app_id: app.appId, bot_profile: formatProfile(app) } : {}),
    ...(message.blocks.length > 0 ? { blocks: message.blocks } : {}),
    ...(files.length > 0 ? { files, upload: !message.isFromApp } : {}),
    ...(message.metadata === null ? {} : { metadata: message.metadata }),
    ...(message.editedAt === null
      ? {}
      : { edited: { user: message.user, ts: `${Math.floor(message.editedAt / 1000)}.000000` } }),
    ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
    ...(thread.length > 0
      ? {
          thread_ts: message.ts,
          reply_count: thread.length,
          reply_users: repliers,
          reply_users_count: repliers.length,
          latest_reply: thread.at(-1)?.ts,
        }
      : {}),
  };
}

function formatProfile({ botId, appId, teamId, name }: AppIdentity): Json {
  return { id: botId, deleted: false, name, updated: 0, app_id: appId, icons: {}, team_id: teamId };
}

export interface AppIdentity {
  readonly teamId: string;
  readonly botId: string;
  readonly appId: string;
  readonly name: string;
}
