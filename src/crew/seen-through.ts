import type { Mask } from '../gather/mask.ts';
import type { Spool } from '../ports/disk.ts';
import { cleanOutput } from '../report/text/plain.ts';
import type { Outcome, StreamText } from '../run/outcome.ts';
import { cleanLines } from '../thread/files/clean-lines.ts';

/**
 * Who shows what a host said drops its colours first, and a secret may stand around one: then it is a secret only
 * once the colour is gone. A bot that knows no secrets could not tell, so the worker looks as the bot will.
 */
export async function seenThrough(outcome: Outcome, mask: Mask, spool: Spool): Promise<Outcome> {
  const looked = { mask, spool, keptBack: false };
  const stdout = await seeThrough(outcome.stdout, looked);
  const stderr = await seeThrough(outcome.stderr, looked);
  const reason = looked.keptBack
    ? [outcome.reason, KEPT_BACK].filter((text) => text !== '').join('; ')
    : outcome.reason;
  return { ...outcome, stdout, stderr, reason };
}

const KEPT_BACK =
  'its long output is kept back: a secret stands in it between colours, or it could not be looked through';

interface Looked {
  readonly mask: Mask;
  readonly spool: Spool;
  keptBack: boolean;
}

async function seeThrough(stream: StreamText, looked: Looked): Promise<StreamText> {
  const { mask, spool } = looked;
  const shown = (text: string): string => {
    const clean = cleanOutput(text, { overwrites: 'keep' });
    const masked = mask.text(clean);
    return masked === clean ? text : masked;
  };
  const { spool: spooled, ...rest } = stream;
  const seen = { ...rest, head: shown(stream.head), tail: shown(stream.tail) };
  if (spooled === undefined) return seen;
  // What cannot be looked through is not shown either; how the command ended is.
  const holds = await lookThrough(spool, spooled.path, mask).catch(() => true);
  if (!holds) return { ...seen, spool: spooled };
  looked.keptBack = true;
  return seen;
}

async function lookThrough(spool: Spool, path: string, mask: Mask): Promise<boolean> {
  const bytes = await spool.read(path);
  return bytes !== undefined && (await holdsSecret(bytes, mask));
}

async function holdsSecret(bytes: AsyncIterable<Uint8Array>, mask: Mask): Promise<boolean> {
  let before = '';
  for await (const text of cleanLines(decoded(bytes))) {
    const joined = before + text;
    if (mask.text(joined) !== joined) return true;
    before = joined.slice(-mask.longestBytes);
  }
  return false;
}

async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
}
