import type { ClientChannel } from 'ssh2';
import { delay } from '../../../time/delay.ts';
import type { Connection } from '../../connection/connection.ts';
import type { Deadlines } from '../../settings.ts';
import type { SudoLogin } from '../wrapping/sudo.ts';
import { stopProcesses } from './stop-processes.ts';
import type { StopAnswer } from './stop-script.ts';

/** What is known of a command that was to be stopped: what the host answered, or what became of our signals. */
export type StopResult = StopAnswer | 'ended-by-signal' | 'never-begun' | 'unknown';

export interface StoppedCommand {
  readonly connection: Connection;
  readonly deadlines: Deadlines;
  /** Undefined where the command was sent without anything of ours. */
  readonly id: string | undefined;
  /** Through which the command was started: only through it its processes can be seen and stopped. */
  readonly sudo: (SudoLogin & { readonly inTerminal: boolean }) | undefined;
  /** Undefined until our mark is there. */
  leader(): number | undefined;
  /** Undefined until the host has taken the command. */
  channel(): ClientChannel | undefined;
}

/** Takes seconds, never rejects, and ends whatever the host does. */
export async function stopCommand(command: StoppedCommand, news: ChannelNews): Promise<StopResult> {
  const { connection, deadlines, id, sudo } = command;
  if (id === undefined) return signalCommand(command, news);
  // A sudo that still asks has nothing more to read, and ends.
  if (sudo !== undefined && command.leader() === undefined) command.channel()?.end();
  const startMs = sudo === undefined ? deadlines.lingerMs : deadlines.killGraceMs;
  await news.until(() => command.leader() !== undefined, startMs);
  const leader = command.leader();
  if (leader === undefined && sudo !== undefined && news.hasExited) return 'never-begun';
  if (leader === undefined) return signalCommand(command, news);
  const answer = await stopProcesses(connection, { id, leader, sudo }, deadlines);
  if (answer === undefined) return signalCommand(command, news);
  // Its last words.
  if (answer !== 'left') await news.until(() => false, deadlines.lingerMs);
  return answer;
}

/** On the channel itself. OpenSSH passes it to the process group since 7.9, not for root or a forced command. */
async function signalCommand(command: StoppedCommand, news: ChannelNews): Promise<StopResult> {
  const { deadlines } = command;
  command.channel()?.signal('TERM');
  await news.until(() => news.hasExited, deadlines.killGraceMs);
  if (!news.hasExited) {
    command.channel()?.signal('KILL');
    await news.until(() => news.hasExited, deadlines.lingerMs);
  }
  if (!news.hasExited) return 'unknown';
  await news.until(() => false, deadlines.lingerMs);
  return 'ended-by-signal';
}

/** What the channel of a command still brings while the command is being stopped. */
export class ChannelNews {
  #hasExited = false;
  #isClosed = false;
  #wake = new AbortController();

  get hasExited(): boolean {
    return this.#hasExited;
  }

  tell(what: 'data' | 'exited' | 'closed'): void {
    if (what === 'exited') this.#hasExited = true;
    if (what === 'closed') this.#isClosed = true;
    this.#wake.abort();
  }

  /** Waits for the fact, the end of the channel, or the time. */
  async until(isSo: () => boolean, ms: number): Promise<void> {
    const over = performance.now() + ms;
    for (let leftMs = ms; leftMs > 0 && !this.#isClosed && !isSo(); leftMs = over - performance.now()) {
      this.#wake = new AbortController();
      await delay(leftMs, this.#wake.signal);
    }
  }
}
