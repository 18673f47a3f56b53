import type { FormState } from '../interactivity/form.ts';
import type { Json } from '../json.ts';
import type { Settings, UserOption } from '../options.ts';
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

/** What all interaction payloads begin with. `team` is the app's own; the person may be at home in another. */
export function formatSender(type: string, user: UserOption, { team, bot, enterprise }: Settings): Json {
  return {
    type,
    team: {
      id: team.id,
      domain: team.domain,
      ...(enterprise === null ? {} : { enterprise_id: enterprise.id, enterprise_name: enterprise.name }),
    },
    user: {
      id: user.id,
      ...formatNames(type, user.name),
      team_id: homeOf(user, team.id),
    },
    // Shortcuts do not say whose they are.
    ...(isShortcut(type) ? {} : { api_app_id: bot.appId }),
    token: VERIFICATION_TOKEN,
    enterprise,
    is_enterprise_install: false,
  };
}

function isShortcut(type: string): boolean {
  return type === 'shortcut' || type === 'message_action';
}

/** A person's name under two keys, but for shortcuts, which have one each. */
function formatNames(type: string, name: string): Json {
  if (type === 'message_action') return { name };
  return type === 'shortcut' ? { username: name } : { username: name, name };
}

/** A form that was sent names the workspace of who sent it (bolt-js#1614, #1720): the app's stands in its view. */
export function formatFormSender(user: UserOption, settings: Settings): Json {
  const { team } = settings;
  const id = homeOf(user, team.id);
  const sender = formatSender('view_submission', user, settings);
  return id === team.id ? sender : { ...sender, team: { id, domain: id.toLowerCase() } };
}

function homeOf({ teamId, homeTeamId }: UserOption, here: string): string {
  return teamId ?? homeTeamId ?? here;
}

export interface CommandSource {
  readonly user: UserOption;
  readonly channel: Channel;
  readonly command: string;
  readonly text: string;
}

export function formatCommandPayload(source: CommandSource, handles: Handles, workspace: Workspace): Json {
  const { team, bot, enterprise } = workspace.settings;
  return {
    token: VERIFICATION_TOKEN,
    team_id: team.id,
    team_domain: team.domain,
    ...(enterprise === null ? {} : { enterprise_id: enterprise.id, enterprise_name: enterprise.name }),
    channel_id: source.channel.id,
    channel_name: nameInPayload(source.channel),
    user_id: source.user.id,
    user_name: source.user.name,
    command: source.command,
    text: formatCommandText(source.text, source.user.id, workspace),
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
  const isEphemeral = message.onlyFor !== null;
  return {
    ...formatSender('block_actions', user, workspace.settings),
    container: {
      type: 'message',
      message_ts: message.ts,
      channel_id: channel.id,
      is_ephemeral: isEphemeral,
      ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
    },
    trigger_id: handles.triggerId,
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
 * What was typed, with its backticks. Whether Slack encodes `& < >` without `should_escape` nobody says: both are
 * an option. Private channels that the person is in arrive as mentions whatever the manifest says, named by id
 * alone (docs.slack.dev changelog, March 2022).
 */
function formatCommandText(text: string, user: string, workspace: Workspace): string {
  const typed = workspace.settings.slashText === 'entities' ? escapeText(text) : text;
  return typed.replaceAll(/(?<!\S)#([\w-]+)/g, (word, name: string) => {
    const channel = workspace.listChannels().find((each) => each.kind === 'private' && each.name === name);
    return channel?.members.has(user) === true ? `<#${channel.id}|>` : word;
  });
}

/** In payloads only public channels have their name. */
export function nameInPayload(channel: Channel): string {
  return { public: channel.name, private: 'privategroup', im: 'directmessage' }[channel.kind];
}

/** One of `actions`: `chosen` is what `state.values` has of it, null for a button. */
export function formatAction(element: Json, blockId: string, chosen: Json | null, actionTs: string): Json {
  const kept = element.type === 'button' ? ['text', 'value', 'style'] : ['placeholder'];
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
