/** A run of text as it is to be shown. What is a string here becomes a text node and nothing else. */
export type Inline =
  | { readonly kind: 'text' | 'code'; readonly text: string }
  | { readonly kind: 'bold' | 'italic' | 'strike'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly url: string; readonly label: string }
  | { readonly kind: 'user' | 'channel' | 'group'; readonly id: string; readonly label: string }
  | { readonly kind: 'broadcast'; readonly range: string }
  | { readonly kind: 'emoji'; readonly name: string }
  | { readonly kind: 'date'; readonly seconds: number; readonly format: string; readonly fallback: string };

export interface InlineRule {
  /** Sticky. */
  readonly pattern: RegExp;
  /** Only where no letter or digit stands before and after, as for `*bold*`. */
  readonly isWord?: boolean;
  /** Null where it is none after all. */
  read(match: RegExpExecArray): Inline | null;
}

/** The first rule that matches at a place takes it; the rest is text, given to `decode`. */
export function scanInline(
  source: string,
  rules: readonly InlineRule[],
  decode: (text: string) => string,
): readonly Inline[] {
  const found: Inline[] = [];
  let plain = '';
  let at = 0;
  while (at < source.length) {
    const hit = matchRule(source, at, rules);
    if (hit === null) {
      plain += source[at];
      at += 1;
      continue;
    }
    if (plain !== '') found.push({ kind: 'text', text: decode(plain) });
    plain = '';
    found.push(hit.inline);
    at += hit.length;
  }
  if (plain !== '') found.push({ kind: 'text', text: decode(plain) });
  return found;
}

function matchRule(
  source: string,
  at: number,
  rules: readonly InlineRule[],
): { readonly inline: Inline; readonly length: number } | null {
  for (const rule of rules) {
    rule.pattern.lastIndex = at;
    const match = rule.pattern.exec(source);
    if (match === null) continue;
    const length = match[0].length;
    if (rule.isWord && (isLetter(source[at - 1]) || isLetter(source[at + length]))) continue;
    const inline = rule.read(match);
    if (inline !== null) return { inline, length };
  }
  return null;
}

function isLetter(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}]/u.test(char);
}
