import type { ClientChannel } from 'ssh2';
import { Deadline } from '../../../time/deadline.ts';
import type { Connection } from '../../connection/connection.ts';
import type { Deadlines } from '../../settings.ts';
import { parseStopAnswer, type StopAnswer, stopLine } from './stop-script.ts';

/** Room for a slow host's shell to start, on top of what the script waits itself. */
const SCRIPT_MS = 4_000;
/** Start-up files may speak before the answer; who says more than this is not answering. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 128;

/**
 * Ends a command's processes through a second channel. Undefined where the host gave no channel, no answer, or
 * none in time; a script that came about all the same may still be at work then.
 */
export function stopProcesses(
  connection: Connection,
  id: string,
  leader: number,
  deadlines: Deadlines,
): Promise<StopAnswer | undefined> {
  return new Promise((resolve) => {
    let channel: ClientChannel | undefined;
    let said = '';
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      limit.clear();
      release();
      channel?.close();
      resolve(parseStopAnswer(id, said));
    };
    const limit = new Deadline();
    limit.set(deadlines.channelMs + deadlines.killGraceMs + SCRIPT_MS, end);
    const release = connection.onLost(end);
    connection
      .exec(stopLine({ id, leader, graceMs: deadlines.killGraceMs }), (opened) => {
        channel = opened;
        opened.on('error', () => {});
        opened.stderr.on('error', () => {});
        opened.stderr.resume();
        if (isOver) return opened.close();
        opened.on('data', (chunk: Buffer) => {
          if (isOver) return;
          said += chunk.toString('latin1', 0, MAX_ANSWER_BYTES);
          // Each byte is searched about once, however small the pieces.
          const isThere = parseStopAnswer(id, said.slice(-chunk.length - MAX_LINE_BYTES)) !== undefined;
          if (isThere || said.length > MAX_ANSWER_BYTES) end();
        });
        opened.on('close', end);
      })
      .catch(end);
  });
}
