import { listActions } from '../blocks/message-blocks.ts';
import { type Json, recordOf, recordsOf, textOf } from '../json.ts';
import { findLive } from '../workspace/live.ts';
import { formatMessage, type StoredMessage } from '../workspace/message.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { findAnswer, type Occasion, postAnswer } from './answers.ts';
import { escapeText, formatCommandText } from './command-text.ts';
import type { Courier, Delivered, Delivery, ReportFault } from './courier.ts';
import type { ResponseUrls } from './response-urls.ts';
import type { Triggers } from './triggers.ts';

/** What people do: write, type slash commands, press buttons. Payloads as facts/slack.md section 3 has them. */

export interface Saying {
  readonly user: string;
  readonly channel: string;
  readonly text: string;
  readonly threadTs?: string;
}

export interface Commanding {
  readonly user: string;
  readonly channel: string;
  /** With its slash. */
  readonly command: string;
  readonly text: string;
  /** Only to show that Slack refuses commands in threads. */
  readonly threadTs?: string;
}

export interface Clicking {
  readonly user: string;
  readonly channel: string;
  readonly ts: string;
  readonly actionId: string;
  readonly blockId?: string;
  /** What was chosen, for elements with options. */
  readonly values?: readonly string[];
}

export interface CommandOutcome {
  readonly ok: boolean;
  /** `operation_timeout`, `dispatch_failed`, `invalid_command`, `not_in_thread`, `channel_not_found` */
  readonly error: string | null;
  readonly ackMs: number;
  readonly triggerId: string;
  readonly responseUrl: string;
  /** What was answered so far, in the ack and at the response_url. */
  answers(): readonly StoredMessage[];
  /** The same payload once more, as after an ack that was lost. */
  redeliver(): Promise<Delivered>;
}

export interface ClickOutcome {
  readonly ok: boolean;
  readonly error: string | null;
  readonly ackMs: number;
  readonly triggerId: string;
  readonly responseUrl: string;
  answers(): readonly StoredMessage[];
  redeliver(): Promise<Delivered>;
}

interface Means {
  readonly workspace: Workspace;
  readonly triggers: Triggers;
  readonly responseUrls: ResponseUrls;
  readonly courier: Courier;
  readonly baseUrl: () => string;
  readonly report: ReportFault;
}

export class People {
  readonly #means: Means;

  constructor(means: Means) {
    this.#means = means;
  }

  say({ user, channel, text, threadTs }: Saying): StoredMessage {
    const { workspace } = this.#means;
    const content = { text: escapeText(text), blocks: [], attachments: [] };
    return workspace.addMessage({
      channel,
      threadTs: threadTs ?? null,
      user,
      isFromApp: false,
      ...content,
      files: [],
      metadata: null,
      isBroadcast: false,
      onlyFor: null,
      ...findLive(content, { parse: 'full', linkNames: true }),
    });
  }

  async command(typed: Commanding): Promise<CommandOutcome> {
    const { workspace, triggers, responseUrls } = this.#means;
    const { settings } = workspace;
    const channel = workspace.findChannel(typed.channel);
    const user = workspace.users.get(typed.user);
    const entry = settings.commands.find(({ command }) => command === typed.command);
    if (channel === undefined || user === undefined || !workspace.canSee(user.id, channel))
      return this.#failCommand(typed, 'channel_not_found');
    if (entry === undefined) return this.#failCommand(typed, 'invalid_command');
    if (typed.threadTs !== undefined) return this.#failCommand(typed, 'not_in_thread');

    const occasion: Occasion = { user: user.id, channel: channel.id, original: null, answers: [] };
    const triggerId = triggers.make(user.id);
    const responseUrl = responseUrls.issue(this.#means.baseUrl(), 'commands', occasion);
    const delivery: Delivery = {
      kind: 'slash_commands',
      acceptsResponse: true,
      payload: {
        token: 'local-verification-token',
        team_id: settings.team.id,
        team_domain: settings.team.domain,
        channel_id: channel.id,
        channel_name: nameInPayload(channel),
        user_id: user.id,
        user_name: user.name,
        command: typed.command,
        text: formatCommandText(typed.text, entry.shouldEscape, workspace),
        api_app_id: settings.bot.appId,
        is_enterprise_install: 'false',
        response_url: responseUrl,
        trigger_id: triggerId,
      },
    };
    const delivered = await this.#means.courier.deliver(delivery);
    if (delivered.ok) this.#answerInAck(occasion, typed, delivered.body);
    else this.#tellFailure(typed, delivered.error);
    return {
      ...this.#outcome(delivered, occasion, delivery),
      triggerId,
      responseUrl,
    };
  }

  #answerInAck(occasion: Occasion, typed: Commanding, body: Json): void {
    if (Object.keys(body).length === 0) return;
    if (body.response_type === 'in_channel')
      this.say({ user: typed.user, channel: typed.channel, text: `${typed.command} ${typed.text}`.trim() });
    const error = postAnswer(this.#means.workspace, occasion, body);
    if (error !== null) this.#means.report('ack', error, body);
  }

  #failCommand(typed: Commanding, error: string): CommandOutcome {
    this.#tellFailure(typed, error);
    return {
      ok: false,
      error,
      ackMs: 0,
      triggerId: '',
      responseUrl: '',
      answers: () => [],
      redeliver: () => Promise.resolve({ ok: false, error: 'dispatch_failed' }),
    };
  }

  #tellFailure({ user, channel, command, text }: Commanding, error: string): void {
    this.#means.workspace.tell({ type: 'command_failed', user, channel, command, text, error });
  }

  async click(pressed: Clicking): Promise<ClickOutcome> {
    const { workspace, triggers, responseUrls, courier } = this.#means;
    const channel = workspace.findChannel(pressed.channel);
    const user = workspace.users.get(pressed.user);
    if (channel === undefined || user === undefined || !workspace.canSee(user.id, channel))
      return this.#failClick(pressed, 'channel_not_found');
    const message =
      workspace.findMessage(channel.id, pressed.ts) ?? workspace.findEphemeral(user.id, pressed.ts);
    if (message === undefined) return this.#failClick(pressed, 'message_not_found');
    const found = findAction(message, pressed);
    if (found === undefined) return this.#failClick(pressed, 'action_not_found');

    const occasion: Occasion = {
      user: user.id,
      channel: channel.id,
      original: { ts: message.ts, onlyFor: message.onlyFor },
      answers: [],
    };
    const triggerId = triggers.make(user.id);
    const responseUrl = responseUrls.issue(this.#means.baseUrl(), 'actions', occasion);
    const { bot, team } = workspace.settings;
    const isEphemeral = message.onlyFor !== null;
    const app = { teamId: team.id, botId: bot.botId, appId: bot.appId };
    const delivery: Delivery = {
      kind: 'interactive',
      acceptsResponse: false,
      payload: {
        type: 'block_actions',
        user: { id: user.id, username: user.name, name: user.name, team_id: user.teamId ?? team.id },
        api_app_id: bot.appId,
        token: 'local-verification-token',
        container: {
          type: 'message',
          message_ts: message.ts,
          channel_id: channel.id,
          is_ephemeral: isEphemeral,
          ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
        },
        trigger_id: triggerId,
        team: { id: team.id, domain: team.domain },
        enterprise: null,
        is_enterprise_install: false,
        channel: { id: channel.id, name: nameInPayload(channel) },
        // Slack leaves the message out where only one person sees it.
        ...(isEphemeral
          ? {}
          : { message: formatMessage(message, app, workspace.listReplies(channel.id, message.ts)) }),
        state: { values: {} },
        response_url: responseUrl,
        actions: [formatAction(found.action, found.blockId, pressed.values ?? [], workspace.nextTs())],
      },
    };
    const delivered = await courier.deliver(delivery);
    if (!delivered.ok) this.#tellClickFailure(pressed, delivered.error);
    return { ...this.#outcome(delivered, occasion, delivery), triggerId, responseUrl };
  }

  #outcome(delivered: Delivered, occasion: Occasion, delivery: Delivery) {
    const { workspace, courier } = this.#means;
    return {
      ok: delivered.ok,
      error: delivered.ok ? null : delivered.error,
      ackMs: delivered.ok ? delivered.ackMs : 0,
      answers: () => occasion.answers.flatMap((answer) => findAnswer(workspace, occasion, answer) ?? []),
      redeliver: () => courier.deliver(delivery),
    };
  }

  #failClick(pressed: Clicking, error: string): ClickOutcome {
    this.#tellClickFailure(pressed, error);
    return {
      ok: false,
      error,
      ackMs: 0,
      triggerId: '',
      responseUrl: '',
      answers: () => [],
      redeliver: () => Promise.resolve({ ok: false, error: 'dispatch_failed' }),
    };
  }

  #tellClickFailure({ user, channel, ts, actionId }: Clicking, error: string): void {
    this.#means.workspace.tell({ type: 'click_failed', user, channel, ts, actionId, error });
  }
}

/** In payloads only public channels have their name. */
function nameInPayload(channel: Channel): string {
  return { public: channel.name, private: 'privategroup', im: 'directmessage' }[channel.kind];
}

function findAction(
  message: StoredMessage,
  pressed: Clicking,
): { readonly action: Json; readonly blockId: string } | undefined {
  for (const block of message.blocks) {
    const blockId = textOf(block, 'block_id') ?? '';
    if (pressed.blockId !== undefined && pressed.blockId !== blockId) continue;
    for (const { action } of listActions(block, '')) {
      if (action.action_id === pressed.actionId) return { action, blockId };
    }
  }
  return undefined;
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
