import { cleanOutput, shortLine } from './plain.ts';

/** A word joiner: invisible, and enough for Slack not to see a mention, an emoji name or an address. */
const JOINER = '\u2060';

/**
 * Any text → mrkdwn that shows it and does nothing else. `& < >` are all that Slack's parser unescapes
 * (docs.slack.dev, formatting-message-text), so no `<!channel>` or `<@U…>` is left; what a client may still
 * bring to life on its own (a bare `@here`, an address, an emoji name, a code fence) is broken up.
 * Control characters go as `cleanOutput` says.
 */
export function escapeMrkdwn(text: string): string {
  return cleanOutput(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/@(?=here|channel|everyone)/gi, `@${JOINER}`)
    .replace(/:\/\//g, `:${JOINER}//`)
    .replace(/:(?=[a-z0-9_+'-]+:)/gi, `:${JOINER}`)
    .replaceAll('`', 'ˋ');
}

/** What `escapeMrkdwn` was given, but for what it had to drop. */
export function unescapeMrkdwn(text: string): string {
  return text
    .replaceAll(JOINER, '')
    .replaceAll('ˋ', '`')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** `escapeMrkdwn` of as much of the text as fits into `maxChars` once escaped. */
export function escapeShort(text: string, maxChars: number): string {
  let room = maxChars;
  let escaped = escapeMrkdwn(shortLine(text, room));
  while (escaped.length > maxChars) {
    room = Math.floor(room / 2);
    escaped = escapeMrkdwn(shortLine(text, room));
  }
  return escaped;
}

/** Any text → mrkdwn inline code. A backtick would end it, so it is shown as the one that looks alike. */
export function inlineCode(text: string, maxChars: number): string {
  const oneLine = escapeShort(text, maxChars);
  return oneLine === '' ? '` `' : `\`${oneLine}\``;
}

/** A mention of a person, by the id that Slack vouched for; any other text is shown as it is. */
export function mention(userId: string): string {
  return /^[UW][A-Z0-9]{2,}$/.test(userId) ? `<@${userId}>` : escapeShort(userId, 60);
}

export function channelLink(channelId: string): string {
  return /^[CGD][A-Z0-9]{2,}$/.test(channelId) ? `<#${channelId}>` : escapeShort(channelId, 60);
}

/** Slack shows the time in each reader's own zone, in a `form` of its words (docs.slack.dev, date formatting). */
export function formatMoment(at: number, form: string): string {
  return `<!date^${Math.floor(at / 1_000)}^${form}|${new Date(at).toISOString()}>`;
}
