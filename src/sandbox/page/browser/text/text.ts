import { html } from 'htm/preact';
import { createContext, type VNode } from 'preact';
import { useContext } from 'preact/hooks';
import { type Json, textOf } from '../../../slack/json.ts';
import { formatDateTokens } from './date.ts';
import { formatEmoji, replaceEmoji } from './emoji.ts';
import type { Inline } from './inline.ts';
import { type Part, parseMrkdwn } from './mrkdwn.ts';

/** Whose names the ids in a message stand for. */
export interface Names {
  user(id: string): string | undefined;
  channel(id: string): string | undefined;
  readonly me: string;
}

export const NamesContext = createContext<Names>({
  user: () => undefined,
  channel: () => undefined,
  me: '',
});

export function Mrkdwn({ text, verbatim }: { text: string; verbatim: boolean }): VNode {
  return html`${parseMrkdwn(text, verbatim).map(renderPart)}`;
}

/** A text object of Block Kit, `mrkdwn` or `plain_text`. */
export function TextObject({ object }: { object: Json }): VNode {
  const text = textOf(object, 'text') ?? '';
  if (object.type === 'mrkdwn') return html`<${Mrkdwn} text=${text} verbatim=${object.verbatim === true} />`;
  return html`<span class="plain">${replaceEmoji(text)}</span>`;
}

function renderPart(part: Part): VNode {
  switch (part.kind) {
    case 'fence':
      return html`<pre class="code" tabindex="0">${part.text}</pre>`;
    case 'quote':
      return html`<blockquote>${renderInlines(part.inlines)}</blockquote>`;
    case 'paragraph':
      return html`<p class="text">${renderInlines(part.inlines)}</p>`;
    default:
      return part satisfies never;
  }
}

export function renderInlines(inlines: readonly Inline[]): readonly VNode[] {
  return inlines.map((inline) => html`<${InlineView} inline=${inline} />`);
}

function InlineView({ inline }: { inline: Inline }): VNode {
  const names = useContext(NamesContext);
  switch (inline.kind) {
    case 'text':
      return html`${inline.text}`;
    case 'code':
      return html`<code>${inline.text}</code>`;
    case 'bold':
      return html`<b>${renderInlines(inline.children)}</b>`;
    case 'italic':
      return html`<i>${renderInlines(inline.children)}</i>`;
    case 'strike':
      return html`<s>${renderInlines(inline.children)}</s>`;
    case 'link':
      return html`<${Link} url=${inline.url} label=${inline.label} />`;
    case 'user': {
      const isMe = inline.id === names.me;
      const name = names.user(inline.id) ?? (inline.label || inline.id);
      return html`<span class=${isMe ? 'mention is-me' : 'mention'}>@${name}</span>`;
    }
    case 'channel':
      return html`<span class="mention">#${names.channel(inline.id) ?? (inline.label || 'private channel')}</span>`;
    case 'group':
      return html`<span class="mention">${inline.label || `@${inline.id}`}</span>`;
    case 'broadcast':
      return html`<span class="mention is-broadcast">@${inline.range.replace(/^@/, '')}</span>`;
    case 'emoji':
      return html`<span class="emoji" title=${`:${inline.name}:`}>${formatEmoji(inline.name)}</span>`;
    case 'date':
      return html`<time>${formatDateTokens(inline.format, inline.seconds) ?? inline.fallback}</time>`;
    default:
      return inline satisfies never;
  }
}

/** Only addresses of the web and of mail become links; a `javascript:` stays text. */
export function Link({ url, label }: { url: string; label: string }): VNode {
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return html`<span>${label}</span>`;
  return html`<a href=${url} target="_blank" rel="noreferrer noopener">${label}</a>`;
}
