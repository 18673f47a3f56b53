import { type Json, recordOf, recordsOf, textOf } from '../json.ts';
import type { UserOption } from '../options.ts';
import { formatMessage, type StoredMessage } from '../workspace/message.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';

/** What the app is sent, field by field as facts/slack.md section 3 has it. */

/** Where the app may answer, and open a modal. */
export interface Handles {
  readonly triggerId: string;
  readonly responseUrl: string;
}

const VERIFICATION_TOKEN = 'local-verification-token';

export interface CommandSource {
  readonly user: UserOption;
  readonly channel: Channel;
  readonly command: string;
  readonly text: string;
  readonly shouldEscape: boolean;
}

export function formatCommandPayload(source: CommandSource, handles: Handles, workspace: Workspace): Json {
  const { team, bot } = workspace.settings;
  return {
    token: VERIFICATION_TOKEN,
    team_id: team.id,
    team_domain: team.domain,
    channel_id: source.channel.id,
    channel_name: nameInPayload(source.channel),
    user_id: source.user.id,
    user_name: source.user.name,
    command: source.command,
    text: formatCommandText(source.text, source.shouldEscape, workspace),
    api_app_id: bot.appId,
    is_enterprise_install: 'false',
    response_url: handles.responseUrl,
    trigger_id: handles.triggerId,
  };
}

export interface ClickSource {
  readonly user: UserOption;
  readonly channel: Channel;
  readonly message: StoredMessage;
  readonly action: Json;
  readonly blockId: string;
  readonly values: readonly string[];
}

export function formatClickPayload(source: ClickSource, handles: Handles, workspace: Workspace): Json {
  const { user, channel, message } = source;
  const { team, bot } = workspace.settings;
  const isEphemeral = message.onlyFor !== null;
  const app = { teamId: team.id, botId: bot.botId, appId: bot.appId };
  return {
    type: 'block_actions',
    user: { id: user.id, username: user.name, name: user.name, team_id: user.teamId ?? team.id },
    api_app_id: bot.appId,
    token: VERIFICATION_TOKEN,
    container: {
      type: 'message',
      message_ts: message.ts,
      channel_id: channel.id,
      is_ephemeral: isEphemeral,
      ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
    },
    trigger_id: handles.triggerId,
    team: { id: team.id, domain: team.domain },
    enterprise: null,
    is_enterprise_install: false,
    channel: { id: channel.id, name: nameInPayload(channel) },
    // Slack leaves the message out where only one person sees it.
    ...(isEphemeral
      ? {}
      : { message: formatMessage(message, app, workspace.listReplies(channel.id, message.ts)) }),
    state: { values: {} },
    response_url: handles.responseUrl,
    actions: [formatAction(source.action, source.blockId, source.values, workspace.nextTs())],
  };
}

/** The three characters Slack escapes in what people write. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * With `should_escape` names, channels and addresses arrive as `<@U…>`, `<#C…|name>` and `<http://…>`, else the
 * text is what was typed (facts/slack.md section 3; a real workspace has the last word).
 */
export function formatCommandText(text: string, shouldEscape: boolean, workspace: Workspace): string {
  if (!shouldEscape) return text;
  return escapeText(text)
    .replaceAll(/https?:\/\/\S+/g, (address) => `<${address}>`)
    .replaceAll(/(?<!\S)@([\w.-]+)/g, (typed, name: string) => {
      const user = Array.from(workspace.users.values()).find((each) => each.name === name);
      return user === undefined ? typed : `<@${user.id}|${user.name}>`;
    })
    .replaceAll(/(?<!\S)#([\w-]+)/g, (typed, name: string) => {
      const channel = workspace.listChannels().find((each) => each.name === name);
      if (channel === undefined) return typed;
      return channel.kind === 'public' ? `<#${channel.id}|${channel.name}>` : `<#${channel.id}|>`;
    });
}

/** In payloads only public channels have their name. */
function nameInPayload(channel: Channel): string {
  return { public: channel.name, private: 'privategroup', im: 'directmessage' }[channel.kind];
}

function formatAction(action: Json, blockId: string, values: readonly string[], actionTs: string): Json {
  const common = {
    type: action.type,
    action_id: action.action_id,
    block_id: blockId,
    action_ts: actionTs,
  };
  if (action.type === 'button') {
    const { text, value, style } = action;
    return {
      ...common,
      text,
      ...(value === undefined ? {} : { value }),
      ...(style === undefined ? {} : { style }),
    };
  }
  const groups = recordsOf(action, 'option_groups').flatMap((group) => recordsOf(group, 'options'));
  const chosen = [...recordsOf(action, 'options'), ...groups].filter((option) =>
    values.includes(textOf(option, 'value') ?? ''),
  );
  const isMany = action.type === 'checkboxes' || String(action.type).startsWith('multi_');
  return {
    ...common,
    ...(isMany
      ? { selected_options: chosen }
      : { selected_option: chosen[0] ?? recordOf(action, 'initial_option') ?? null }),
  };
}
