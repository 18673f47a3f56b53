import type { ClientChannel } from 'ssh2';
import type { LookAtOutput } from '../../run/live-output.ts';
import type { EnvironmentVariable } from '../../run/plan.ts';
import type { Connection } from '../connection/connection.ts';
import { type Deadlines, formatSeconds, HASTY_DEADLINES } from '../settings.ts';
import {
  cutOff,
  NeedsTerminal,
  NoTerminal,
  noCommandChannel,
  stopKind,
  stopTrouble,
  Trouble,
} from '../trouble.ts';
import { CommandOutput } from './command-output.ts';
import { Course } from './course.ts';
import {
  type Ending,
  type Exit,
  judgeExit,
  judgeStop,
  lost,
  NO_SCRIPT,
  readExit,
  type StopCause,
  type Verdict,
} from './ending.ts';
import type { StreamSettings } from './spooled-stream.ts';
import { type CommandFiles, CommandInput, startOf } from './starting/command-input.ts';
import { type Sudo, SudoPassword } from './starting/sudo-password.ts';
import { ChannelNews, type StoppedCommand, type StopResult, stopCommand } from './stop/stop-command.ts';
import { wrapCommand } from './wrap.ts';

export interface CommandRun extends StreamSettings, CommandFiles {
  readonly connection: Connection;
  readonly command: string;
  readonly timeLimitMs: number;
  /** It is stopped where it says nothing for so long. */
  readonly idleMs?: number;
  readonly env?: readonly EnvironmentVariable[];
  /** Left out where the login itself runs it. */
  readonly sudo?: Sudo;
  /** It is on its way: how to look at what it says from now on. */
  readonly onBegun?: (look: LookAtOutput) => void;
  readonly signal: AbortSignal;
  /** Asked at the last moment before the command is written. */
  readonly mayBegin?: () => boolean;
  readonly deadlines: Deadlines;
}

/**
 * Runs one command. A `Trouble` where it was never sent; from then on it always ends, once, with the first cause that
 * came.
 */
export function runCommand(run: CommandRun): Promise<Ending> {
  return new Promise((resolve, reject) => new RunningCommand(run, resolve, reject).open());
}

class RunningCommand {
  readonly #run: CommandRun;
  readonly #resolve: (ending: Promise<Ending>) => void;
  readonly #reject: (error: unknown) => void;
  readonly #wrapping;
  readonly #output: CommandOutput;
  readonly #password: SudoPassword | undefined;
  readonly #input: CommandInput;
  readonly #release: () => void;
  readonly #onAbort = () => this.#stop(stopKind(this.#run.signal));
  readonly #course: Course;
  #channel: ClientChannel | undefined;

  constructor(run: CommandRun, resolve: (ending: Promise<Ending>) => void, reject: (error: unknown) => void) {
    this.#run = run;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#course = new Course(reject);
    const { command, sudo, env, script, stdin, timeLimitMs, deadlines } = run;
    this.#wrapping = wrapCommand(command, run.connection.host.shell, {
      hostLimitMs: timeLimitMs + deadlines.hostMarginMs,
      hasStdin: stdin !== undefined,
      ...(sudo && { sudo }),
      ...(env && { env }),
      ...(script && { script: startOf(script) }),
    });
    this.#input = new CommandInput(run, () => this.#channel);
    this.#password =
      sudo &&
      new SudoPassword(
        sudo,
        () => this.#channel,
        () => this.#awaitGoodbye(),
      );
    this.#output = new CommandOutput(
      run,
      this.#wrapping,
      (sudo || script) && {
        inTerminal: sudo?.inTerminal === true,
        onPrompt: () => this.#onPrompt(),
        onScriptWanted: () => this.#input.sendScript(),
      },
    );
    this.#release = run.connection.onLost((reason) => this.#onEnd(reason));
    run.signal.addEventListener('abort', this.#onAbort);
  }

  open(): void {
    const { connection, deadlines, signal } = this.#run;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    this.#course.limit(deadlines.channelMs, () =>
      this.#refuse(noCommandChannel(`no answer within ${formatSeconds(deadlines.channelMs)}`)),
    );
    connection
      .exec(this.#wrapping?.text ?? this.#run.command, (channel) => this.#attach(channel), {
        onSent: () => this.#onSent(),
        inTerminal: this.#run.sudo?.inTerminal === true,
      })
      .catch((error: unknown) => this.#onRefused(error));
  }

  #onSent(): void {
    // The channel came too late. What is thrown here keeps the library from writing the command.
    if (this.#course.at === 'over') throw new Error('the host opened the channel too late');
    // The library asks more than once.
    if (this.#course.at !== 'opening') return;
    // This process may have stood still, and no timer have told it yet: what the host answered is heard first.
    if (this.#run.mayBegin?.() === false) {
      this.#refuse(cutOff(BEFORE));
      throw new Error('others may have the host by now');
    }
    this.#course.enter({ at: 'sent' });
    this.#course.limit(this.#run.timeLimitMs, () => this.#stop('timed-out'));
    const { idleMs } = this.#run;
    if (idleMs === undefined) return;
    this.#course.limitSilence(
      idleMs,
      () => this.#output.isHeldUp,
      () => this.#stop('silent'),
    );
  }

  #attach(channel: ClientChannel): void {
    this.#channel = channel;
    channel.on('error', () => {});
    channel.stderr.on('error', () => {});
    if (this.#course.at === 'over') {
      channel.close();
      return;
    }
    this.#output.attach(channel, () => this.#onData());
    this.#run.onBegun?.(() => this.#output.peek());
    channel.on('exit', (code: unknown, signal: unknown) => this.#onExit(readExit(code, signal)));
    channel.on('close', () => this.#onEnd());
  }

  /** The channel did not come about. */
  #onRefused(error: unknown): void {
    const { at } = this.#course;
    if (at === 'opening' || (at === 'sent' && error instanceof NoTerminal)) {
      this.#refuse(error instanceof Trouble ? error : new Trouble('unreachable', String(error)));
    } else if (at === 'sent') {
      // Either it would not run the command, or it closed the channel without a word: that cannot be told apart.
      this.#settle(() => lost('the host did not take the command, or closed its channel before it answered'));
    } else if (at === 'stopping') {
      this.#course.tell('closed');
    }
  }

  #onData(): void {
    this.#course.heard();
    this.#course.tell('data');
    if (this.#output.leader === undefined || this.#course.at !== 'sent') return;
    this.#password?.accepted();
    this.#input.sendStdin();
  }

  #onPrompt(): void {
    // Sudo is past its question: whoever asks now is of the user that it became.
    if (this.#input.isScriptSent) return;
    if (this.#course.at === 'sent') this.#password?.answer().catch(this.#reject);
    else this.#channel?.end();
  }

  /** Sudo has nothing more to read, and is to say its last words. */
  #awaitGoodbye(): void {
    if (this.#course.at !== 'sent') return;
    this.#course.limit(this.#run.deadlines.killGraceMs, () => this.#settleExit(SAID_NOTHING, ''));
  }

  /** Only the first one counts: a host may say it twice, or late. */
  #onExit(exit: Exit): void {
    this.#course.tell('exited');
    if (this.#course.at !== 'sent') return;
    this.#course.enter({ at: 'exited', exit });
    this.#output.hurry();
    this.#course.limit(this.#run.deadlines.lingerMs, () =>
      this.#settleExit(exit, 'a background process kept the channel open'),
    );
  }

  /** The channel was closed by the host, or lost with its connection, for that reason. */
  #onEnd(lossReason?: string): void {
    const state = this.#course.state;
    switch (state.at) {
      case 'exited': {
        const note = 'the connection broke right after, the end of the output may be missing';
        this.#settleExit(state.exit, lossReason === undefined ? '' : note);
        break;
      }
      case 'sent':
        this.#settle(() =>
          lossReason === undefined
            ? lost('the host closed the channel without an exit code; the command may or may not have ended')
            : lost(`${lossReason} while the command ran; it may still be running`),
        );
        break;
      case 'stopping':
        this.#course.tell('closed');
        break;
      case 'opening':
      case 'over':
        // The one is told by `exec`, the other has its verdict.
        break;
      default:
        state satisfies never;
    }
  }

  #stop(cause: StopCause): void {
    const { at } = this.#course;
    if (at === 'opening') this.#refuse(stopTrouble(this.#run.signal, BEFORE));
    if (at !== 'sent') return;
    const news = new ChannelNews();
    this.#course.enter({ at: 'stopping', news });
    this.#output.hurry();
    const settle = (result?: StopResult) =>
      this.#settle((hasBegun) => judgeStop(cause, result, hasBegun, this.#run));
    // Nobody asked for the command to end, only for the bot to.
    if (cause === 'interrupted') settle();
    else stopCommand(this.#stoppable(cause), news).then(settle, this.#reject);
  }

  #stoppable(cause: StopCause): StoppedCommand {
    const { connection, deadlines } = this.#run;
    return {
      connection,
      deadlines: cause === 'cut-off' ? { ...deadlines, ...HASTY_DEADLINES } : deadlines,
      id: this.#wrapping?.id,
      sudo: this.#run.sudo,
      leader: () => this.#output.leader,
      channel: () => this.#channel,
    };
  }

  #settleExit(exit: Exit, note: string): void {
    this.#settle((hasBegun) => {
      const said = this.#output.sudoSaid;
      if (!hasBegun && this.#output.hasNoScript) return NO_SCRIPT;
      if (hasBegun || this.#password === undefined || !this.#output.wasSudoCalled)
        return judgeExit(exit, hasBegun, note);
      if (/you must have a tty/.test(said) && this.#run.sudo?.inTerminal === false) throw new NeedsTerminal();
      return this.#password.judge(said);
    });
  }

  #settle(judge: (hasBegun: boolean) => Verdict): void {
    if (!this.#finish()) return;
    // Not here and now: the library would take an exception for a broken connection (pitfall 19).
    this.#resolve(
      Promise.resolve().then(async () => {
        const said = this.#output.end();
        const hasBegun = this.#wrapping === undefined || this.#output.leader !== undefined;
        if (hasBegun) this.#password?.accepted();
        const verdict = judge(hasBegun);
        this.#password?.over();
        const [stdout, stderr] = await said;
        return { ...verdict, stdout, stderr };
      }),
    );
  }

  #refuse(trouble: Trouble): void {
    if (this.#finish()) this.#reject(trouble);
  }

  #finish(): boolean {
    if (!this.#course.enter({ at: 'over' })) return false;
    this.#release();
    this.#run.signal.removeEventListener('abort', this.#onAbort);
    this.#channel?.close();
    return true;
  }
}

const BEFORE = 'before the command was sent';

const SAID_NOTHING: Exit = { code: null, signal: null };
