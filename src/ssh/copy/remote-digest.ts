import type { ClientChannel } from 'ssh2';
import { encodeWord, throughSh } from '../command/wrap.ts';
import type { Connection } from '../connection/connection.ts';

const DIGEST_SCRIPT =
  `exec </dev/null 2>/dev/null;set -- "$(printf %b_ "$3")";set -- "\${1%_}";` +
  'sha256sum "$1"||shasum -a 256 "$1"||openssl dgst -sha256 -r "$1"';

/**
 * The SHA-256 that the host itself computes of a file, in hex. Null where it has no tool for it, takes no
 * commands of ours or gives no answer in time.
 */
export function digestRemote(
  connection: Connection,
  path: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  if (connection.host.shell === 'raw' || !path.startsWith('/')) return Promise.resolve(null);
  const command = throughSh(DIGEST_SCRIPT, 'digest', encodeWord(path));
  return new Promise((resolve) => {
    let channel: ClientChannel | undefined;
    let said = '';
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      release();
      channel?.close();
      // GNU's sha256sum puts a backslash in front where the name has one.
      resolve(/^\\?([0-9a-f]{64}) /m.exec(said)?.[1] ?? null);
    };
    const timer = setTimeout(end, limitMs);
    const release = connection.onLost(end);
    signal.addEventListener('abort', end);
    connection
      .exec(command, (opened) => {
        channel = opened;
        opened.on('data', (chunk: Buffer) => {
          if (said.length < 4096) said += chunk.toString('latin1');
        });
        opened.stderr.resume();
        opened.on('error', () => {});
        opened.on('close', end);
      })
      .catch(end);
  });
}
