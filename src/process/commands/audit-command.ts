import type { Writable } from 'node:stream';
import { ConfigError, showCode } from '../../errors.ts';
import type { AuditTrail } from '../../ports/records.ts';
import type { ExpectedHead } from '../../run/audit-entry.ts';

/** `EX_IOERR` of sysexits.h. */
const EXIT_OUTPUT_GONE = 74;
/** So much at a time goes to the reader, and waits until the system has taken it. */
const PIECE_CHARS = 64 * 1024;

/**
 * `npm run audit -- verify [--head HEAD] | export`. Works beside a running bot: it only reads. Resolves with the exit code
 * once the reader's side has taken everything, at whatever pace. A reader that went is told of on stderr, as half
 * of a trail must not look like all of it.
 */
export async function runAuditCommand(
  words: readonly string[],
  openTrail: () => AuditTrail,
  { out, complain }: { readonly out: Writable; readonly complain: (text: string) => void },
): Promise<number> {
  const [word, ...rest] = words;
  if (word !== 'verify' && (word !== 'export' || rest.length > 0)) {
    throw new ConfigError(['audit: expected verify, verify --head NUMBER:HASH or export']);
  }
  const expected = parseExpected(rest);
  const trail = openTrail();
  try {
    return word === 'export' ? await exportEntries(trail, out) : await verify(trail, expected, out);
  } catch (error) {
    if (!(error instanceof OutputGone)) throw error;
    complain(error.message);
    return EXIT_OUTPUT_GONE;
  }
}

/** `12:ab…` as an anchor's line and `verify` itself print it; `#12 ab…` as any line of the audit channel ends. */
function parseExpected(words: readonly string[]): ExpectedHead | undefined {
  if (words.length === 0) return undefined;
  const [flag, ...values] = words;
  const found = /^(?:#?(\d{1,15})[: ])?([0-9a-f]{12,64})$/i.exec(values.join(' ').trim());
  if (flag !== '--head' || found === null) {
    throw new ConfigError([
      'audit verify: expected --head NUMBER:HASH, as a line of the audit channel has it (at least 12 digits of the hash)',
    ]);
  }
  const [, seq, hash = ''] = found;
  return { seq: seq === undefined ? undefined : Number(seq), hash: hash.toLowerCase() };
}

async function verify(trail: AuditTrail, expected: ExpectedHead | undefined, out: Writable): Promise<number> {
  const { entries, head, faults, notes } = await trail.verify(expected);
  const lines = [
    ...notes.map((note) => `note: ${note}\n`),
    ...(expected === undefined ? [`note: ${WITHOUT_HEAD}\n`] : []),
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

const WITHOUT_HEAD =
  'a chain that was written anew as a whole is told only by a head that was kept elsewhere: verify --head NUMBER:HASH';

class OutputGone extends Error {}

function give(out: Writable, text: string, words: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    out.write(text, (error) => {
      if (error) reject(new OutputGone(`${words()} (${showCode(error)})`));
      else resolve();
    });
  });
}
