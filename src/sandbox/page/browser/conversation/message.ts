import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { PageMessage, PageState } from '../../../slack/page-api.ts';
import { Avatar } from '../avatar.ts';
import { Blocks } from '../blocks/blocks.ts';

import type { Client } from '../client.ts';
import { Menu } from '../controls/menu.ts';
import { formatClickKey, type Notice, type Page } from '../page.ts';
import { type Actions, ActionsContext } from '../surfaces/form.ts';
import { formatClock, formatDateTokens } from '../text/date.ts';
import { Mrkdwn } from '../text/text.ts';
import { FileCard } from './file-card.ts';

interface MessageProps {
  readonly message: PageMessage;
  readonly page: Page;
  readonly client: Client;
  readonly state: PageState;
  readonly threadTs: string | null;
  /** By the same person as the one above it: without name and face. */
  readonly isFollowing: boolean;
}

export function Message({ message, page, client, state, threadTs, isFollowing }: MessageProps): VNode {
  const { clickErrors, userId } = page;
  const actions = useMemo<Actions>(
    () => ({
      press: (action_id, block_id, values) =>
        client.click({
          channel: message.channel,
          ts: message.ts,
          action_id,
          ...(block_id === undefined ? {} : { block_id }),
          ...(values === undefined ? {} : { values }),
        }),
      errorOf: (actionId) => clickErrors[formatClickKey(message.channel, message.ts, actionId)],
      suggest: (action_id, block_id, query) =>
        client.suggest({
          channel: message.channel,
          ts: message.ts,
          action_id,
          query,
          ...(block_id === undefined ? {} : { block_id }),
        }),
      form: null,
    }),
    [client, message, clickErrors],
  );
  // The same tree again where nothing changed: a channel may hold a thousand messages.
  return useMemo(() => {
    const author = state.users.find(({ id }) => id === message.user);
    const name = author?.realName || author?.name || message.user;
    const isBot = author?.isBot === true;
    const time = html`<time datetime=${new Date(Number(message.ts) * 1000).toISOString()} title=${formatDateTokens('{date_long} {time_secs}', Number(message.ts))}>${formatClock(message.ts)}</time>`;
    const classes = ['message', isFollowing && 'is-following', message.isEphemeral && 'is-ephemeral'];
    return html`<${ActionsContext.Provider} value=${actions}>
      <article class=${classes.filter(Boolean).join(' ')} aria-label=${`${name}, ${formatClock(message.ts)}`}>
        <div class="gutter">${isFollowing ? time : html`<${Avatar} name=${name} isBot=${isBot} />`}</div>
        <div class="message-main">
          ${message.isEphemeral ? html`<p class="only-you">👁 Only visible to you</p>` : null}
          ${
            isFollowing
              ? null
              : html`<header class="message-head">
                  <b class="author">${name}</b>${isBot ? html`<span class="app-badge">APP</span>` : null}${time}
                </header>`
          }
          <${MessageBody} message=${message} />
          ${message.files.map((file) => html`<${FileCard} key=${file.id} file=${file} userId=${userId} />`)}
          ${threadTs === null && message.replyCount > 0 ? html`<${RepliesLink} message=${message} state=${state} client=${client} />` : null}
        </div>
        <${MessageKeys} message=${message} client=${client} state=${state} threadTs=${threadTs} />
      </article>
    <//>`;
  }, [message, actions, state, isFollowing, threadTs, client, userId]);
}

/** What can be done with a message: they show when the pointer is on it, or the focus is in it. */
function MessageKeys({
  message,
  client,
  state,
  threadTs,
}: Omit<MessageProps, 'page' | 'isFollowing'>): VNode | null {
  if (message.isEphemeral) return null;
  const shortcuts = state.app.shortcuts
    .filter(({ type }) => type === 'message')
    .map(({ callbackId, name, description }) => ({ key: callbackId, name, note: description }));
  if (threadTs !== null && shortcuts.length === 0) return null;
  const reply = html`<button type="button" class="reply-button" aria-label="Reply in thread" title="Reply in thread"
    onClick=${() => client.openThread(message.ts)}>💬</button>`;
  return html`<div class="message-keys">
    ${threadTs === null ? reply : null}
    ${
      shortcuts.length === 0
        ? null
        : html`<${Menu} label="More actions" sign="⋮" className="reply-button" title=${state.app.name} items=${shortcuts}
            onChoose=${(callbackId: string) => void client.runMessageShortcut(message.channel, message.ts, callbackId)} />`
    }
  </div>`;
}

function MessageBody({ message }: { message: PageMessage }): VNode {
  const edited = message.isEdited ? html`<span class="edited">(edited)</span>` : null;
  if (message.blocks.length > 0)
    return html`<div class="body"><${Blocks} blocks=${message.blocks} />${edited}</div>`;
  return html`<div class="body is-text"><${Mrkdwn} text=${message.text} verbatim=${false} />${edited}</div>`;
}

function RepliesLink({
  message,
  state,
  client,
}: {
  message: PageMessage;
  state: PageState;
  client: Client;
}): VNode {
  const count = message.replyCount === 1 ? '1 reply' : `${message.replyCount} replies`;
  return html`<button type="button" class="replies" onClick=${() => client.openThread(message.ts)}>
    ${message.replyUsers.slice(0, 3).map((id) => {
      const user = state.users.find((each) => each.id === id);
      return html`<${Avatar} key=${id} name=${user?.realName || user?.name || id} isBot=${user?.isBot === true} />`;
    })}
    <span class="replies-count">${count}</span>
    ${message.latestReplyTs === null ? null : html`<span class="replies-last">Last reply ${formatClock(message.latestReplyTs)}</span>`}
  </button>`;
}

/** What Slackbot says when a command did not get through. */
export function NoticeLine({ notice }: { notice: Notice }): VNode {
  return html`<article class="message is-ephemeral" aria-label="Slackbot">
    <div class="gutter"><span class="avatar is-slackbot" aria-hidden="true">♥</span></div>
    <div class="message-main">
      <p class="only-you">👁 Only visible to you</p>
      <header class="message-head"><b class="author">Slackbot</b><time>${formatClock(String(notice.at / 1000))}</time></header>
      <div class="body is-text" role="alert">${notice.text}</div>
    </div>
  </article>`;
}
