import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { PageMessage, PageState } from '../../../slack/page-api.ts';
import type { Client } from '../client.ts';
import type { Notice, Page } from '../page.ts';
import { CHANNEL_SIGNS } from '../sidebar.ts';
import { formatDay } from '../text/date.ts';
import { Composer } from './composer.ts';
import { Message, NoticeLine } from './message.ts';
import { Welcome } from './welcome.ts';

interface ConversationProps {
  readonly page: Page;
  readonly client: Client;
  readonly state: PageState;
  /** Null for the channel itself. */
  readonly threadTs: string | null;
  readonly onMenu?: () => void;
}

/** Messages by the same person within this time stand under one name. */
const GROUP_SECONDS = 300;
/** So near to the end, the list follows what is new. */
const NEAR_END_PX = 120;

export function Conversation({ page, client, state, threadTs, onMenu }: ConversationProps): VNode {
  const channel = state.channels.find(({ id }) => id === page.channelId);
  const messages = threadTs === null ? page.channels[page.channelId] : page.thread?.messages;
  const notices = page.notices.filter(
    (notice) => notice.channelId === page.channelId && notice.threadTs === threadTs,
  );
  const sign = channel === undefined ? '#' : CHANNEL_SIGNS[channel.kind];
  const name = channel?.name ?? page.channelId;
  const isEmpty = messages?.length === 0 && notices.length === 0;
  return html`
    <header class="conversation-head">
      ${onMenu === undefined ? null : html`<button type="button" class="menu-button" aria-label="Channels" onClick=${onMenu}>☰</button>`}
      <h1>${threadTs === null ? html`<span class="channel-sign" aria-hidden="true">${sign}</span>${name}` : 'Thread'}</h1>
      ${threadTs === null ? html`<span class="topic">${channel?.topic ?? ''}</span>` : html`<span class="topic">${sign === '🔒' ? '🔒 ' : sign}${name}</span>`}
      ${threadTs === null ? null : html`<button type="button" class="close-button" aria-label="Close thread" onClick=${client.closeThread}>✕</button>`}
    </header>
    <${MessageList} page=${page} client=${client} state=${state} threadTs=${threadTs} messages=${messages ?? null} notices=${notices} />
    ${threadTs === null && page.channelId === page.settings.startChannelId ? html`<${Welcome} key=${`${page.userId} ${isEmpty}`} settings=${page.settings} isOpen=${isEmpty} />` : null}
    <${Composer} key=${`${page.userId} ${page.channelId}`} client=${client} commands=${state.commands} threadTs=${threadTs}
      label=${threadTs === null ? `Message ${sign === '#' ? '#' : ''}${name}` : 'Reply…'} />
  `;
}

interface MessageListProps {
  readonly page: Page;
  readonly client: Client;
  readonly state: PageState;
  readonly threadTs: string | null;
  readonly messages: readonly PageMessage[] | null;
  readonly notices: readonly Notice[];
}

function MessageList({ page, client, state, threadTs, messages, notices }: MessageListProps): VNode {
  const list = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (list.current !== null && isAtEnd.current) list.current.scrollTop = list.current.scrollHeight;
  });
  useLayoutEffect(() => {
    isAtEnd.current = true;
    if (list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [page.channelId, page.userId]);
  const onScroll = (): void => {
    const element = list.current;
    if (element === null) return;
    isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
  };

  const rows: VNode[] = [];
  let before: PageMessage | undefined;
  let lines = notices;
  for (const message of messages ?? []) {
    const earlier = lines.filter(({ at }) => at / 1000 < Number(message.ts));
    lines = lines.slice(earlier.length);
    rows.push(
      ...earlier.map((notice) => html`<${NoticeLine} key=${`notice ${notice.at}`} notice=${notice} />`),
    );
    if (threadTs === null && (before === undefined || formatDay(before.ts) !== formatDay(message.ts))) {
      rows.push(
        html`<div class="day" role="separator" key=${`day ${message.ts}`}><span>${formatDay(message.ts)}</span></div>`,
      );
    }
    const isFollowing = earlier.length === 0 && before !== undefined && isGrouped(before, message, threadTs);
    rows.push(
      html`<${Message} key=${`${message.ts}${message.isEphemeral ? ' ephemeral' : ''}`} message=${message} page=${page} client=${client}
        state=${state} threadTs=${threadTs} isFollowing=${isFollowing} />`,
    );
    if (threadTs !== null && message.ts === threadTs) {
      const count = (messages ?? []).filter(({ isEphemeral }) => !isEphemeral).length - 1;
      rows.push(
        html`<div class="day is-count" role="separator" key="count"><span>${count === 1 ? '1 reply' : `${count} replies`}</span></div>`,
      );
    }
    before = message;
  }
  rows.push(...lines.map((notice) => html`<${NoticeLine} key=${`notice ${notice.at}`} notice=${notice} />`));

  return html`<div class="messages" ref=${list} onScroll=${onScroll} role="log" aria-live="polite" tabindex="0"
    aria-label=${threadTs === null ? 'Messages' : 'Replies'}>
    <div class="messages-inner">${messages === null ? html`<p class="loading" role="status">Reading…</p>` : rows}</div>
  </div>`;
}

function isGrouped(before: PageMessage, message: PageMessage, threadTs: string | null): boolean {
  return (
    before.user === message.user &&
    before.isEphemeral === message.isEphemeral &&
    before.ts !== threadTs &&
    (threadTs !== null || before.replyCount === 0) &&
    formatDay(before.ts) === formatDay(message.ts) &&
    Number(message.ts) - Number(before.ts) < GROUP_SECONDS
  );
}
