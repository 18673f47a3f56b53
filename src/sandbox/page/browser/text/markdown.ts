import { type Inline, type InlineRule, scanInline } from './inline.ts';
import type { Part } from './mrkdwn.ts';

const BULLET = /^\s*[-*+] +/;
const NUMBER = /^\s*\d+[.)] +/;

/** The everyday part of Markdown, for Slack's `markdown` block: headings, lists, fences, quotes, and inline marks. */
export function parseMarkdown(text: string): readonly Part[] {
  const parts: Part[] = [];
  const lines = text.split('\n');
  while (lines.length > 0) {
    const line = lines.shift() ?? '';
    if (line.startsWith('```')) {
      const inside = takeWhile(lines, (each) => !each.startsWith('```'));
      lines.shift();
      parts.push({ kind: 'fence', text: inside.join('\n') });
    } else if (/^#{1,6} /.test(line)) {
      parts.push({ kind: 'heading', inlines: parseInline(line.replace(/^#+ +/, '')) });
    } else if (BULLET.test(line) || NUMBER.test(line)) {
      const mark = BULLET.test(line) ? BULLET : NUMBER;
      const items = [line, ...takeWhile(lines, (each) => mark.test(each))];
      parts.push({
        kind: 'list',
        isOrdered: mark === NUMBER,
        items: items.map((each) => parseInline(each.replace(mark, ''))),
      });
    } else if (line.startsWith('>')) {
      const quoted = [line, ...takeWhile(lines, (each) => each.startsWith('>'))];
      const inlines = parseInline(quoted.map((each) => each.replace(/^> ?/, '')).join('\n'));
      parts.push({ kind: 'quote', inlines });
    } else if (line.trim() !== '') {
      const more = takeWhile(lines, (each) => each.trim() !== '' && !/^(```|#{1,6} |>)/.test(each));
      parts.push({ kind: 'paragraph', inlines: parseInline([line, ...more].join('\n')) });
    }
  }
  return parts;
}

function takeWhile(lines: string[], test: (line: string) => boolean): string[] {
  const end = lines.findIndex((line) => !test(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}

function parseInline(text: string): readonly Inline[] {
  return scanInline(text, RULES, (plain) => plain);
}

const RULES: readonly InlineRule[] = [
  { pattern: /`([^`\n]+)`/y, read: ([, inner = '']) => ({ kind: 'code', text: inner }) },
  {
    pattern: /\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)/y,
    read: ([, label = '', url = '']) => ({ kind: 'link', url, label }),
  },
  {
    pattern: /\*\*(\S(?:.*?\S)?)\*\*/y,
    read: ([, inner = '']) => ({ kind: 'bold', children: parseInline(inner) }),
  },
  {
    pattern: /~~(\S(?:.*?\S)?)~~/y,
    read: ([, inner = '']) => ({ kind: 'strike', children: parseInline(inner) }),
  },
  {
    pattern: /([*_])(\S(?:.*?\S)?)\1/y,
    isWord: true,
    read: ([, , inner = '']) => ({ kind: 'italic', children: parseInline(inner) }),
  },
  { pattern: /:([a-z][a-z0-9_+'-]*):/y, read: ([, name = '']) => ({ kind: 'emoji', name }) },
];
