import type { ClientChannel } from 'ssh2';
import { Deadline } from '../../time/deadline.ts';
import { encodeWord, throughSh } from '../command/wrapping/line.ts';
import type { Connection } from '../connection/connection.ts';
import { CHECKSUM_BYTES_PER_SECOND, MAX_CHECKSUM_ANSWER_BYTES } from '../sftp/limits.ts';
import type { CopyRun } from './open-copy.ts';

const DIGEST_SCRIPT =
  `exec </dev/null 2>/dev/null;set -- "$(printf %b_ "$3")";set -- "\${1%_}";` +
  'openssl dgst -sha256 -r "$1"||sha256sum "$1"||shasum -a 256 "$1"';

/**
 * The SHA-256 that the host itself computes of a file, in hex. Null where it has no tool for it, takes no
 * commands of ours or gives no answer in time: the copy does not depend on it.
 */
export function digestRemote(copy: CopyRun, path: string, bytes: number): Promise<string | null> {
  const { connection, limits, signal } = copy;
  if (connection.host.shell === 'raw' || !path.startsWith('/')) return Promise.resolve(null);
  const limitMs = limits.checksumMs + (bytes / CHECKSUM_BYTES_PER_SECOND) * 1_000;
  return ask(connection, throughSh(DIGEST_SCRIPT, 'digest', encodeWord(path)), limitMs, signal);
}

/** A command line of a host holds some 100 KiB; the escapes make a name longer. */
const MANY_BYTES = 16 * 1024;
const MANY_FILES = 200;
const QUIET = 'exec </dev/null 2>/dev/null;shift 2;';
/** A process for each name, which is slow: only where one has to be decoded. */
const DECODE = `n=$#;while [ "$n" -gt 0 ];do p=$(printf %b_ "$1");shift;set -- "$@" "\${p%_}";n=$((n-1));done;`;
/** An empty line between what one tool says and what the next one does: one that cannot read all of them has said some. */
const DIGEST_ALL = 'openssl dgst -sha256 -r "$@"||{ echo;sha256sum "$@";}||{ echo;shasum -a 256 "$@";}';

/** The same of many files, in their order; null of those of which it gives none. */
export async function digestManyRemote(
  copy: CopyRun,
  files: readonly { readonly path: string; readonly bytes: number }[],
): Promise<readonly (string | null)[]> {
  const { connection, limits, signal } = copy;
  if (connection.host.shell === 'raw') return files.map(() => null);
  const all: (string | null)[] = [];
  for (let start = 0; start < files.length; ) {
    let end = start;
    for (
      let length = 0;
      end < files.length && end - start < MANY_FILES && (end === start || length < MANY_BYTES);
      end++
    ) {
      length += Buffer.byteLength(files[end]?.path ?? '');
    }
    const some = files.slice(start, end);
    const bytes = some.reduce((sum, one) => sum + one.bytes, 0);
    const limitMs = limits.checksumMs + (bytes / CHECKSUM_BYTES_PER_SECOND) * 1_000;
    const words = some.map(({ path }) => encodeWord(path));
    // Where a name has to be escaped, a byte of it may come as two.
    const mostBytes = some.reduce((sum, { path }) => sum + 80 + 2 * Buffer.byteLength(path), 0);
    const said = await hear(
      connection,
      throughSh(
        `${QUIET}${words.some((word) => word.includes('\\')) ? DECODE : ''}${DIGEST_ALL}`,
        'digest',
        ...words,
      ),
      { ms: limitMs, bytes: mostBytes },
      signal,
    );
    const bySome = said
      .split('\n\n')
      .map((part) => [...part.matchAll(/^\\?([0-9a-f]{64}) /gm)].map(([, sum]) => sum ?? null));
    // One that could not be read has no line: then nobody knows whose the others are.
    const sums = bySome.find(({ length }) => length === some.length) ?? some.map(() => null);
    all.push(...sums);
    if (bySome.every(({ length }) => length === 0)) return files.map((_, i) => all[i] ?? null);
    start = end;
  }
  return all;
}

/** GNU's sha256sum puts a backslash in front where the name has one. */
async function ask(
  connection: Connection,
  command: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  const limits = { ms: limitMs, bytes: MAX_CHECKSUM_ANSWER_BYTES };
  const said = await hear(connection, command, limits, signal);
  return /^\\?([0-9a-f]{64}) /m.exec(said)?.[1] ?? null;
}

function hear(
  connection: Connection,
  command: string,
  most: { readonly ms: number; readonly bytes: number },
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve) => {
    let channel: ClientChannel | undefined;
    let isOver = false;
    let said = '';
    const end = () => {
      isOver = true;
      limit.clear();
      signal.removeEventListener('abort', end);
      release();
      channel?.close();
      resolve(said);
    };
    const limit = new Deadline();
    limit.set(most.ms, end);
    const release = connection.onLost(end);
    signal.addEventListener('abort', end);
    connection
      .exec(command, (opened) => {
        channel = opened;
        opened.on('data', (chunk: Buffer) => {
          if (said.length < most.bytes) said += chunk.toString('latin1');
        });
        opened.stderr.resume();
        opened.on('error', () => {});
        opened.on('close', end);
        // Nobody waits for it any more.
        if (isOver) opened.close();
      })
      .catch(end);
  });
}
