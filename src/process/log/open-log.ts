import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import type { Config } from '../../config/config.ts';
import { type LearningMask, openMask } from '../../gather/mask.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { revealAll, Secret } from '../../inventory/secret.ts';
import { type LogSink, openLogSink } from './log-sink.ts';

/** The log, and the mask that knows every token, the database's password and the inventory's secrets before the first line is written. */
export function openLog(
  out: Writable,
  { slack, logLevel, databaseUrl }: Pick<Config, 'slack' | 'logLevel' | 'databaseUrl'>,
  inventory: Inventory,
): { readonly log: Logger; readonly mask: LearningMask; readonly sink: LogSink } {
  const mask = openMask();
  mask.learn(revealAll([...inventory.secrets, ...tokensOf(slack), ...passwordsOf(databaseUrl)]));
  const sink = openLogSink(out);
  const log = pino(
    { level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => sink.write(mask.now().text(line)) },
  );
  return { log, mask, sink };
}

function tokensOf({ botToken, mode }: Config['slack']): readonly Secret[] {
  return [botToken, mode.kind === 'socket' ? mode.appToken : mode.signingSecret];
}

/** Of a server's address: as it is written there, and as it is meant. A path has none. */
function passwordsOf(databaseUrl: string): readonly Secret[] {
  const url = URL.parse(databaseUrl);
  if (url === null) return [];
  const written = [url.password, url.searchParams.get('password') ?? ''].filter((text) => text !== '');
  const meant = written.map(decoded);
  return [...written, ...meant, ...meant.map(encodeURIComponent)].map((text) => new Secret(text));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
