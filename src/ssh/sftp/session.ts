import type { SFTPWrapper, Stats } from 'ssh2';
import { codeOf } from '../../errors.ts';
import { Deadline } from '../../time/deadline.ts';
import type { Connection } from '../connection/connection.ts';
import { formatSeconds } from '../settings.ts';
import { stopTrouble, Trouble, wordsOf } from '../trouble.ts';
import { type RemoteStat, toCount, toFreeBytes, toHandle, toPath, toRemoteStat } from './answers.ts';
import { LeastRate } from './least-rate.ts';
import type { CopyLimits } from './limits.ts';
import { EOF, RemoteRefusal, type Step, StepTrouble } from './refusal.ts';

type Done<T> = (error: Error | null | undefined, answer?: T) => void;

export interface OpenFile {
  readonly handle: Buffer;
  readonly path: string;
}

export interface SessionSettings {
  readonly connection: Connection;
  /** The longest silence. */
  readonly silenceMs: number;
  readonly limits: CopyLimits;
  readonly signal: AbortSignal;
}

/**
 * SFTP as promises that always settle. The library calls nobody back where the connection or the channel dies
 * (pitfall 3), so each question is raced against that, against silence, against too little, and against the
 * order to stop. What the host answers is looked at before it is believed: nothing keeps it from answering
 * another question than the one that was asked.
 */
export class SftpSession {
  readonly #sftp: SFTPWrapper;
  readonly #silenceMs: number;
  readonly #limits: CopyLimits;
  readonly #signal: AbortSignal;
  readonly #release: () => void;
  readonly #waiting = new Set<(trouble: Trouble) => void>();
  readonly #rate: LeastRate;
  readonly #silence = new Deadline();
  /** Why nothing is answered any more. */
  #dead: Trouble | undefined;

  constructor(sftp: SFTPWrapper, { connection, silenceMs, limits, signal }: SessionSettings) {
    this.#sftp = sftp;
    this.#silenceMs = silenceMs;
    this.#limits = limits;
    this.#signal = signal;
    this.#rate = new LeastRate(silenceMs, limits.leastBytesPerSecond, () =>
      this.#die(
        new Trouble(
          'timed-out',
          `less than ${limits.leastBytesPerSecond} bytes a second came through for ${formatSeconds(silenceMs)}`,
        ),
      ),
    );
    const onAbort = () => this.#die(stopTrouble(signal, 'while it copied'));
    signal.addEventListener('abort', onAbort);
    const releaseLost = connection.onLost((reason) =>
      this.#die(new Trouble('transfer-failed', `${reason} while it copied`)),
    );
    this.#release = () => {
      signal.removeEventListener('abort', onAbort);
      releaseLost();
    };
    sftp.on('error', (error: Error) =>
      this.#die(new Trouble('transfer-failed', `SFTP broke off: ${wordsOf(error)}`)),
    );
    sftp.on('close', () => this.#die(new Trouble('transfer-failed', 'the host closed the SFTP channel')));
    sftp.on('end', () => this.#die(new Trouble('transfer-failed', 'the host ended the SFTP channel')));
    if (signal.aborted) onAbort();
  }

  /** Always to be called: a channel that is left open counts against the host's limit (pitfall 9). */
  end(): void {
    this.#release();
    this.#die(new Trouble('transfer-failed', 'the SFTP channel is closed'));
    this.#sftp.end();
  }

  /** For reading. */
  open(path: string): Promise<OpenFile> {
    return this.#open({ limit: 'last', doing: 'opening', path }, 'r', 0);
  }

  /** A file that is not there yet. */
  create(path: string, mode: number): Promise<OpenFile> {
    return this.#open({ limit: 'last', doing: 'making', path }, 'wx', mode);
  }

  close({ handle, path }: OpenFile): Promise<void> {
    return this.#tell({ limit: 'last', doing: 'closing', path }, (done) => this.#sftp.close(handle, done));
  }

  /** 0 at the end of the file. */
  async read({ handle, path }: OpenFile, buffer: Buffer, start: number, position: number): Promise<number> {
    const length = buffer.length - start;
    const bytes = await this.#ask(
      { limit: 'silence', doing: 'reading', path },
      (done: Done<number>) =>
        this.#sftp.read(handle, buffer, start, length, position, (error, read) =>
          codeOf(error) === EOF ? done(undefined, 0) : done(error, read),
        ),
      (read) => toCount(read, length),
    );
    this.#rate.moved(bytes);
    return bytes;
  }

  async write({ handle, path }: OpenFile, bytes: Buffer, position: number): Promise<void> {
    await this.#tell({ limit: 'silence', doing: 'writing', path }, (done) =>
      this.#sftp.write(handle, bytes, 0, bytes.length, position, done),
    );
    this.#rate.moved(bytes.length);
  }

  setMode({ handle, path }: OpenFile, mode: number): Promise<void> {
    return this.#tell({ limit: 'optional', doing: 'setting the mode of', path }, (done) =>
      this.#sftp.fchmod(handle, mode, done),
    );
  }

  setOwner({ handle, path }: OpenFile, uid: number, gid: number): Promise<void> {
    return this.#tell({ limit: 'optional', doing: 'setting the owner of', path }, (done) =>
      this.#sftp.fchown(handle, uid, gid, done),
    );
  }

  stat(path: string): Promise<RemoteStat | undefined> {
    return this.#look({ limit: 'last', doing: 'looking at', path }, (done) => this.#sftp.stat(path, done));
  }

  /** Of a link itself. */
  lstat(path: string): Promise<RemoteStat | undefined> {
    return this.#look({ limit: 'last', doing: 'looking at', path }, (done) => this.#sftp.lstat(path, done));
  }

  fstat({ handle, path }: OpenFile): Promise<RemoteStat | undefined> {
    return this.#look({ limit: 'optional', doing: 'looking at', path }, (done) =>
      this.#sftp.fstat(handle, done),
    );
  }

  realpath(path: string): Promise<string> {
    return this.#ask(
      { limit: 'last', doing: 'asking for the true name of', path },
      (done: Done<string>) => this.#sftp.realpath(path, done),
      toPath,
    );
  }

  unlink(path: string): Promise<void> {
    return this.#tell({ limit: 'last', doing: 'removing', path }, (done) => this.#sftp.unlink(path, done));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#tell({ limit: 'last', doing: 'renaming', path: `${from} to ${to}` }, (done) =>
      this.#sftp.rename(from, to, done),
    );
  }

  /** Onto an existing name too, in one step. False where the host does not know how. */
  async replace(from: string, to: string): Promise<boolean> {
    let isKnown = true;
    await this.#tell({ limit: 'last', doing: 'renaming', path: `${from} to ${to}` }, (done) => {
      try {
        this.#sftp.ext_openssh_rename(from, to, done);
      } catch {
        // Thrown, not called back, where the host did not announce it.
        isKnown = false;
        done(undefined);
      }
    });
    return isKnown;
  }

  /** Bytes that may still be written to the disk that holds this path. */
  freeBytes(path: string): Promise<number> {
    return this.#ask(
      { limit: 'optional', doing: 'asking for the free space of', path },
      (done: Done<unknown>) => this.#sftp.ext_openssh_statvfs(path, done),
      toFreeBytes,
    );
  }

  /** A step that the copy is whole without: what it came to, or why it did not come about. */
  async attempt<T>(step: Promise<T>): Promise<{ readonly value: T } | { readonly trouble: StepTrouble }> {
    try {
      return { value: await step };
    } catch (error) {
      if (error instanceof StepTrouble && this.#dead === undefined) return { trouble: error };
      throw error;
    }
  }

  async #open(step: Step, flags: 'r' | 'wx', mode: number): Promise<OpenFile> {
    const handle = await this.#ask(
      step,
      (done: Done<Buffer>) => this.#sftp.open(step.path, flags, { mode }, done),
      toHandle,
    );
    return { handle, path: step.path };
  }

  async #look(step: Step, start: (done: Done<Stats>) => void): Promise<RemoteStat | undefined> {
    try {
      return await this.#ask(step, start, toRemoteStat);
    } catch (error) {
      if (error instanceof RemoteRefusal && error.isNoSuchFile) return undefined;
      throw error;
    }
  }

  /** A question whose answer is yes or no. */
  async #tell(step: Step, start: (done: Done<unknown>) => void): Promise<void> {
    await this.#ask(step, start, () => true);
  }

  #ask<T, R>(step: Step, start: (done: Done<T>) => void, check: (answer: unknown) => R | undefined) {
    return new Promise<R>((resolve, reject) => {
      if (this.#dead) return reject(this.#dead);
      const limitMs = this.#limitOf(step);
      const limit = new Deadline();
      if (limitMs !== undefined) limit.set(limitMs, () => settle(() => reject(lateAnswer(step, limitMs))));
      const onDead = (trouble: Trouble) => {
        limit.clear();
        reject(trouble);
      };
      const settle = (end: () => void) => {
        limit.clear();
        // The session is over, or it has been answered: what comes now comes too late.
        if (!this.#waiting.delete(onDead)) return;
        this.#listen();
        end();
      };
      this.#waiting.add(onDead);
      this.#listen();
      try {
        start((error, answer) =>
          settle(() => {
            if (error) return reject(new RemoteRefusal(step, error));
            const checked = check(answer);
            if (checked !== undefined) return resolve(checked);
            reject(new StepTrouble('transfer-failed', step, 'the host answered something else'));
          }),
        );
      } catch (error) {
        settle(() => reject(new RemoteRefusal(step, error)));
      }
    });
  }

  #limitOf({ limit }: Step): number | undefined {
    switch (limit) {
      case 'silence':
        return undefined;
      case 'last':
        return Math.min(this.#limits.lastStepMs, this.#silenceMs);
      case 'optional':
        return Math.min(this.#limits.optionalStepMs, this.#silenceMs);
      default:
        return limit satisfies never;
    }
  }

  /** Each answer starts the wait anew; between questions there is none. */
  #listen(): void {
    if (this.#waiting.size === 0) {
      this.#silence.clear();
      this.#rate.rest();
      return;
    }
    this.#rate.wait();
    this.#silence.set(this.#silenceMs, () =>
      this.#die(new Trouble('timed-out', `no data for ${formatSeconds(this.#silenceMs)} while it copied`)),
    );
  }

  #die(trouble: Trouble): void {
    if (this.#dead) return;
    this.#dead = this.#signal.aborted ? stopTrouble(this.#signal, 'while it copied') : trouble;
    this.#silence.clear();
    this.#rate.rest();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const onDead of waiting) onDead(this.#dead);
  }
}

function lateAnswer(step: Step, limitMs: number): StepTrouble {
  return new StepTrouble('timed-out', step, `no answer within ${formatSeconds(limitMs)}`);
}
