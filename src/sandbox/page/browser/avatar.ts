import { html } from 'htm/preact';
import type { VNode } from 'preact';

const COLOURS = 6;

export function Avatar({ name, isBot }: { name: string; isBot: boolean }): VNode {
  if (isBot) return html`<span class="avatar is-bot" aria-hidden="true">›_</span>`;
  const initials = name
    .split(/\s+/)
    .map((word) => word.slice(0, 1).toUpperCase())
    .slice(0, 2)
    .join('');
  const sum = Array.from(name).reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0);
  return html`<span class=${`avatar colour-${sum % COLOURS}`} aria-hidden="true">${initials}</span>`;
}
