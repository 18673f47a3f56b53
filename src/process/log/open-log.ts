import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import type { Config } from '../../config.ts';
import { type LearningMask, openMask } from '../../gather/mask.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { revealAll, type Secret } from '../../inventory/secret.ts';
import { type LogSink, openLogSink } from './log-sink.ts';

/** The log, and the mask that knows every token and the inventory's secrets before the first line is written. */
export function openLog(
  out: Writable,
  { slack, logLevel }: Pick<Config, 'slack' | 'logLevel'>,
  inventory: Inventory,
): { readonly log: Logger; readonly mask: LearningMask; readonly sink: LogSink } {
  const mask = openMask();
  mask.learn(revealAll([...inventory.secrets, ...tokensOf(slack)]));
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
