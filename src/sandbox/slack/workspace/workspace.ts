import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { ChannelOption, Settings, UserGroupOption, UserOption } from '../options.ts';
import type { StoredMessage } from './message.ts';

/** Who and what there is: people, channels, messages, files. Holds state and tells of changes; judges nothing. */

export interface Channel {
  readonly id: string;
  readonly name: string;
  readonly kind: 'public' | 'private' | 'im';
  readonly topic: string;
  readonly members: ReadonlySet<string>;
  readonly isArchived: boolean;
  readonly isExternallyShared: boolean;
}

export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly mimetype: string;
  readonly bytes: Uint8Array;
  readonly user: string;
  readonly createdAt: number;
  /** Messages name it by its id alone: `file_access: check_file_info`. */
  readonly isBare?: boolean;
  /** Where it was shared: channel and the `ts` of the message. */
  readonly shares: readonly {
    readonly channel: string;
    readonly ts: string;
    readonly threadTs: string | null;
  }[];
}

export type WorkspaceEvent =
  | { readonly type: 'message' | 'message_changed' | 'message_deleted'; readonly message: StoredMessage }
  | { readonly type: 'ephemeral' | 'ephemeral_deleted'; readonly message: StoredMessage }
  | { readonly type: 'channel'; readonly channel: Channel }
  | {
      readonly type: 'command_failed';
      readonly user: string;
      readonly channel: string;
      readonly command: string;
      readonly text: string;
      readonly error: string;
    }
  /** Modals opened, changed or closed; the Home tab was published anew. */
  | { readonly type: 'views_changed' | 'home_changed'; readonly user: string }
  | {
      readonly type: 'click_failed';
      readonly user: string;
      readonly channel: string;
      readonly ts: string;
      readonly actionId: string;
      readonly error: string;
    };

export type NewMessage = Omit<StoredMessage, 'ts' | 'editedAt' | 'edits'>;

interface Conversation {
  channel: Channel;
  /** By `ts`, oldest first: `ts` only grows. */
  readonly messages: Map<string, StoredMessage>;
  /** Replies by the `ts` of their root. */
  readonly threads: Map<string, StoredMessage[]>;
}

export class Workspace {
  readonly #users: Map<string, UserOption>;
  readonly #userGroups: Map<string, UserGroupOption>;
  readonly files = new Map<string, StoredFile>();
  readonly settings: Settings;
  readonly #conversations = new Map<string, Conversation>();
  /** Per person, oldest first. */
  readonly #ephemerals = new Map<string, Map<string, StoredMessage>>();
  readonly #events = new EventEmitter<{ event: [WorkspaceEvent] }>();
  #lastMicros = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    const bot = { id: settings.bot.userId, name: settings.bot.name, isBot: true };
    this.#users = new Map([...settings.users, bot].map((user) => [user.id, user]));
    this.#userGroups = new Map(settings.userGroups.map((group) => [group.id, group]));
    this.#events.setMaxListeners(0);
    for (const option of settings.channels) this.addChannel(option);
  }

  // ── events ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Returns what ends the subscription. */
  onEvent(listener: (event: WorkspaceEvent) => void): () => void {
    this.#events.on('event', listener);
    return () => this.#events.off('event', listener);
  }

  tell(event: WorkspaceEvent): void {
    this.#events.emit('event', event);
  }

  // ── people ─────────────────────────────────────────────────────────────────────────────────────────────

  get users(): ReadonlyMap<string, UserOption> {
    return this.#users;
  }

  get userGroups(): ReadonlyMap<string, UserGroupOption> {
    return this.#userGroups;
  }

  /** Somebody came, left, or became a guest. */
  changeUser(id: string, change: Partial<Omit<UserOption, 'id'>>): void {
    const user = this.#users.get(id);
    if (user === undefined) throw new Error(`no user ${id}`);
    this.#users.set(id, { ...user, ...change });
  }

  changeUserGroup(group: UserGroupOption): void {
    this.#userGroups.set(group.id, group);
  }

  // ── channels ───────────────────────────────────────────────────────────────────────────────────────────

  addChannel(option: ChannelOption): Channel {
    const channel: Channel = {
      id: option.id,
      name: option.name,
      kind: option.kind ?? 'public',
      topic: option.topic ?? '',
      members: new Set(option.members),
      isArchived: option.isArchived ?? false,
      isExternallyShared: option.isExternallyShared ?? false,
    };
    this.#conversations.set(channel.id, { channel, messages: new Map(), threads: new Map() });
    this.tell({ type: 'channel', channel });
    return channel;
  }

  changeChannel(id: string, change: Partial<Omit<Channel, 'id'>>): void {
    const conversation = this.#conversations.get(id);
    if (conversation === undefined) throw new Error(`no channel ${id}`);
    conversation.channel = { ...conversation.channel, ...change };
    this.tell({ type: 'channel', channel: conversation.channel });
  }

  findChannel(id: string): Channel | undefined {
    return this.#conversations.get(id)?.channel;
  }

  listChannels(): readonly Channel[] {
    return Array.from(this.#conversations.values(), (conversation) => conversation.channel);
  }

  /** The direct messages of two people, opened where they never talked. */
  openDirectMessage(one: string, other: string): Channel {
    const found = this.listChannels().find(
      (channel) => channel.kind === 'im' && channel.members.has(one) && channel.members.has(other),
    );
    const id = `D${one.slice(1)}${other.slice(1)}`;
    return found ?? this.addChannel({ id, name: id.toLowerCase(), kind: 'im', members: [one, other] });
  }

  canSee(user: string, channel: Channel): boolean {
    return channel.members.has(user) || (channel.kind === 'public' && !this.#isOutsider(user));
  }

  #isOutsider(user: string): boolean {
    const found = this.users.get(user);
    return (
      found === undefined ||
      found.guest !== undefined ||
      found.teamId !== undefined ||
      found.isOnlyThere === true
    );
  }

  // ── messages ───────────────────────────────────────────────────────────────────────────────────────────

  findMessage(channel: string, ts: string): StoredMessage | undefined {
    return this.#conversations.get(channel)?.messages.get(ts);
  }

  /** Of the channel and all its threads, oldest first. */
  listMessages(channel: string): readonly StoredMessage[] {
    return Array.from(this.#conversations.get(channel)?.messages.values() ?? []);
  }

  listReplies(channel: string, rootTs: string): readonly StoredMessage[] {
    return this.#conversations.get(channel)?.threads.get(rootTs) ?? [];
  }

  addMessage(message: NewMessage): StoredMessage {
    const conversation = this.#conversations.get(message.channel);
    if (conversation === undefined) throw new Error(`no channel ${message.channel}`);
    const stored = { ...message, ts: this.nextTs(), editedAt: null, edits: 0 };
    conversation.messages.set(stored.ts, stored);
    if (stored.threadTs !== null) {
      const thread = conversation.threads.get(stored.threadTs) ?? [];
      thread.push(stored);
      conversation.threads.set(stored.threadTs, thread);
    }
    this.tell({ type: 'message', message: stored });
    this.#tellRoot(stored);
    return stored;
  }

  /** One message with files in it; each file remembers where it is shown. */
  shareFiles(ids: readonly string[], message: NewMessage): StoredMessage {
    const stored = this.addMessage(message);
    const share = { channel: stored.channel, ts: stored.ts, threadTs: stored.threadTs };
    for (const id of ids) {
      const file = this.files.get(id);
      if (file !== undefined) this.files.set(id, { ...file, shares: [...file.shares, share] });
    }
    return stored;
  }

  changeMessage(message: StoredMessage, change: Partial<StoredMessage>): StoredMessage {
    const changed = { ...message, ...change };
    const conversation = this.#conversations.get(message.channel);
    conversation?.messages.set(message.ts, changed);
    const thread = message.threadTs === null ? undefined : conversation?.threads.get(message.threadTs);
    // Replies are mostly edited soon after they were posted: look from the end.
    const index = thread?.findLastIndex((reply) => reply.ts === message.ts) ?? -1;
    if (thread !== undefined && index >= 0) thread[index] = changed;
    this.tell({ type: 'message_changed', message: changed });
    return changed;
  }

  deleteMessage(message: StoredMessage): void {
    const conversation = this.#conversations.get(message.channel);
    conversation?.messages.delete(message.ts);
    if (message.threadTs !== null) {
      const thread = conversation?.threads.get(message.threadTs) ?? [];
      conversation?.threads.set(
        message.threadTs,
        thread.filter((reply) => reply.ts !== message.ts),
      );
    }
    this.tell({ type: 'message_deleted', message });
    this.#tellRoot(message);
  }

  /** The root of a thread shows how many replies it has. */
  #tellRoot(reply: StoredMessage): void {
    if (reply.threadTs === null) return;
    const root = this.findMessage(reply.channel, reply.threadTs);
    if (root !== undefined) this.tell({ type: 'message_changed', message: root });
  }

  // ── ephemeral messages ─────────────────────────────────────────────────────────────────────────────────

  /** In a thread without replies Slack takes an ephemeral message, and shows it to nobody. */
  showsPrivately(channel: string, threadTs: string | null): boolean {
    return threadTs === null || this.listReplies(channel, threadTs).length > 0;
  }

  addEphemeral(message: NewMessage & { readonly onlyFor: string }): StoredMessage {
    const stored = { ...message, ts: this.nextTs(), editedAt: null, edits: 0 };
    const own = this.#ephemerals.get(message.onlyFor) ?? new Map<string, StoredMessage>();
    own.set(stored.ts, stored);
    this.#ephemerals.set(message.onlyFor, own);
    this.tell({ type: 'ephemeral', message: stored });
    return stored;
  }

  changeEphemeral(message: StoredMessage, change: Partial<StoredMessage>): StoredMessage {
    const changed = { ...message, ...change };
    this.#ephemerals.get(message.onlyFor ?? '')?.set(message.ts, changed);
    this.tell({ type: 'ephemeral', message: changed });
    return changed;
  }

  deleteEphemeral(message: StoredMessage): void {
    this.#ephemerals.get(message.onlyFor ?? '')?.delete(message.ts);
    this.tell({ type: 'ephemeral_deleted', message });
  }

  listEphemerals(user: string): readonly StoredMessage[] {
    return Array.from(this.#ephemerals.get(user)?.values() ?? []);
  }

  findEphemeral(user: string, ts: string): StoredMessage | undefined {
    return this.#ephemerals.get(user)?.get(ts);
  }

  // ── ids ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Seconds with six digits, never the same twice: Slack's id of a message in its channel. */
  nextTs(): string {
    this.#lastMicros = Math.max(this.#lastMicros + 1, this.settings.now() * 1_000);
    const micros = Math.floor(this.#lastMicros);
    this.#lastMicros = micros;
    return `${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, '0')}`;
  }

  newId(prefix: string): string {
    return prefix + randomUUID().replaceAll('-', '').slice(0, 9).toUpperCase();
  }
}
