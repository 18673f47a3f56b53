import type { ClientChannel } from 'ssh2';
import { Deadline } from '../../time/deadline.ts';
import { encodeWord, throughSh } from '../command/wrapping/line.ts';
import type { Connection } from '../connection/connection.ts';
import { CHECKSUM_BYTES_PER_SECOND, MAX_CHECKSUM_ANSWER_BYTES } from '../sftp/limits.ts';
import type { CopyRun } from './open-copy.ts';

const DIGEST_SCRIPT =
  `exec </dev/null 2>/dev/null;set -- "$(printf %b_ "$3")";set -- "\${1%_}";` +
  'sha256sum "$1"||shasum -a 256 "$1"||openssl dgst -sha256 -r "$1"';

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

function ask(
  connection: Connection,
  command: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<string | null> {
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
      // GNU's sha256sum puts a backslash in front where the name has one.
      resolve(/^\\?([0-9a-f]{64}) /m.exec(said)?.[1] ?? null);
    };
    const limit = new Deadline();
    limit.set(limitMs, end);
    const release = connection.onLost(end);
    signal.addEventListener('abort', end);
    connection
      .exec(command, (opened) => {
        channel = opened;
        opened.on('data', (chunk: Buffer) => {
          if (said.length < MAX_CHECKSUM_ANSWER_BYTES) said += chunk.toString('latin1');
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
