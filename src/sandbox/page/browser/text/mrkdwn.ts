import { type Inline, type InlineRule, scanInline } from './inline.ts';

/** https://docs.slack.dev/messaging/formatting-message-text */
export type Part =
  | { readonly kind: 'paragraph' | 'quote'; readonly inlines: readonly Inline[] }
  | { readonly kind: 'fence'; readonly text: string };

const FENCE = /```\n?([\s\S]+?)\n?```/g;

/**
 * `verbatim` leaves bare addresses and `@here` alone, as Slack does; what stands in `<…>` is alive either way.
 */
export function parseMrkdwn(text: string, verbatim: boolean): readonly Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(FENCE)) {
    parts.push(...parseLines(text.slice(at, match.index), verbatim));
    parts.push({ kind: 'fence', text: decodeEntities(match[1] ?? '') });
    at = match.index + match[0].length;
  }
  parts.push(...parseLines(text.slice(at), verbatim));
  return parts;
}

const QUOTED = /^(?:&gt;|>) ?/;

function parseLines(text: string, verbatim: boolean): Part[] {
  const trimmed = text.replace(/^\n|\n$/g, '');
  if (trimmed === '') return [];
  const parts: Part[] = [];
  let lines: string[] = [];
  let isQuote = false;
  const flush = (): void => {
    if (lines.length === 0) return;
    const inlines = parseInline(lines.join('\n'), verbatim);
    parts.push({ kind: isQuote ? 'quote' : 'paragraph', inlines });
    lines = [];
  };
  for (const line of trimmed.split('\n')) {
    const quoted = QUOTED.test(line);
    if (quoted !== isQuote) flush();
    isQuote = quoted;
    lines.push(line.replace(QUOTED, ''));
  }
  flush();
  return parts;
}

function parseInline(text: string, verbatim: boolean): readonly Inline[] {
  return scanInline(text, verbatim ? RULES : [...RULES, ...BARE_RULES], decodeEntities);
}

const nested = (kind: 'bold' | 'italic' | 'strike', mark: string): InlineRule => ({
  pattern: new RegExp(`\\${mark}(?![\\s${mark}])([^\\n${mark}]*[^\\s${mark}])\\${mark}`, 'y'),
  isWord: true,
  read: ([, inner = '']) => ({ kind, children: scanInline(inner, RULES, decodeEntities) }),
});

const RULES: readonly InlineRule[] = [
  {
    pattern: /`([^`\n]+)`/y,
    read: ([, inner = '']) => ({ kind: 'code', text: decodeEntities(inner) }),
  },
  { pattern: /<([^<>\n]+)>/y, read: ([, inner = '']) => parseReference(inner) },
  {
    pattern: /:([a-z0-9_+'-]+):(?::skin-tone-[2-6]:)?/y,
    read: ([, name = '']) => (/^\d+$/.test(name) ? null : { kind: 'emoji', name }),
  },
  nested('bold', '*'),
  { ...nested('italic', '_'), pattern: /_(?![\s_])([^\n]*?[^\s_])_(?![\p{L}\p{N}])/uy },
  nested('strike', '~'),
];

const BARE_RULES: readonly InlineRule[] = [
  {
    pattern: /https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)'"\]]/y,
    isWord: true,
    read: ([url]) => ({ kind: 'link', url: decodeEntities(url), label: decodeEntities(url) }),
  },
  {
    pattern: /@(here|channel|everyone)/y,
    isWord: true,
    read: ([, range = '']) => ({ kind: 'broadcast', range }),
  },
];

/** What stands between `<` and `>`. */
function parseReference(inner: string): Inline | null {
  const bar = inner.indexOf('|');
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? '' : decodeEntities(inner.slice(bar + 1));
  if (/^@[UW]\w+$/.test(target)) return { kind: 'user', id: target.slice(1), label };
  if (/^#[CG]\w+$/.test(target)) return { kind: 'channel', id: target.slice(1), label };
  if (target.startsWith('!date^')) {
    const [, seconds = '', format = ''] = target.split('^');
    return { kind: 'date', seconds: Number(seconds), format, fallback: label };
  }
  if (target.startsWith('!subteam^')) return { kind: 'group', id: target.slice(9), label };
  if (target.startsWith('!')) return { kind: 'broadcast', range: label || target.slice(1) };
  if (/^(https?:\/\/|mailto:)/i.test(target)) {
    const url = decodeEntities(target);
    return { kind: 'link', url, label: label || url.replace(/^mailto:/i, '') };
  }
  return null;
}

/** Once, `&amp;` last: `&amp;lt;` is the text `&lt;`. */
export function decodeEntities(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
