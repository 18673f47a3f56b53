import { isRecord, type Json } from '../json.ts';
import type { LivePart } from './message.ts';

/**
 * What in a message Slack would bring to life. Errs on the side of alive: `<!channel>` in a code span counts, as
 * `verbatim` and code only stop the parsing of bare words, never of what stands in angle brackets.
 */

export interface Parsing {
  /** `full` makes bare `@name`, `#channel` and addresses live, `none` not even addresses. */
  readonly parse: 'full' | 'none' | 'default';
  readonly linkNames: boolean;
}

export interface MessageParts {
  readonly text: string;
  readonly blocks: readonly Json[];
}

export interface Live {
  readonly pings: readonly LivePart[];
  readonly links: readonly LivePart[];
}

export function findLive(parts: MessageParts, parsing: Parsing): Live {
  const found = listLive(parts, parsing);
  return { pings: found.filter(isPing), links: found.filter((part) => !isPing(part)) };
}

function isPing(part: LivePart): boolean {
  return part.kind === 'broadcast' || part.kind === 'user' || part.kind === 'usergroup';
}

function listLive(parts: MessageParts, parsing: Parsing): readonly LivePart[] {
  const namesAreLive = parsing.parse === 'full' || parsing.linkNames;
  return [
    ...findInMrkdwn(parts.text, '/text', {
      addresses: parsing.parse !== 'none',
      names: namesAreLive,
    }),
    ...parts.blocks.flatMap((block, index) => findInBlock(block, `/blocks/${index}`)),
  ];
}

interface BareWords {
  readonly addresses: boolean;
  readonly names: boolean;
}

function findInBlock(value: unknown, at: string): LivePart[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => findInBlock(item, `${at}/${index}`));
  if (!isRecord(value)) return [];
  const text = typeof value.text === 'string' ? value.text : '';
  switch (value.type) {
    case 'mrkdwn': {
      const isVerbatim = value.verbatim === true;
      return findInMrkdwn(text, at, { addresses: !isVerbatim, names: !isVerbatim });
    }
    case 'user':
      return [{ kind: 'user', value: String(value.user_id), at }];
    case 'plain_text':
    case 'text':
      return [];
    default: {
      const own: LivePart[] =
        typeof value.url === 'string' ? [{ kind: 'link', value: value.url, at: `${at}/url` }] : [];
      return [...own, ...Object.entries(value).flatMap(([key, child]) => findInBlock(child, `${at}/${key}`))];
    }
  }
}

/** https://docs.slack.dev/messaging/formatting-message-text: `<@U>`, `<#C>`, `<!…>`, `<http…|label>`. */
function findInMrkdwn(text: string, at: string, bare: BareWords): LivePart[] {
  const found: LivePart[] = [];
  const rest = text.replaceAll(/<([^<>]+)>/g, (_all, inside: string) => {
    const part = findInBrackets(inside, at);
    if (part !== undefined) found.push(part);
    return ' ';
  });
  if (bare.names) {
    for (const match of rest.matchAll(/(?<![\w&])@(here|channel|everyone)\b/gi)) {
      found.push({ kind: 'broadcast', value: match[1]?.toLowerCase() ?? '', at });
    }
  }
  if (bare.addresses) {
    for (const match of rest.matchAll(/\b(?:https?:\/\/|mailto:)\S+/gi)) {
      found.push({ kind: 'link', value: match[0], at });
    }
  }
  return found;
}

function findInBrackets(inside: string, at: string): LivePart | undefined {
  const [target = ''] = inside.split('|');
  if (/^!(here|channel|everyone)$/.test(target)) return { kind: 'broadcast', value: target.slice(1), at };
  if (target.startsWith('!subteam^')) return { kind: 'usergroup', value: target.slice(9), at };
  if (target.startsWith('!date^')) return { kind: 'date', value: target.slice(6), at };
  if (/^@[UWB]/.test(target)) return { kind: 'user', value: target.slice(1), at };
  if (/^#C/.test(target)) return { kind: 'channel', value: target.slice(1), at };
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return { kind: 'link', value: target, at };
  return undefined;
}
