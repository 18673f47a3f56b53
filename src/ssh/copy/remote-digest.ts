import type { ClientChannel } from 'ssh2';
import type { Connection } from '../connection/connection.ts';

/** Text that any POSIX shell takes as one word. */
export function quoteWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * The SHA-256 that the host itself computes of a file, in hex. Null where it has no tool for it, no POSIX shell
 * or no answer in time.
 */
export function digestRemote(
  connection: Connection,
  path: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  if (connection.host.shell !== 'posix' || !path.startsWith('/')) return Promise.resolve(null);
  const file = quoteWord(path);
  const command = [`sha256sum ${file}`, `shasum -a 256 ${file}`, `openssl dgst -sha256 -r ${file}`]
    .map((tool) => `${tool} 2>/dev/null </dev/null`)
    .join(' || ');
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
