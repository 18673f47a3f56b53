import { html } from 'htm/preact';
import type { VNode } from 'preact';

/** In the place of what the page cannot draw, so that nobody takes it for nothing. */
export function NotShown({ type }: { type: unknown }): VNode {
  return html`<span class="not-shown">${String(type)}: not shown by the sandbox</span>`;
}
