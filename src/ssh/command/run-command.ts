import type { Readable } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { Digest } from '../../gather/capture.ts';
import type { Mask } from '../../gather/mask.ts';
import type { Outcome, OutcomeKind } from '../../run/outcome.ts';
import type { Connection } from '../connection/connection.ts';
import type { Deadlines } from '../settings.ts';
import type { SpoolFile } from '../spool/spool-file.ts';
import type { StreamName } from '../spool/spool-folder.ts';
import { stopKind, stopTrouble, Trouble } from '../trouble.ts';
import { formatSeconds } from '../within.ts';
import { type PosixCommand, wrapCommand } from './posix.ts';
import { openStream, type SpooledStream } from './spooled-stream.ts';
import { stopGroup } from './stop-group.ts';

export interface CommandRun {
  readonly connection: Connection;
  readonly command: string;
  readonly timeLimitMs: number;
  readonly signal: AbortSignal;
  readonly deadlines: Deadlines;
  readonly mask: Mask;
  readonly openDigest: () => Digest;
  readonly openSpoolFile?: (stream: StreamName) => SpoolFile;
}

/** All of an outcome but the time it took. */
export type Ending = Omit<Outcome, 'durationMs'>;

/**
 * Runs one command. A `Trouble` where it was never sent; from then on it always ends, once, with the first
 * cause that came:
 *
 * - **opening**: the channel is asked for. Ends with the host's no, its silence, or the order to stop: nothing
 *   was sent.
 * - **sent**: the command is on its way; its time limit runs. Ends with `close` of the channel, and not with
 *   `exit`: output may come after that (pitfall 16).
 * - **exited**: the exit code is there, but a background process holds the channel open. Two seconds later it
 *   is closed from here.
 * - **stopping**: time limit or order to stop. The process group is ended through a second channel; what is
 *   said meanwhile is kept.
 */
export function runCommand(run: CommandRun): Promise<Ending> {
  return new Promise((resolve, reject) => new RunningCommand(run, resolve, reject).open());
}

interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

class RunningCommand {
  readonly #run: CommandRun;
  readonly #resolve: (ending: Promise<Ending>) => void;
  readonly #reject: (trouble: Trouble) => void;
  readonly #posix: PosixCommand | undefined;
  readonly #stdout: SpooledStream;
  readonly #stderr: SpooledStream;
  readonly #release: () => void;
  readonly #onAbort = () => this.#stop(stopKind(this.#run.signal));
  #channel: ClientChannel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isSent = false;
  #isOver = false;
  #isClosed = false;
  /** The outcome is being put together: what is still buffered is read for it, and nothing comes after that. */
  #isTold = false;
  #exit: Exit | undefined;
  /** Set once, by what stopped it; nothing after that changes the cause. */
  #stopped: 'timed-out' | 'cancelled' | 'interrupted' | undefined;
  /** Wakes whoever waits for something that the channel may still bring. */
  #onNews: () => void = () => {};

  constructor(
    run: CommandRun,
    resolve: (ending: Promise<Ending>) => void,
    reject: (trouble: Trouble) => void,
  ) {
    this.#run = run;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#posix = run.connection.host.shell === 'posix' ? wrapCommand(run.command) : undefined;
    this.#stdout = openStream(run, 'stdout');
    this.#stderr = openStream(run, 'stderr');
    this.#release = run.connection.onLost((reason) => this.#lose(reason));
    run.signal.addEventListener('abort', this.#onAbort);
  }

  open(): void {
    const { connection, deadlines, signal } = this.#run;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    this.#timer = setTimeout(() => {
      const limit = formatSeconds(deadlines.channelMs);
      this.#refuse(new Trouble('unreachable', `the host did not open a channel within ${limit}`));
    }, deadlines.channelMs);
    connection
      .exec(
        this.#posix?.text ?? this.#run.command,
        (channel) => this.#attach(channel),
        () => this.#onSent(),
      )
      .catch((error: unknown) => this.#refused(error));
  }

  #onSent(): void {
    this.#isSent = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop('timed-out'), this.#run.timeLimitMs);
  }

  #attach(channel: ClientChannel): void {
    this.#channel = channel;
    // Both are read to their end, wanted or not: one full stream stalls the other (pitfall 15).
    channel.on('data', (chunk: Buffer) => {
      if (this.#isTold) return;
      this.#stdout.write(chunk);
      this.#pace(channel, this.#stdout);
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      if (this.#isTold) return;
      this.#stderr.write(this.#posix?.filter.push(chunk) ?? chunk);
      this.#pace(channel.stderr, this.#stderr);
      this.#onNews();
    });
    channel.on('error', () => {});
    channel.stderr.on('error', () => {});
    channel.on('exit', (code: number | null, signal?: string) =>
      this.#onExit({ code, signal: signal ?? null }),
    );
    channel.on('close', () => this.#onClose());
    if (this.#isOver) channel.close();
    this.#onNews();
  }

  /**
   * A host may be quicker than the disk: then it is read no faster. Not once the command has ended or is to
   * end: what is under way then is no more than a channel's window, and nothing may wait for it.
   */
  #pace(source: Readable, stream: SpooledStream): void {
    if (!stream.isBehind || this.#exit || this.#stopped !== undefined) return;
    source.pause();
    void stream.caughtUp().then(() => source.resume());
  }

  #hurry(): void {
    this.#channel?.resume();
    this.#channel?.stderr.resume();
  }

  /** What came while the disk was waited for: ssh2 closes a channel whose stderr is still to be read. */
  #drain(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    for (let chunk = channel.read(); chunk !== null; chunk = channel.read()) this.#stdout.write(chunk);
    const { stderr } = channel;
    for (let chunk = stderr.read(); chunk !== null; chunk = stderr.read()) {
      this.#stderr.write(this.#posix?.filter.push(chunk) ?? chunk);
    }
  }

  #refused(error: unknown): void {
    if (this.#isSent) {
      // Either it would not run the command, or it closed the channel without a word: that cannot be told apart.
      this.#settle('lost', 'the host did not take the command, or closed its channel before it answered');
    } else {
      this.#refuse(error instanceof Trouble ? error : new Trouble('unreachable', String(error)));
    }
  }

  #onExit(exit: Exit): void {
    this.#exit ??= exit;
    this.#hurry();
    this.#onNews();
    if (this.#stopped !== undefined || this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#settleExit(this.#exit ?? exit, 'a background process kept the channel open');
    }, this.#run.deadlines.lingerMs);
  }

  #onClose(): void {
    this.#isClosed = true;
    this.#onNews();
    if (this.#stopped !== undefined || this.#isOver) return;
    if (this.#exit) this.#settleExit(this.#exit, '');
    else
      this.#settle(
        'lost',
        'the host closed the channel without an exit code; the command may or may not have ended',
      );
  }

  #lose(reason: string): void {
    if (!this.#isSent) return;
    this.#isClosed = true;
    this.#onNews();
    if (this.#stopped !== undefined || this.#isOver) return;
    if (this.#exit) {
      this.#settleExit(this.#exit, 'the connection broke right after, the end of the output may be missing');
    } else {
      this.#settle('lost', `${reason} while the command ran; it may still be running`);
    }
  }

  #stop(cause: 'timed-out' | 'cancelled' | 'interrupted'): void {
    if (this.#isOver || this.#stopped !== undefined || this.#exit) return;
    if (!this.#isSent) {
      this.#refuse(stopTrouble(this.#run.signal, 'before the command was sent'));
      return;
    }
    this.#stopped = cause;
    this.#hurry();
    clearTimeout(this.#timer);
    const why = {
      'timed-out': `still running after ${formatSeconds(this.#run.timeLimitMs)}`,
      cancelled: 'cancelled while it ran',
      interrupted: 'the bot stopped while it ran',
    }[cause];
    // Nobody asked for the command to end, only for the bot to.
    if (cause === 'interrupted') {
      this.#settle(cause, `${why}; it may still be running on the host`);
      return;
    }
    this.#end().then(
      (isGone) => this.#settle(cause, `${why}; ${isGone ? GONE : MAY_RUN}`),
      () => this.#settle(cause, `${why}; ${MAY_RUN}`),
    );
  }

  /** Whether nothing of the command is left. */
  async #end(): Promise<boolean> {
    const { connection, deadlines } = this.#run;
    const posix = this.#posix;
    if (!posix) return this.#signal();
    await this.#until(() => posix.filter.leader !== undefined, deadlines.lingerMs);
    const { leader } = posix.filter;
    if (leader === undefined) return this.#signal();
    const isGone = await stopGroup(connection, leader, deadlines);
    // Its last words.
    await this.#until(() => false, isGone ? deadlines.lingerMs : 0);
    return isGone;
  }

  /** The way without a shell of ours: the host may pass a signal on, or not. */
  async #signal(): Promise<boolean> {
    const { deadlines } = this.#run;
    this.#channel?.signal('TERM');
    await this.#until(() => this.#exit !== undefined, deadlines.killGraceMs);
    if (!this.#exit) this.#channel?.signal('KILL');
    await this.#until(() => false, this.#exit ? deadlines.lingerMs : 0);
    // The end of what was started directly; what that started in turn is not known here.
    return false;
  }

  /** Waits for the fact, the end of the channel, or the time. */
  #until(isSo: () => boolean, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!isSo() && !this.#isClosed && !this.#isOver) return;
        clearTimeout(timer);
        this.#onNews = () => {};
        resolve();
      };
      const timer = setTimeout(() => {
        this.#onNews = () => {};
        resolve();
      }, ms);
      this.#onNews = check;
      check();
    });
  }

  #settleExit(exit: Exit, note: string): void {
    if (exit.signal !== null || exit.code === null) {
      this.#settle('killed', note, { ...exit, signal: exit.signal?.replace(/^SIG/, '') ?? null });
    } else {
      this.#settle(exit.code === 0 ? 'ok' : 'failed', note, exit);
    }
  }

  #settle(kind: OutcomeKind, reason: string, exit: Exit = { code: null, signal: null }): void {
    if (this.#isOver) return;
    this.#finish();
    // Not here and now: the library would take an exception for a broken connection (pitfall 19).
    this.#resolve(Promise.resolve().then(() => this.#ending(kind, reason, exit)));
  }

  async #ending(kind: OutcomeKind, reason: string, exit: Exit): Promise<Ending> {
    this.#isTold = true;
    this.#drain();
    const rest = this.#posix?.filter.end();
    if (rest) this.#stderr.write(rest);
    const [stdout, stderr] = await Promise.all([this.#stdout.end(), this.#stderr.end()]);
    return {
      kind,
      exitCode: exit.code,
      signal: exit.signal,
      reason,
      stdout,
      stderr,
    };
  }

  #refuse(trouble: Trouble): void {
    if (this.#isOver) return;
    this.#finish();
    this.#reject(trouble);
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#release();
    this.#run.signal.removeEventListener('abort', this.#onAbort);
    this.#channel?.close();
    this.#onNews();
  }
}

const GONE = 'it and all its processes on the host were stopped';
const MAY_RUN = 'it could not be made sure that it stopped: it may still be running on the host';
