import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { PageMessage, PageState } from '../../../slack/page-api.ts';
import type { Client } from '../client.ts';
import type { Notice, Page } from '../page.ts';
import { formatDay } from '../text/date.ts';
import { Message, NoticeLine } from './message.ts';

/** Messages by the same person within this time stand under one name. */
const GROUP_SECONDS = 300;
/** So near to the end, the list follows what is new. */
const NEAR_END_PX = 120;

interface MessageListProps {
  readonly page: Page;
  readonly client: Client;
  readonly state: PageState;
  readonly threadTs: string | null;
  readonly messages: readonly PageMessage[] | null;
  readonly notices: readonly Notice[];
  /** Of the channel, with its sign. */
  readonly name: string;
}

export function MessageList({
  page,
  client,
  state,
  threadTs,
  messages,
  notices,
  name,
}: MessageListProps): VNode {
  const list = useRef<HTMLDivElement>(null);
  // A channel begins at its end; a thread at its beginning, and follows what is new once all of it was in sight.
  const isAtEnd = useRef(threadTs === null);
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null || messages === null) return;
    if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    else isAtEnd.current = element.scrollHeight <= element.clientHeight;
  });
  useLayoutEffect(() => {
    if (threadTs !== null) return;
    isAtEnd.current = true;
    if (list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [page.channelId, page.userId]);
  const onScroll = (): void => {
    const element = list.current;
    if (element === null) return;
    isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
  };

  const rows: VNode[] = [];
  if (threadTs === null && messages !== null) {
    rows.push(
      html`<div class="beginning" key="beginning"><h2>${name}</h2><p>The beginning of this conversation.</p></div>`,
    );
  }
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
