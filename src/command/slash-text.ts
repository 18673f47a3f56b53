/**
 * How the three characters that Slack escapes (`& < >`) come to us where a person typed them: as they are, or as
 * `&amp; &lt; &gt;`. Slack's sources do not say which it is today.
 */
export type TextReading = 'raw' | 'entities';

/** Where people type: each may be encoded in its own way. */
export type TextSource = 'command' | 'form';

/** Whether the two readings of it differ. */
export function mayBeEncoded(text: string): boolean {
  return /&(?:amp|lt|gt);/.test(text);
}

/**
 * What was typed: decoded exactly once, or not at all. The one place for it; nothing behind it decodes again.
 *
 * In encoded text a `<` is Slack's own, so a link with a label is certainly one that Slack made of the label. In
 * raw text it may have been typed.
 */
export function readText(text: string, reading: TextReading): string {
  if (reading === 'raw') return text;
  return decodeEntities(text.replace(/<(?:https?:\/\/|mailto:)[^|<>\s]+\|([^|<>]+)>/gi, '$1'));
}

/** Both readings of what somebody typed, for the mask: either is their own words. */
export function bothReadings(text: string): string {
  return mayBeEncoded(text) ? `${text}\n${readText(text, 'entities')}` : text;
}

/** `&amp;` last: `&amp;lt;` was typed as `&lt;`. Slack escapes these three and no others. */
function decodeEntities(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
