import type { ClientChannel } from 'ssh2';
import { Deadline } from '../../../time/deadline.ts';
import type { Connection } from '../../connection/connection.ts';
import type { Deadlines } from '../../settings.ts';
import { promptOf, type SudoLogin } from '../wrapping/sudo.ts';
import { parseStopAnswer, type StopAnswer, stopLine } from './stop-script.ts';

/** Start-up files may speak before the answer; who says more than this is not answering. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 128;

export interface StoppedProcesses {
  readonly id: string;
  readonly leader: number;
  readonly sudo: (SudoLogin & { readonly inTerminal: boolean }) | undefined;
}

/**
 * Ends a command's processes through a second channel. Undefined where the host gave no channel, no answer, or
 * none in time; a script that came about all the same may still be at work then.
 */
export function stopProcesses(
  connection: Connection,
  { id, leader, sudo }: StoppedProcesses,
  deadlines: Deadlines,
): Promise<StopAnswer | undefined> {
  const inTerminal = sudo?.inTerminal === true;
  return new Promise((resolve) => {
    let channel: ClientChannel | undefined;
    let said = '';
    const answer = sudo && new PromptAnswer(promptOf(id), sudo.password, () => channel);
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
    limit.set(deadlines.channelMs + deadlines.killGraceMs + deadlines.scriptMs, end);
    const release = connection.onLost(end);
    connection
      .exec(
        stopLine({ id, leader, sudo, graceMs: deadlines.killGraceMs }),
        (opened) => {
          channel = opened;
          opened.on('error', () => {});
          opened.stderr.on('error', () => {});
          if (!inTerminal && answer) opened.stderr.on('data', (chunk: Buffer) => answer.push(chunk));
          opened.stderr.resume();
          if (isOver) return opened.close();
          opened.on('data', (chunk: Buffer) => {
            if (isOver) return;
            if (inTerminal) answer?.push(chunk);
            said += chunk.toString('latin1', 0, MAX_ANSWER_BYTES);
            // Each byte is searched about once, however small the pieces.
            const isThere = parseStopAnswer(id, said.slice(-chunk.length - MAX_LINE_BYTES)) !== undefined;
            if (isThere || said.length > MAX_ANSWER_BYTES) end();
          });
          opened.on('close', end);
        },
        { inTerminal },
      )
      .catch(end);
  });
}

/** Sudo was given this password when the command began; it asks once more, and is answered once. */
class PromptAnswer {
  readonly #prompt: string;
  readonly #password: string | undefined;
  readonly #channel: () => ClientChannel | undefined;
  #tail = '';
  #asked = 0;

  constructor(prompt: string, password: string | undefined, channel: () => ClientChannel | undefined) {
    this.#prompt = prompt;
    this.#password = password;
    this.#channel = channel;
  }

  push(chunk: Buffer): void {
    const seen = this.#tail + chunk.toString('latin1', 0, MAX_ANSWER_BYTES);
    const at = seen.indexOf(this.#prompt);
    this.#tail = at < 0 ? seen.slice(-this.#prompt.length) : seen.slice(at + this.#prompt.length);
    if (at < 0) return;
    this.#asked += 1;
    if (this.#asked === 1 && this.#password !== undefined) this.#channel()?.write(`${this.#password}\n`);
    else this.#channel()?.end();
  }
}
