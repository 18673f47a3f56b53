import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { PageState, PageSurface } from '../../../slack/page-api.ts';
import { Avatar } from '../avatar.ts';
import { Blocks } from '../blocks/blocks.ts';
import type { Client } from '../client.ts';
import type { Page } from '../page.ts';
import { HOME_PLACE } from '../place.ts';
import { ActionsContext } from './form.ts';
import { useForm } from './use-form.ts';

interface HomeTabProps {
  readonly page: Page;
  readonly client: Client;
  readonly state: PageState;
  readonly onMenu: () => void;
}

export function HomeTab({ page, client, state, onMenu }: HomeTabProps): VNode {
  const { home } = state;
  return html`
    <${AppHead} page=${page} client=${client} state=${state} onMenu=${onMenu} />
    <div class="home" id="home-panel" role="tabpanel" aria-label="Home" tabindex="0">
      ${page.homeError === null ? null : html`<p class="modal-failure" role="alert">⚠ ${page.homeError}</p>`}
      ${
        home === null
          ? html`<p class="loading" role="status">${page.homeError === null ? 'Opening…' : 'The app has not published anything here.'}</p>`
          : html`<${HomeView} key=${home.id} surface=${home} client=${client} />`
      }
    </div>
  `;
}

function HomeView({ surface, client }: { surface: PageSurface; client: Client }): VNode {
  const { actions } = useForm(surface, client);
  return html`<${ActionsContext.Provider} value=${actions}><${Blocks} blocks=${surface.blocks} /><//>`;
}

/** Home and Messages, as an app has them both. */
export function AppHead({ page, client, state, onMenu }: HomeTabProps): VNode {
  const [isFocused, setFocused] = useState(false);
  const messages = findAppMessages(state);
  const isHome = page.channelId === HOME_PLACE;
  const tabs = [
    { id: HOME_PLACE, name: 'Home', panel: 'home-panel' },
    ...(messages === undefined ? [] : [{ id: messages, name: 'Messages', panel: 'messages-panel' }]),
  ];
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const other = tabs.find(({ id }) => id !== page.channelId);
    setFocused(true);
    if (other !== undefined) client.openChannel(other.id);
  };
  return html`<header class="conversation-head">
    <button type="button" class="menu-button" aria-label="Channels" onClick=${onMenu}>☰</button>
    <${Avatar} name=${state.app.name} isBot=${true} />
    <h1>${state.app.name}</h1>
    <div class="tabs" role="tablist" aria-label=${state.app.name} onKeyDown=${onKeyDown}>
      ${tabs.map(({ id, name, panel }) => {
        const isSelected = id === HOME_PLACE ? isHome : !isHome;
        return html`<button type="button" role="tab" key=${id} aria-selected=${isSelected} aria-controls=${panel} tabindex=${isSelected ? 0 : -1}
          ref=${(element: HTMLElement | null) => {
            if (isSelected && isFocused) element?.focus();
          }}
          onClick=${() => client.openChannel(id)}>${name}</button>`;
      })}
    </div>
  </header>`;
}

/** The direct messages with the app, once there are any. */
export function findAppMessages(state: PageState): string | undefined {
  return state.channels.find(({ kind, botIsMember }) => kind === 'im' && botIsMember)?.id;
}
