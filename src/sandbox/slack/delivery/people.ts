import { type Occasion, postAnswer } from '../handles/answers.ts';
import { type FormElement, fillElement, findElement, startForm } from '../interactivity/form.ts';
import { placeOfMessage } from '../interactivity/suggestions.ts';
import type { Json } from '../json.ts';
import { guessMimetype } from '../workspace/file-transfer.ts';
import { findLive } from '../workspace/live.ts';
import type { StoredMessage } from '../workspace/message.ts';
import type { Delivered, Delivery } from './courier.ts';
import { findPresent, listAnswers, type Means, makeOutcome, type Outcome, undelivered } from './outcome.ts';
import { escapeText, formatClickPayload, formatCommandPayload, type Handles } from './payloads.ts';

/** What people do in channels: write, share files, type slash commands, press buttons. */

export interface Saying {
  readonly user: string;
  readonly channel: string;
  readonly text: string;
  readonly threadTs?: string;
}

export interface Uploading {
  readonly user: string;
  readonly channel: string;
  readonly name: string;
  readonly content: string | Uint8Array;
  /** What is said with it. */
  readonly text?: string;
  readonly threadTs?: string;
  /** As in channels shared with others: messages name the file by its id alone. */
  readonly isBare?: boolean;
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

export class People {
  readonly #means: Means;

  constructor(means: Means) {
    this.#means = means;
  }

  say({ user, channel, text, threadTs }: Saying): StoredMessage {
    const { workspace } = this.#means;
    const content = { text: escapeText(text), blocks: [] };
    return workspace.addMessage({
      channel,
      threadTs: threadTs ?? null,
      user,
      isFromApp: false,
      ...content,
      files: [],
      metadata: null,
      onlyFor: null,
      ...findLive(content, { parse: 'full', linkNames: true }),
    });
  }

  /** Shares a file in a channel, as one message. */
  upload({ user, channel, name, content, text = '', threadTs, isBare = false }: Uploading): StoredMessage {
    const { workspace } = this.#means;
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const id = workspace.newId('F');
    const mimetype = guessMimetype(name, bytes);
    const createdAt = workspace.settings.now();
    workspace.files.set(id, { id, name, title: name, mimetype, bytes, user, createdAt, isBare, shares: [] });
    const said = { text: escapeText(text), blocks: [] };
    return workspace.shareFiles([id], {
      channel,
      threadTs: threadTs ?? null,
      user,
      isFromApp: false,
      ...said,
      files: [id],
      metadata: null,
      onlyFor: null,
      ...findLive(said, { parse: 'full', linkNames: true }),
    });
  }

  async command(typed: Commanding): Promise<Outcome> {
    const { workspace, triggers, responseUrls } = this.#means;
    const channel = workspace.findChannel(typed.channel);
    const user = findPresent(workspace, typed.user);
    const entry = workspace.settings.commands.find(({ command }) => command === typed.command);
    if (channel === undefined || user === undefined || !workspace.canSee(user.id, channel))
      return this.#failCommand(typed, 'channel_not_found');
    // In shared channels the other workspace's people do not have our commands.
    const isElsewhere = user.teamId !== undefined || user.isOnlyThere === true;
    if (entry === undefined || isElsewhere) return this.#failCommand(typed, 'invalid_command');
    if (typed.threadTs !== undefined) return this.#failCommand(typed, 'not_in_thread');

    const occasion: Occasion = { user: user.id, channel: channel.id, original: null, answers: [] };
    const handles: Handles = {
      triggerId: triggers.make(user.id, channel.id),
      responseUrl: responseUrls.issue(this.#means.baseUrl(), 'commands', occasion),
    };
    const { command, text } = typed;
    const source = { user, channel, command, text };
    const delivery: Delivery = {
      kind: 'slash_commands',
      acceptsResponse: true,
      payload: formatCommandPayload(source, handles, workspace),
    };
    const delivered = await this.#means.courier.deliver(delivery);
    if (delivered.ok) this.#answerInAck(occasion, typed, delivered.body);
    else this.#tellFailure(typed, delivered.error);
    return this.#outcome(delivered, occasion, delivery, handles);
  }

  #answerInAck(occasion: Occasion, typed: Commanding, body: Json): void {
    if (Object.keys(body).length === 0) return;
    if (body.response_type === 'in_channel')
      this.say({ user: typed.user, channel: typed.channel, text: `${typed.command} ${typed.text}`.trim() });
    const fault = postAnswer(this.#means.workspace, occasion, body);
    if (fault !== null) this.#means.report('ack', fault.error, body, fault.details);
  }

  #failCommand(typed: Commanding, error: string): Outcome {
    this.#tellFailure(typed, error);
    return undelivered(error);
  }

  #tellFailure({ user, channel, command, text }: Commanding, error: string): void {
    this.#means.workspace.tell({ type: 'command_failed', user, channel, command, text, error });
  }

  async click(pressed: Clicking): Promise<Outcome> {
    const { workspace, triggers, responseUrls, courier } = this.#means;
    const channel = workspace.findChannel(pressed.channel);
    const user = findPresent(workspace, pressed.user);
    if (channel === undefined || user === undefined || !workspace.canSee(user.id, channel))
      return this.#failClick(pressed, 'channel_not_found');
    const message =
      workspace.findMessage(channel.id, pressed.ts) ?? workspace.findEphemeral(user.id, pressed.ts);
    if (message === undefined) return this.#failClick(pressed, 'message_not_found');
    const found = findElement(message.blocks, pressed);
    if (found === undefined) return this.#failClick(pressed, 'action_not_found');
    const chosen = this.#choose(message, found, pressed.values);
    if (typeof chosen === 'string') return this.#failClick(pressed, chosen);
    if (!workspace.settings.isInteractive) return this.#failClick(pressed, 'not_interactive');

    const occasion: Occasion = {
      user: user.id,
      channel: channel.id,
      original: { ts: message.ts, onlyFor: message.onlyFor },
      answers: [],
    };
    const handles: Handles = {
      triggerId: triggers.make(user.id, channel.id),
      responseUrl: responseUrls.issue(this.#means.baseUrl(), 'actions', occasion),
    };
    const { element, blockId, actionId } = found;
    const before = startForm(message.blocks, () => null, {});
    const state =
      chosen === null ? before : { ...before, [blockId]: { ...before[blockId], [actionId]: chosen } };
    const source = { user, channel, message, element, blockId, chosen, state };
    const delivery: Delivery = {
      kind: 'interactive',
      acceptsResponse: false,
      payload: formatClickPayload(source, handles, workspace, this.#means.baseUrl()),
    };
    const delivered = await courier.deliver(delivery);
    if (!delivered.ok) this.#tellClickFailure(pressed, delivered.error);
    return this.#outcome(delivered, occasion, delivery, handles);
  }

  /** Null for buttons; a string where nobody could have chosen this. */
  #choose(
    message: StoredMessage,
    found: FormElement,
    values: readonly string[] | undefined,
  ): Json | string | null {
    if (found.element.type === 'button') return null;
    return fillElement(found, values ?? [], {
      suggested: (blockId, actionId) => this.#means.offered.list(placeOfMessage(message), blockId, actionId),
      offersConversation: () => false,
    });
  }

  #outcome(delivered: Delivered, occasion: Occasion, delivery: Delivery, handles: Handles): Outcome {
    const { workspace, courier } = this.#means;
    return makeOutcome(
      delivered,
      handles,
      () => listAnswers(workspace, occasion),
      () => courier.deliver(delivery),
    );
  }

  #failClick(pressed: Clicking, error: string): Outcome {
    this.#tellClickFailure(pressed, error);
    return undelivered(error);
  }

  #tellClickFailure({ user, channel, ts, actionId }: Clicking, error: string): void {
    this.#means.workspace.tell({ type: 'click_failed', user, channel, ts, actionId, error });
  }
}
