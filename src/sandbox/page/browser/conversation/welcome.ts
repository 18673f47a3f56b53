import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { PageSettings } from '../../page-settings.ts';

/** Its `detail` goes into the composer of the channel, for the person to look at and to send. */
export const FILL_EVENT = 'fill-composer';

/** What to try first: open in an empty channel, folded away once something has happened. */
export function Welcome({ settings, isOpen }: { settings: PageSettings; isOpen: boolean }): VNode {
  const fill = (text: string): void => {
    document.dispatchEvent(new CustomEvent(FILL_EVENT, { detail: text }));
  };
  return html`<details class="welcome" open=${isOpen}>
    <summary>What to try</summary>
    <ul>
      ${settings.examples.map(
        ({ text, note }) => html`<li key=${text}>
          <button type="button" onClick=${() => fill(text)}><code>${text}</code><span>${note}</span></button>
        </li>`,
      )}
    </ul>
  </details>`;
}
