/** At most `maxChars` of a text, the last of them `…` where there was more, and no half of a character before it. */
export function shorten(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const last = text.charCodeAt(maxChars - 2);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return `${text.slice(0, maxChars - (isHalf ? 2 : 1))}…`;
}
