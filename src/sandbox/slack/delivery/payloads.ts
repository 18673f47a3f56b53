import type { FormState } from '../interactivity/form.ts';
import type { Json } from '../json.ts';
import type { UserOption } from '../options.ts';
import type { StoredMessage } from '../workspace/message.ts';
import { showMessage } from '../workspace/show.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';

/** What the app is sent, field by field as facts/slack.md section 3 has it. */

/** Where the app may answer, and open a modal. */
export interface Handles {
  readonly triggerId: string;
  readonly responseUrl: string;
}

export const VERIFICATION_TOKEN = 'local-verification-token';

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
  readonly element: Json;
  readonly blockId: string;
  /** As `state.values` has it; null for buttons. */
  readonly chosen: Json | null;
  readonly state: FormState;
}

export function formatClickPayload(
  source: ClickSource,
  handles: Handles,
  workspace: Workspace,
  baseUrl: string,
): Json {
  const { user, channel, message } = source;
  const { team, bot } = workspace.settings;
  const isEphemeral = message.onlyFor !== null;
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
    ...(isEphemeral ? {} : { message: showMessage(message, workspace, baseUrl) }),
    state: { values: source.state },
    response_url: handles.responseUrl,
    actions: [formatAction(source.element, source.blockId, source.chosen, workspace.nextTs())],
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
export function nameInPayload(channel: Channel): string {
  return { public: channel.name, private: 'privategroup', im: 'directmessage' }[channel.kind];
}

/** One of `actions`: `chosen` is what `state.values` has of it, null for a button. */
export function formatAction(element: Json, blockId: string, chosen: Json | null, actionTs: string): Json {
  const kept = element.type === 'button' ? ['text', 'value', 'style'] : ['placeholder', 'initial_option'];
  return {
    type: element.type,
    action_id: element.action_id,
    block_id: blockId,
    ...Object.fromEntries(
      kept.flatMap((name) => (element[name] === undefined ? [] : [[name, element[name]]])),
    ),
    ...chosen,
    action_ts: actionTs,
  };
}
