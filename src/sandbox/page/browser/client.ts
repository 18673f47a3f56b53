import type {
  PageAct,
  PageClick,
  PageClicked,
  PageError,
  PageEvent,
  PageMessages,
  PageSend,
  PageSent,
  PageState,
  PageSubmit,
  PageSubmitted,
  PageSuggest,
  PageSuggested,
} from '../../slack/page-api.ts';
import { encodeFile } from './encode-file.ts';
import { addNotice, applyEvent, formatClickKey, type Page, putMessages, startPage } from './page.ts';
import { HOME_PLACE } from './place.ts';

/** What the person can do; each changes the page at once or when the local Slack has answered. */
export interface Client {
  page(): Page;
  /** Answers with how to stop it. */
  onChange(listener: () => void): () => void;
  become(userId: string): void;
  openChannel(channelId: string): void;
  openThread(ts: string): void;
  closeThread(): void;
  /** False where it was not taken: the words should go back into the composer. */
  send(text: string, threadTs: string | null): Promise<boolean>;
  click(click: Omit<PageClick, 'user'>): Promise<void>;
  /** In a modal or on the Home tab; why it did not work, or null. */
  act(act: Omit<PageAct, 'user'>): Promise<string | null>;
  submit(submit: Omit<PageSubmit, 'user'>): Promise<PageSubmitted>;
  closeModal(viewId: string): Promise<void>;
  suggest(suggest: Omit<PageSuggest, 'user'>): Promise<PageSuggested>;
  runShortcut(callbackId: string): Promise<void>;
  runMessageShortcut(channel: string, ts: string, callbackId: string): Promise<void>;
  /** False where it was not taken. */
  upload(file: File, text: string, threadTs: string | null): Promise<boolean>;
}

export function openClient(first: Page): Client {
  let page = first;
  let events: EventSource | null = null;
  /** Events that arrive while something is read may be newer than the answer: they are applied to it again. */
  const reading = new Set<PageEvent[]>();
  const listeners = new Set<() => void>();

  const change = (next: Page): void => {
    page = next;
    for (const listener of listeners) listener();
    const place = [page.userId, page.channelId, ...(page.thread === null ? [] : [page.thread.ts])];
    history.replaceState(null, '', `#${place.join('/')}`);
  };

  const read = async <T>(
    path: string,
    query: Record<string, string>,
    use: (answer: T) => Page,
  ): Promise<void> => {
    const { userId } = page;
    const during: PageEvent[] = [];
    reading.add(during);
    try {
      const response = await fetch(`${path}?${new URLSearchParams({ user: userId, ...query })}`);
      const answer: T | PageError = await response.json();
      if (page.userId !== userId) return;
      if (isError(answer)) change(addNotice(page, page.channelId, null, answer.message, Date.now()));
      else change(during.reduce(applyEvent, use(answer)));
    } catch {
      change({ ...page, isOnline: false });
    } finally {
      reading.delete(during);
    }
  };

  const readState = (): Promise<void> => read<PageState>('/page/state', {}, (state) => ({ ...page, state }));
  const readChannel = (channel: string): Promise<void> =>
    read<PageMessages>('/page/messages', { channel }, ({ messages }) => putMessages(page, channel, messages));
  const readThread = (channel: string, ts: string): Promise<void> =>
    read<PageMessages>('/page/thread', { channel, ts }, ({ messages }) =>
      page.thread?.ts === ts ? { ...page, thread: { ...page.thread, messages } } : page,
    );
  const readAll = async (): Promise<void> => {
    const seen = new Set([page.channelId, ...Object.keys(page.channels)]);
    seen.delete(HOME_PLACE);
    await Promise.all([
      readState(),
      ...Array.from(seen, readChannel),
      ...(page.thread === null ? [] : [readThread(page.thread.channelId, page.thread.ts)]),
    ]);
  };

  const listen = (): void => {
    events?.close();
    const source = new EventSource(`/page/events?${new URLSearchParams({ user: page.userId })}`);
    events = source;
    source.onopen = () => change({ ...page, isOnline: true });
    source.onerror = () => change({ ...page, isOnline: false });
    source.onmessage = ({ data }) => {
      const event: PageEvent = JSON.parse(data);
      for (const during of reading) during.push(event);
      change(applyEvent(page, event));
      if (event.type === 'resync') void readAll();
    };
  };

  const post = async <T>(path: string, body: object): Promise<T | PageError> => {
    try {
      const response = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return await response.json();
    } catch {
      return {
        ok: false,
        error: 'unreachable',
        message: 'The sandbox does not answer. Is it still running?',
      };
    }
  };

  /** The app is told each time; what it publishes comes as an event. */
  const openHome = async (): Promise<void> => {
    const { userId } = page;
    const opened = await post<PageClicked>('/page/home', { user: userId });
    if (page.userId === userId) change({ ...page, homeError: opened.ok ? null : opened.message });
  };

  const become = (userId: string): void => {
    change({ ...startPage(page.settings, userId, page.channelId) });
    listen();
    void readAll().then(() => {
      // The other person may not be in this channel.
      const ids = page.state?.channels.map(({ id }) => id) ?? [];
      const isHome = page.channelId === HOME_PLACE;
      if (isHome && page.userId === userId) void openHome();
      else if (page.userId === userId && ids.length > 0 && !ids.includes(page.channelId)) {
        change({ ...page, notices: [] });
        openChannel(ids[0] ?? page.settings.startChannelId);
      }
    });
  };

  const openChannel = (channelId: string): void => {
    const thread = page.thread?.channelId === channelId ? page.thread : null;
    change({ ...page, channelId, thread, unread: { ...page.unread, [channelId]: 0 } });
    void (channelId === HOME_PLACE ? openHome() : readChannel(channelId));
  };

  /** Slackbot's line, where something did not work that has no place of its own. */
  const complain = (answer: PageClicked | PageSent, threadTs: string | null): boolean => {
    if (!answer.ok) change(addNotice(page, page.channelId, threadTs, answer.message, Date.now()));
    return answer.ok;
  };

  listen();
  void readAll();
  if (page.channelId === HOME_PLACE) void openHome();

  return {
    page: () => page,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    become,
    openChannel,
    openThread(ts) {
      change({ ...page, thread: { channelId: page.channelId, ts, messages: null } });
      void readThread(page.channelId, ts);
    },
    closeThread: () => change({ ...page, thread: null }),
    async send(text, threadTs) {
      const channel = page.channelId;
      const body: PageSend = {
        user: page.userId,
        channel,
        text,
        ...(threadTs === null ? {} : { thread_ts: threadTs }),
      };
      const sent = await post<PageSent>('/page/send', body);
      if (sent.ok) return true;
      change(addNotice(page, channel, threadTs, sent.message, Date.now()));
      return false;
    },
    async click(click) {
      const key = formatClickKey(click.channel, click.ts, click.action_id);
      const { [key]: _old, ...others } = page.clickErrors;
      change({ ...page, clickErrors: others });
      const clicked = await post<PageClicked>('/page/click', { user: page.userId, ...click });
      if (clicked.ok) return;
      change({ ...page, clickErrors: { ...page.clickErrors, [key]: clicked.message } });
    },
    async act(act) {
      const acted = await post<PageClicked>('/page/act', { user: page.userId, ...act });
      return acted.ok ? null : acted.message;
    },
    async submit(submit) {
      const answer = await post<PageSubmitted>('/page/submit', { user: page.userId, ...submit });
      return answer.ok || 'errors' in answer ? answer : { ...answer, errors: {} };
    },
    async closeModal(view_id) {
      await post<PageClicked>('/page/close', { user: page.userId, view_id });
    },
    suggest: (suggest) => post<PageSuggested>('/page/suggest', { user: page.userId, ...suggest }),
    async runShortcut(callback_id) {
      const { userId: user } = page;
      complain(await post<PageClicked>('/page/shortcut', { user, callback_id }), null);
    },
    async runMessageShortcut(channel, ts, callback_id) {
      const body = { user: page.userId, channel, ts, callback_id };
      const threadTs = page.thread?.messages?.some((message) => message.ts === ts) ? page.thread.ts : null;
      complain(await post<PageClicked>('/page/message-shortcut', body), threadTs);
    },
    async upload(file, text, threadTs) {
      const { userId: user, channelId: channel } = page;
      const thread = threadTs === null ? {} : { thread_ts: threadTs };
      const body = { user, channel, name: file.name, base64: await encodeFile(file), text, ...thread };
      return complain(await post<PageSent>('/page/upload', body), threadTs);
    },
  };
}

function isError(answer: unknown): answer is PageError {
  return typeof answer === 'object' && answer !== null && 'ok' in answer && answer.ok === false;
}
