import type { StoredView, ViewStore } from '../interactivity/view-store.ts';
import { recordOf, recordsOf, textOf } from '../json.ts';
import type {
  PageChannel,
  PageEvent,
  PageFile,
  PageMessage,
  PageState,
  PageSurface,
  PageUser,
} from '../page-api.ts';
import type { StoredMessage } from '../workspace/message.ts';
import type { Channel, Workspace, WorkspaceEvent } from '../workspace/workspace.ts';

/** What one person sees of the workspace, in the shapes of the page's API. */

const FAILURES: Readonly<Record<string, (command: string) => string>> = {
  invalid_command: (command) => `${command} is not a valid command.`,
  not_in_thread: (command) => `${command} is not supported in threads. Sorry!`,
};

/** Slackbot's words for a command that did not come through. */
export function describeFailure(command: string, error: string): string {
  return FAILURES[error]?.(command) ?? `${command} failed with the error "${error}"`;
}

export class PageView {
  readonly #workspace: Workspace;
  readonly #views: ViewStore;
  readonly #user: string;

  constructor(workspace: Workspace, views: ViewStore, user: string) {
    this.#workspace = workspace;
    this.#views = views;
    this.#user = user;
  }

  sees(channelId: string): boolean {
    const channel = this.#workspace.findChannel(channelId);
    return channel !== undefined && this.#workspace.canSee(this.#user, channel);
  }

  showState(): PageState {
    const { settings, users } = this.#workspace;
    const everyone = Array.from(
      users.values(),
      ({ id, name, realName, isBot }): PageUser => ({
        id,
        name,
        realName: realName ?? name,
        isBot: isBot ?? false,
      }),
    );
    const stranger = { id: this.#user, name: this.#user, realName: this.#user, isBot: false };
    return {
      team: settings.team,
      me: everyone.find(({ id }) => id === this.#user) ?? stranger,
      users: everyone,
      channels: this.#workspace
        .listChannels()
        .filter((channel) => this.#workspace.canSee(this.#user, channel))
        .map((channel) => this.#showChannel(channel)),
      commands: settings.commands.map(({ command, description, usageHint }) => ({
        command,
        description,
        usageHint,
      })),
      app: {
        userId: settings.bot.userId,
        name: settings.bot.name,
        hasHomeTab: settings.app.hasHomeTab,
        shortcuts: settings.app.shortcuts,
      },
      modal: this.#showModal(),
      home: this.#showHome(),
    };
  }

  #showModal(): PageSurface | null {
    const modal = this.#views.modal(this.#user);
    return modal === undefined ? null : showSurface(modal);
  }

  #showHome(): PageSurface | null {
    const home = this.#views.home(this.#user);
    return home === undefined ? null : showSurface(home);
  }

  #showChannel(channel: Channel): PageChannel {
    const other = Array.from(channel.members).find((member) => member !== this.#user) ?? this.#user;
    return {
      id: channel.id,
      name: channel.kind === 'im' ? (this.#workspace.users.get(other)?.name ?? other) : channel.name,
      kind: channel.kind,
      topic: channel.topic,
      isMember: channel.members.has(this.#user),
      botIsMember: channel.members.has(this.#workspace.settings.bot.userId),
      isArchived: channel.isArchived,
    };
  }

  listRoots(channelId: string): readonly PageMessage[] {
    const roots = this.#workspace.listMessages(channelId).filter((message) => message.threadTs === null);
    return this.#showInOrder([...roots, ...this.#listEphemerals(channelId, null)]);
  }

  /** Undefined where there is no such root message. */
  listThread(channelId: string, rootTs: string): readonly PageMessage[] | undefined {
    const root = this.#workspace.findMessage(channelId, rootTs);
    if (root === undefined) return undefined;
    const replies = this.#workspace.listReplies(channelId, rootTs);
    return [
      this.showMessage(root),
      ...this.#showInOrder([...replies, ...this.#listEphemerals(channelId, rootTs)]),
    ];
  }

  #listEphemerals(channelId: string, threadTs: string | null): readonly StoredMessage[] {
    return this.#workspace
      .listEphemerals(this.#user)
      .filter((message) => message.channel === channelId && message.threadTs === threadTs);
  }

  #showInOrder(messages: readonly StoredMessage[]): readonly PageMessage[] {
    return messages
      .toSorted((one, other) => (one.ts < other.ts ? -1 : 1))
      .map((message) => this.showMessage(message));
  }

  showMessage(message: StoredMessage): PageMessage {
    const replies = message.onlyFor === null ? this.#workspace.listReplies(message.channel, message.ts) : [];
    return {
      channel: message.channel,
      ts: message.ts,
      threadTs: message.threadTs,
      user: message.user,
      text: message.text,
      blocks: message.blocks,
      files: message.files.flatMap((id) => this.#showFile(id)),
      isEphemeral: message.onlyFor !== null,
      isEdited: message.editedAt !== null && message.blocks.length === 0,
      replyCount: replies.length,
      replyUsers: Array.from(new Set(replies.map((reply) => reply.user))),
      latestReplyTs: replies.at(-1)?.ts ?? null,
    };
  }

  #showFile(id: string): PageFile[] {
    const file = this.#workspace.files.get(id);
    if (file === undefined) return [];
    const { name, title, mimetype } = file;
    return [{ id, name, title, mimetype, bytes: file.bytes.byteLength, url: `/page/file/${id}` }];
  }

  /** Undefined where this person does not see it. */
  showEvent(event: WorkspaceEvent): PageEvent | undefined {
    switch (event.type) {
      case 'message':
      case 'message_changed':
        return this.sees(event.message.channel)
          ? { type: event.type, message: this.showMessage(event.message) }
          : undefined;
      case 'message_deleted': {
        const { channel, ts, threadTs } = event.message;
        return this.sees(channel) ? { type: event.type, channel, ts, threadTs } : undefined;
      }
      case 'ephemeral':
        return event.message.onlyFor === this.#user
          ? { type: event.type, message: this.showMessage(event.message) }
          : undefined;
      case 'ephemeral_deleted': {
        const { channel, ts, onlyFor } = event.message;
        return onlyFor === this.#user ? { type: event.type, channel, ts } : undefined;
      }
      case 'command_failed': {
        const { user, channel, command, text, error } = event;
        const message = describeFailure(command, error);
        return user === this.#user ? { type: event.type, channel, command, text, error, message } : undefined;
      }
      case 'click_failed': {
        const { user, channel, ts, actionId, error } = event;
        return user === this.#user ? { type: event.type, channel, ts, actionId, error } : undefined;
      }
      case 'views_changed':
        return event.user === this.#user ? { type: 'modal', modal: this.#showModal() } : undefined;
      case 'home_changed':
        return event.user === this.#user ? { type: 'home', home: this.#showHome() } : undefined;
      case 'channel':
        return this.sees(event.channel.id)
          ? { type: event.type, channel: this.#showChannel(event.channel) }
          : undefined;
    }
    return event satisfies never;
  }
}

function showSurface({ id, view, state }: StoredView): PageSurface {
  const labelOf = (name: string): string | undefined => textOf(recordOf(view, name) ?? {}, 'text');
  return {
    id,
    type: view.type === 'home' ? 'home' : 'modal',
    title: labelOf('title') ?? '',
    submit: labelOf('submit') ?? null,
    close: labelOf('close') ?? 'Cancel',
    blocks: recordsOf(view, 'blocks'),
    state,
  };
}
