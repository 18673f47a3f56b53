import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { PageChannel, PageState } from '../../slack/page-api.ts';
import { Avatar } from './avatar.ts';
import type { Client } from './client.ts';
import type { Page } from './page.ts';
import { HOME_PLACE } from './place.ts';
import { Replicas } from './replicas.ts';
import { findAppMessages } from './surfaces/home-tab.ts';

interface SidebarProps {
  readonly page: Page;
  readonly client: Client;
  readonly state: PageState;
  readonly onLeave: () => void;
}

export function Sidebar({ page, client, state, onLeave }: SidebarProps): VNode {
  const open = (channelId: string): void => {
    onLeave();
    client.openChannel(channelId);
  };
  const byName = state.channels.toSorted((left, right) => left.name.localeCompare(right.name));
  const rows = (channels: readonly PageChannel[]): readonly VNode[] =>
    channels.map(
      (channel) => html`<${ChannelRow} key=${channel.id} page=${page} channel=${channel} onOpen=${open} />`,
    );
  const { app } = state;
  const appMessages = app.hasHomeTab ? findAppMessages(state) : undefined;
  const direct = byName.filter(({ kind, id }) => kind === 'im' && id !== appMessages);
  return html`<nav class="sidebar" aria-label="Workspace">
    <header class="team">
      <span class="team-sign" aria-hidden="true">${state.team.name.slice(0, 1)}</span>
      <span class="team-name">${state.team.name}</span>
    </header>
    <h2 id="channels-title">Channels</h2>
    <ul aria-labelledby="channels-title">${rows(byName.filter(({ kind }) => kind !== 'im'))}</ul>
    ${direct.length === 0 ? null : html`<h2 id="direct-title">Direct messages</h2><ul aria-labelledby="direct-title">${rows(direct)}</ul>`}
    ${app.hasHomeTab ? html`<${AppRow} page=${page} name=${app.name} messages=${appMessages} onOpen=${open} />` : null}
    ${page.settings.hasReplicas ? html`<${Replicas} />` : null}
    <fieldset class="people">
      <legend>You are</legend>
      ${page.settings.people.map(({ id, note }) => {
        const user = state.users.find((each) => each.id === id);
        const name = user?.realName || user?.name || id;
        return html`<label key=${id} class=${id === page.userId ? 'person is-me' : 'person'}>
          <input type="radio" name="person" value=${id} checked=${id === page.userId}
            onChange=${() => {
              onLeave();
              client.become(id);
            }} />
          <${Avatar} name=${name} isBot=${false} />
          <span><span class="person-name">${name}</span><span class="person-note">${note}</span></span>
        </label>`;
      })}
    </fieldset>
  </nav>`;
}

interface AppRowProps {
  readonly page: Page;
  readonly name: string;
  /** Its direct messages, where there are any. */
  readonly messages: string | undefined;
  readonly onOpen: (place: string) => void;
}

/** The app has one row for its Home tab and its messages: what is new leads to these. */
function AppRow({ page, name, messages, onOpen }: AppRowProps): VNode {
  const unread = page.unread[messages ?? ''] ?? 0;
  const isOpen = page.channelId === HOME_PLACE || page.channelId === messages;
  return html`<h2 id="apps-title">Apps</h2>
    <ul aria-labelledby="apps-title">
      <li>
        <button type="button" class=${`channel-row${unread > 0 ? ' is-unread' : ''}`} aria-current=${isOpen ? 'page' : null}
          onClick=${() => onOpen(unread > 0 && messages !== undefined ? messages : HOME_PLACE)}>
          <span class="channel-sign" aria-hidden="true">›_</span>
          <span class="channel-name">${name}</span>
          ${unread > 0 ? html`<span class="badge" aria-label=${`${unread} new`}>${unread}</span>` : null}
        </button>
      </li>
    </ul>`;
}

interface ChannelRowProps {
  readonly page: Page;
  readonly channel: PageChannel;
  readonly onOpen: (channelId: string) => void;
}

function ChannelRow({ page, channel, onOpen }: ChannelRowProps): VNode {
  const unread = page.unread[channel.id] ?? 0;
  const isOpen = channel.id === page.channelId;
  return html`<li>
    <button type="button" class=${`channel-row${unread > 0 ? ' is-unread' : ''}`} aria-current=${isOpen ? 'page' : null}
      onClick=${() => onOpen(channel.id)}>
      <span class="channel-sign" aria-hidden="true">${CHANNEL_SIGNS[channel.kind]}</span>
      <span class="channel-name">${channel.name}</span>
      ${unread > 0 ? html`<span class="badge" aria-label=${`${unread} new`}>${unread}</span>` : null}
    </button>
  </li>`;
}

export const CHANNEL_SIGNS: Readonly<Record<PageChannel['kind'], string>> = {
  public: '#',
  private: '🔒',
  im: '@',
};
