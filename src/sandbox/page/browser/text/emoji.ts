/** A few shortcodes that people type; any other is shown as it is written. */
const EMOJI: Readonly<Record<string, string>> = {
  '+1': '👍',
  '-1': '👎',
  eyes: '👀',
  hourglass_flowing_sand: '⏳',
  package: '📦',
  rocket: '🚀',
  tada: '🎉',
  warning: '⚠️',
  wave: '👋',
  white_check_mark: '✅',
  x: '❌',
};

export function formatEmoji(name: string): string {
  return Object.hasOwn(EMOJI, name) ? (EMOJI[name] ?? '') : `:${name}:`;
}

/** For `plain_text`, where shortcodes are all that is alive. */
export function replaceEmoji(text: string): string {
  return text.replace(/:([a-z0-9_+-]+):/g, (_whole, name: string) => formatEmoji(name));
}
