import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Client } from './client.ts';
import { Conversation } from './conversation/conversation.ts';
import type { Page } from './page.ts';
import { HOME_PLACE } from './place.ts';
import { Sidebar } from './sidebar.ts';
import { DirectoryContext } from './surfaces/form.ts';
import { HomeTab } from './surfaces/home-tab.ts';
import { Modal } from './surfaces/modal.ts';
import { parsePermalink } from './text/permalink.ts';
import { type Names, NamesContext } from './text/text.ts';

/** The whole window: channels on the left, one channel, and beside it the thread that is open. */
export function Workspace({ page, client }: { page: Page; client: Client }): VNode {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const names = useNames(page);
  const { state, thread } = page;

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      // A dialog, or the list of commands, takes the key for itself.
      if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return;
      if (isMenuOpen) setMenuOpen(false);
      else client.closeThread();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [client, isMenuOpen]);

  // Links to messages open here, not in a window of their own.
  const follow = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const place = link === null ? null : parsePermalink(link.href, location.origin);
    if (place === null || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    client.openChannel(place.channelId);
    client.openThread(place.threadTs);
  };

  useEffect(() => {
    const unread = Object.values(page.unread).reduce((sum, count) => sum + count, 0);
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${state?.team.name ?? 'Sandbox'}`;
  }, [page.unread, state]);

  if (state === null)
    return html`<p class="loading" role="status">${page.isOnline ? 'Opening…' : 'The sandbox does not answer.'}</p>`;
  const { modal } = state;
  const openMenu = (): void => setMenuOpen(true);
  return html`<${NamesContext.Provider} value=${names}><${DirectoryContext.Provider} value=${state.channels}>
    <div class=${`workspace${thread === null ? '' : ' has-thread'}${isMenuOpen ? ' has-menu' : ''}`} onClick=${follow}>
      <${Sidebar} page=${page} client=${client} state=${state} onLeave=${() => setMenuOpen(false)} />
      <button type="button" class="veil" aria-label="Close the list of channels" tabindex="-1" onClick=${() => setMenuOpen(false)}></button>
      <main class="channel" aria-label="Channel">
        ${
          page.channelId === HOME_PLACE
            ? html`<${HomeTab} page=${page} client=${client} state=${state} onMenu=${openMenu} />`
            : html`<${Conversation} page=${page} client=${client} state=${state} threadTs=${null} onMenu=${openMenu} />`
        }
      </main>
      ${
        thread === null
          ? null
          : html`<aside class="thread" aria-label="Thread">
              <${Conversation} key=${thread.ts} page=${page} client=${client} state=${state} threadTs=${thread.ts} />
            </aside>`
      }
      ${page.isOnline ? null : html`<p class="offline" role="alert">The sandbox does not answer. Trying again…</p>`}
      ${modal === null ? null : html`<${Modal} key=${modal.id} surface=${modal} client=${client} />`}
    </div>
  <//><//>`;
}

function useNames(page: Page): Names {
  const { state } = page;
  return useMemo(() => {
    const users = new Map(state?.users.map((user) => [user.id, user.realName || user.name]));
    const channels = new Map(state?.channels.map((channel) => [channel.id, channel.name]));
    return { user: (id) => users.get(id), channel: (id) => channels.get(id), me: state?.me.id ?? '' };
  }, [state]);
}
