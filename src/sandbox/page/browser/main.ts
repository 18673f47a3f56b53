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
  useEffect(() => {
    const show = (): void => setPage(client.page());
    // The page may have changed between the first drawing and now.
    show();
    return client.onChange(show);
  }, [client]);
  return html`<${Workspace} page=${page} client=${client} />`;
}

if (root !== null) render(html`<${Program} client=${client} />`, root);
