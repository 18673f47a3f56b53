import { type Logger, LogLevel } from '@slack/bolt';
import type { Log } from '../ports/log.ts';

/**
 * Bolt's log lines in ours, a level lower than Bolt thinks of them. Nothing below `warn` is let through: at
 * debug the SDK prints whole payloads, with what was typed and the response_url (socket-mode, SocketModeClient).
 */
export function quietLogger(log: Log): Logger {
  const warn = (...parts: readonly unknown[]) => {
    log.warn({ from: 'slack' }, redact(parts.map(describe).join(' ')).slice(0, 500));
  };
  return {
    debug() {},
    info() {},
    warn,
    // What comes of an error is ours to judge; the SDK also calls a connection it will open again an error.
    error: warn,
    setLevel() {},
    setName() {},
    getLevel: () => LogLevel.WARN,
  };
}

function describe(part: unknown): string {
  return part instanceof Error ? `${part.name}: ${part.message}` : String(part);
}

/** Tokens, and addresses that are a right to whoever holds them (response_url, the socket's ticket). */
export function redact(text: string): string {
  return text
    .replace(/\bx(?:ox[a-z]|app)-[\w-]+/g, '[token]')
    .replace(/\b(?:https?|wss?):\/\/\S+/g, (url) => `${URL.parse(url)?.origin ?? '[address]'}/…`);
}
