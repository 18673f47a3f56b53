import type { PageEvent, PageMessage, PageState } from '../../slack/page-api.ts';
import type { PageSettings } from '../page-settings.ts';

/** All that the page shows, as one value. It changes by the functions below only. */
export interface Page {
  readonly settings: PageSettings;
  readonly userId: string;
  readonly state: PageState | null;
  readonly channelId: string;
  /** Of each channel looked at so far: root messages and this user's ephemerals, by time. */
  readonly channels: Readonly<Record<string, readonly PageMessage[]>>;
  readonly thread: Thread | null;
  /** New messages by channel since it was last looked at. */
  readonly unread: Readonly<Record<string, number>>;
  readonly notices: readonly Notice[];
  /** Why a click did not work, by `formatClickKey`. */
  readonly clickErrors: Readonly<Record<string, string>>;
  /** Why the Home tab may not be what it should be. */
  readonly homeError: string | null;
  readonly isOnline: boolean;
}

export interface Thread {
  readonly channelId: string;
  readonly ts: string;
  /** The root message first; null until it is read. */
  readonly messages: readonly PageMessage[] | null;
}

/** Slackbot's line, which only this person sees. */
export interface Notice {
  readonly channelId: string;
  /** In the thread with this root, where the words were typed there. */
  readonly threadTs: string | null;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A failed command is told twice, as the answer to the POST and as an event. */
const SAME_NOTICE_MS = 5_000;

export function startPage(settings: PageSettings, userId: string, channelId: string): Page {
  return {
    settings,
    userId,
    state: null,
    channelId,
    channels: {},
    thread: null,
    unread: {},
    notices: [],
    clickErrors: {},
    homeError: null,
    isOnline: true,
  };
}

export function formatClickKey(channel: string, ts: string, actionId: string): string {
  return `${channel} ${ts} ${actionId}`;
}

/** Events may repeat what is known already, and a later one is the truth. */
export function applyEvent(page: Page, event: PageEvent): Page {
  switch (event.type) {
    case 'message':
    case 'ephemeral':
      return countUnread(putMessage(page, event.message), event.message);
    case 'message_changed':
      return putMessage(page, event.message);
    case 'message_deleted':
    case 'ephemeral_deleted':
      return dropMessage(page, event.channel, event.ts, event.type === 'ephemeral_deleted');
    case 'command_failed':
      return addNotice(page, event.channel, null, event.message, Date.now());
    case 'click_failed': {
      const key = formatClickKey(event.channel, event.ts, event.actionId);
      return { ...page, clickErrors: { ...page.clickErrors, [key]: event.error } };
    }
    case 'channel': {
      if (page.state === null) return page;
      const others = page.state.channels.filter(({ id }) => id !== event.channel.id);
      return { ...page, state: { ...page.state, channels: [...others, event.channel] } };
    }
    case 'modal':
      return page.state === null ? page : { ...page, state: { ...page.state, modal: event.modal } };
    case 'home':
      return page.state === null ? page : { ...page, state: { ...page.state, home: event.home } };
    case 'resync':
      // The client reads everything again.
      return page;
    default:
      event satisfies never;
      return page;
  }
}

export function addNotice(
  page: Page,
  channelId: string,
  threadTs: string | null,
  text: string,
  at: number,
): Page {
  const notice: Notice = { channelId, threadTs, text, at };
  const told = page.notices.findIndex(
    (each) => each.channelId === channelId && each.text === text && at - each.at < SAME_NOTICE_MS,
  );
  if (told < 0) return { ...page, notices: [...page.notices, notice] };
  // Only the answer knows that the words were typed in a thread.
  return threadTs === null ? page : { ...page, notices: page.notices.with(told, notice) };
}

export function putMessages(page: Page, channelId: string, messages: readonly PageMessage[]): Page {
  return { ...page, channels: { ...page.channels, [channelId]: messages.toSorted(compareByTime) } };
}

function putMessage(page: Page, message: PageMessage): Page {
  const { channel, ts, threadTs } = message;
  let next = page;
  const shown = page.channels[channel];
  if (shown !== undefined && (threadTs === null || threadTs === ts)) {
    next = { ...next, channels: { ...next.channels, [channel]: mergeMessage(shown, message) } };
  }
  const { thread } = next;
  const isOfThread = thread?.channelId === channel && (ts === thread.ts || threadTs === thread.ts);
  if (isOfThread && thread.messages !== null) {
    next = { ...next, thread: { ...thread, messages: mergeMessage(thread.messages, message) } };
  }
  return next;
}

function dropMessage(page: Page, channel: string, ts: string, isEphemeral: boolean): Page {
  const keep = (each: PageMessage): boolean => each.ts !== ts || each.isEphemeral !== isEphemeral;
  const shown = page.channels[channel];
  const thread = page.thread?.channelId === channel ? page.thread : null;
  return {
    ...page,
    channels: shown === undefined ? page.channels : { ...page.channels, [channel]: shown.filter(keep) },
    thread:
      thread === null || thread.messages === null
        ? page.thread
        : { ...thread, messages: thread.messages.filter(keep) },
  };
}

function mergeMessage(messages: readonly PageMessage[], message: PageMessage): readonly PageMessage[] {
  const at = messages.findIndex((each) => each.ts === message.ts && each.isEphemeral === message.isEphemeral);
  if (at >= 0) return messages.with(at, message);
  return [...messages, message].sort(compareByTime);
}

/** `1712345678.000100`: always as long, so text compares as time. */
function compareByTime(left: PageMessage, right: PageMessage): number {
  return left.ts < right.ts ? -1 : left.ts > right.ts ? 1 : 0;
}

function countUnread(page: Page, message: PageMessage): Page {
  const isSeen = message.channel === page.channelId || message.user === page.userId;
  if (isSeen || message.threadTs !== null) return page;
  const count = page.unread[message.channel] ?? 0;
  return { ...page, unread: { ...page.unread, [message.channel]: count + 1 } };
}
