import type { ClientChannel } from 'ssh2';
import type { Connection } from '../connection/connection.ts';
import type { Deadlines } from '../settings.ts';
import { stopScript } from './posix.ts';

/** Room for a slow host's shell to start, on top of what the script waits itself. */
const SCRIPT_MS = 4_000;

/** Ends a process group through a second channel. True where the host says that nothing of it is left. */
export function stopGroup(connection: Connection, leader: number, deadlines: Deadlines): Promise<boolean> {
  return new Promise((resolve) => {
    let channel: ClientChannel | undefined;
    let said = '';
    const end = () => {
      clearTimeout(timer);
      release();
      channel?.close();
      resolve(/^gone$/m.test(said));
    };
    const timer = setTimeout(end, deadlines.channelMs + deadlines.killGraceMs + SCRIPT_MS);
    const release = connection.onLost(end);
    connection
      .exec(stopScript(leader, deadlines.killGraceMs), (opened) => {
        channel = opened;
        opened.on('data', (chunk: Buffer) => {
          said += chunk.toString('latin1');
        });
        opened.stderr.resume();
        opened.on('error', () => {});
        opened.on('close', end);
      })
      .catch(end);
  });
}
