import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { PageState } from '../../../slack/page-api.ts';
import type { Client } from '../client.ts';
import type { Page } from '../page.ts';
import { CHANNEL_SIGNS } from '../sidebar.ts';
import { AppHead, findAppMessages } from '../surfaces/home-tab.ts';
import { Composer } from './composer.ts';
import { MessageList } from './message-list.ts';
import { Welcome } from './welcome.ts';

interface ConversationProps {
  readonly page: Page;
  readonly client: Client;
  readonly state: PageState;
  /** Null for the channel itself. */
  readonly threadTs: string | null;
  readonly onMenu?: () => void;
}

export function Conversation({ page, client, state, threadTs, onMenu }: ConversationProps): VNode {
  const channel = state.channels.find(({ id }) => id === page.channelId);
  const messages = threadTs === null ? page.channels[page.channelId] : page.thread?.messages;
  const notices = page.notices.filter(
    (notice) => notice.channelId === page.channelId && notice.threadTs === threadTs,
  );
  const sign = channel === undefined ? '#' : CHANNEL_SIGNS[channel.kind];
  const name = channel?.name ?? page.channelId;
  const isEmpty = messages?.length === 0 && notices.length === 0;
  const hasUnread = Object.values(page.unread).some((count) => count > 0);
  const draftKey = [page.userId, page.channelId, threadTs].join(' ');
  const isApp = threadTs === null && state.app.hasHomeTab && channel?.id === findAppMessages(state);
  const head = html`<header class="conversation-head">
      ${onMenu === undefined ? null : html`<button type="button" class="menu-button" aria-label="Channels" onClick=${onMenu}>☰${hasUnread ? html`<span class="menu-dot"></span>` : null}</button>`}
      <h1>${threadTs === null ? html`<span class="channel-sign" aria-hidden="true">${sign}</span>${name}` : 'Thread'}</h1>
      ${threadTs === null ? html`<span class="topic">${channel?.topic ?? ''}</span>` : html`<span class="topic">${sign === '🔒' ? '🔒 ' : sign}${name}</span>`}
      ${threadTs === null ? null : html`<button type="button" class="close-button" aria-label="Close thread" onClick=${client.closeThread}>✕</button>`}
    </header>`;
  return html`
    ${isApp && onMenu !== undefined ? html`<${AppHead} page=${page} client=${client} state=${state} onMenu=${onMenu} />` : head}
    <${MessageList} page=${page} client=${client} state=${state} threadTs=${threadTs} messages=${messages ?? null} notices=${notices} name=${`${sign === '🔒' ? '🔒 ' : sign}${name}`} />
    ${threadTs === null && page.channelId === page.settings.startChannelId ? html`<${Welcome} key=${`${page.userId} ${isEmpty}`} settings=${page.settings} isOpen=${isEmpty} />` : null}
    <${Composer} key=${draftKey} draftKey=${draftKey} client=${client} commands=${state.commands} shortcuts=${state.app.shortcuts} threadTs=${threadTs}
      label=${threadTs === null ? `Message ${sign === '#' ? '#' : ''}${name}` : 'Reply…'} />
  `;
}
