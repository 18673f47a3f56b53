import { html, render } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PageSettings } from '../page-settings.ts';
import { type Client, openClient } from './client.ts';
import { startPage } from './page.ts';
import { Workspace } from './workspace.ts';

const root = document.getElementById('page');
const response = await fetch('/page-settings.json');
const settings: PageSettings = await response.json();

// Where the person was before a reload: `#USER/CHANNEL`.
const [userId, channelId] = location.hash.slice(1).split('/');
const isKnown = settings.people.some(({ id }) => id === userId);
const client = openClient(
  startPage(
    settings,
    (isKnown && userId) || (settings.people[0]?.id ?? ''),
    (isKnown && channelId) || settings.startChannelId,
  ),
);

function Program({ client }: { client: Client }): VNode {
  const [page, setPage] = useState(client.page());
  useEffect(() => client.onChange(() => setPage(client.page())), [client]);
  return html`<${Workspace} page=${page} client=${client} />`;
}

if (root !== null) render(html`<${Program} client=${client} />`, root);
