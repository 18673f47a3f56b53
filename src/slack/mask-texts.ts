import { escapeMrkdwn, unescapeMrkdwn } from '../report/text/escape.ts';

/** Every text in a message or file, masked; what is not for people (ids, kinds, bytes) stays. */
export function maskTexts<T>(value: T, mask: (text: string) => string): T;
export function maskTexts(value: unknown, mask: (text: string) => string): unknown {
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => maskTexts(item, mask));
  // The text of a message, of mrkdwn and a file's comment are escaped; all other text is as people read it.
  const isEscaped = 'blocks' in value || 'comment' in value || ('type' in value && value.type === 'mrkdwn');
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (typeof inner !== 'string') return [key, maskTexts(inner, mask)];
      if (key === 'text' || key === 'comment')
        return [key, isEscaped ? maskMarkup(inner, mask) : mask(inner)];
      return [key, key === 'filename' ? mask(inner) : inner];
    }),
  );
}

/** A secret with `&` or `<` in it does not look like itself once it is escaped. */
function maskMarkup(text: string, mask: (text: string) => string): string {
  const masked = mask(text);
  const raw = unescapeMrkdwn(masked);
  const maskedRaw = mask(raw);
  // Markup of ours is lost then: a dead mention is better than a secret.
  return maskedRaw === raw ? masked : escapeMrkdwn(maskedRaw);
}
