import type { Writable } from 'node:stream';
import { ConfigError } from '../errors.ts';
import type { AuditTrail } from '../ports.ts';

/** `EX_IOERR` of sysexits.h. */
const EXIT_OUTPUT_GONE = 74;
/** So much at a time goes to the reader, and waits until the system has taken it. */
const PIECE_CHARS = 64 * 1024;

/**
 * `npm run audit -- verify | export`. Works beside a running bot: it only reads. Resolves with the exit code
 * once the reader's side has taken everything, at whatever pace. A reader that went is told of on stderr, as half
 * of a trail must not look like all of it.
 */
export async function runAuditCommand(
  words: readonly string[],
  openTrail: () => AuditTrail,
  { out, complain }: { readonly out: Writable; readonly complain: (text: string) => void },
): Promise<number> {
  const [word] = words;
  if (words.length !== 1 || (word !== 'verify' && word !== 'export')) {
    throw new ConfigError(['audit: expected verify or export']);
  }
  const trail = openTrail();
  try {
    return word === 'export' ? await exportEntries(trail, out) : await verify(trail, out);
  } catch (error) {
    if (!(error instanceof OutputGone)) throw error;
    complain(error.message);
    return EXIT_OUTPUT_GONE;
  }
}

async function verify(trail: AuditTrail, out: Writable): Promise<number> {
  const { entries, head, faults } = await trail.verify();
  const lines = [
    ...faults.map((fault) => `fault: ${fault}\n`),
    `${entries} entries, ${faults.length} faults; head ${head}\n`,
  ];
  await give(out, lines.join(''), () => 'audit verify: the result could not be written');
  return faults.length > 0 ? 1 : 0;
}

async function exportEntries(trail: AuditTrail, out: Writable): Promise<number> {
  let piece = '';
  let given = 0;
  let held = 0;
  const flush = async (): Promise<void> => {
    await give(
      out,
      piece,
      () => `audit export: not all of it could be written: the output ended after ${given} entries`,
    );
    given += held;
    held = 0;
    piece = '';
  };
  for await (const entry of trail.entries()) {
    piece += `${JSON.stringify(entry)}\n`;
    held += 1;
    if (piece.length >= PIECE_CHARS) await flush();
  }
  if (held > 0) await flush();
  return 0;
}

class OutputGone extends Error {}

function give(out: Writable, text: string, words: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    out.write(text, (error) => {
      if (error) reject(new OutputGone(`${words()} (${'code' in error ? String(error.code) : error.name})`));
      else resolve();
    });
  });
}
