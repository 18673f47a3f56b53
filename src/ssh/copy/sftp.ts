import type { SFTPWrapper, Stats } from 'ssh2';
import type { Connection } from '../connection/connection.ts';
import { codeOf, stopTrouble, Trouble, wordsOf } from '../trouble.ts';
import { formatSeconds } from '../within.ts';

type Done<T> = (error: Error | null | undefined, result: T) => void;

/** SFTP's own codes: draft-ietf-secsh-filexfer-02, section 7. */
const EOF = 1;
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;

export type FileKind = 'file' | 'folder' | 'link' | 'other';

export interface RemoteStat {
  readonly kind: FileKind;
  readonly bytes: number;
  readonly mtime: number;
}

/**
 * SFTP as promises that always settle. The library calls nobody back where the connection or the channel dies
 * (pitfall 3), so each question is raced against that, against silence, and against the order to stop.
 */
export class SftpSession {
  readonly #sftp: SFTPWrapper;
  readonly #silenceMs: number;
  readonly #signal: AbortSignal;
  readonly #release: () => void;
  readonly #waiting = new Set<(trouble: Trouble) => void>();
  #timer: NodeJS.Timeout | undefined;
  /** Why nothing is answered any more. */
  #dead: Trouble | undefined;

  constructor(sftp: SFTPWrapper, connection: Connection, silenceMs: number, signal: AbortSignal) {
    this.#sftp = sftp;
    this.#silenceMs = silenceMs;
    this.#signal = signal;
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
    clearTimeout(this.#timer);
    this.#sftp.end();
  }

  open(path: string, flags: 'r' | 'wx', mode: number): Promise<Buffer> {
    return this.#ask(path, (done: Done<Buffer>) => this.#sftp.open(path, flags, { mode }, done));
  }

  close(handle: Buffer): Promise<void> {
    return this.#ask('', (done: Done<void>) => this.#sftp.close(handle, (error) => done(error)));
  }

  /** 0 at the end of the file. */
  read(handle: Buffer, buffer: Buffer, start: number, position: number): Promise<number> {
    const length = buffer.length - start;
    return this.#ask('', (done: Done<number>) =>
      this.#sftp.read(handle, buffer, start, length, position, (error, bytes) =>
        codeOf(error) === EOF ? done(undefined, 0) : done(error, bytes),
      ),
    );
  }

  write(handle: Buffer, bytes: Buffer, position: number): Promise<void> {
    return this.#ask('', (done: Done<void>) =>
      this.#sftp.write(handle, bytes, 0, bytes.length, position, (error) => done(error)),
    );
  }

  setMode(handle: Buffer, mode: number): Promise<void> {
    return this.#ask('', (done: Done<void>) => this.#sftp.fchmod(handle, mode, (error) => done(error)));
  }

  async stat(path: string): Promise<RemoteStat | undefined> {
    return this.#found(this.#ask(path, (done: Done<Stats>) => this.#sftp.stat(path, done)));
  }

  async lstat(path: string): Promise<RemoteStat | undefined> {
    return this.#found(this.#ask(path, (done: Done<Stats>) => this.#sftp.lstat(path, done)));
  }

  async fstat(handle: Buffer): Promise<RemoteStat | undefined> {
    return this.#found(this.#ask('', (done: Done<Stats>) => this.#sftp.fstat(handle, done)));
  }

  realpath(path: string): Promise<string> {
    return this.#ask(path, (done: Done<string>) => this.#sftp.realpath(path, done));
  }

  unlink(path: string): Promise<void> {
    return this.#ask(path, (done: Done<void>) => this.#sftp.unlink(path, (error) => done(error)));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#ask(to, (done: Done<void>) => this.#sftp.rename(from, to, (error) => done(error)));
  }

  /** Onto an existing name too, in one step. False where the host does not know how. */
  async replace(from: string, to: string): Promise<boolean> {
    let isKnown = true;
    await this.#ask(to, (done: Done<void>) => {
      try {
        this.#sftp.ext_openssh_rename(from, to, (error) => done(error));
      } catch {
        // Thrown, not called back, where the host did not announce it.
        isKnown = false;
        done(undefined);
      }
    });
    return isKnown;
  }

  async #found(answer: Promise<Stats>): Promise<RemoteStat | undefined> {
    try {
      const stats = await answer;
      const kind = stats.isDirectory()
        ? 'folder'
        : stats.isSymbolicLink()
          ? 'link'
          : stats.isFile() || stats.mode === undefined
            ? 'file'
            : 'other';
      return { kind, bytes: stats.size ?? 0, mtime: stats.mtime ?? 0 };
    } catch (error) {
      if (error instanceof RemoteRefusal && error.code === NO_SUCH_FILE) return undefined;
      throw error;
    }
  }

  #ask<T>(path: string, start: (done: Done<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#dead) return reject(this.#dead);
      this.#waiting.add(reject);
      this.#listen();
      const settle = (end: () => void) => {
        if (!this.#waiting.delete(reject)) return;
        this.#listen();
        end();
      };
      try {
        start((error, result) =>
          settle(() => (error ? reject(new RemoteRefusal(error, path)) : resolve(result))),
        );
      } catch (error) {
        settle(() => reject(new RemoteRefusal(error, path)));
      }
    });
  }

  /** Each answer starts the wait anew; between questions there is none. */
  #listen(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.size === 0) return;
    this.#timer = setTimeout(
      () =>
        this.#die(new Trouble('timed-out', `no data for ${formatSeconds(this.#silenceMs)} while it copied`)),
      this.#silenceMs,
    );
  }

  #die(trouble: Trouble): void {
    if (this.#dead) return;
    this.#dead = this.#signal.aborted ? stopTrouble(this.#signal, 'while it copied') : trouble;
    clearTimeout(this.#timer);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const reject of waiting) reject(this.#dead);
  }
}

/** The host's no to one question. */
export class RemoteRefusal extends Trouble {
  readonly code: string | number | undefined;

  constructor(error: unknown, path: string) {
    const code = codeOf(error);
    const about = path === '' ? '' : `${path}: `;
    const words =
      code === NO_SUCH_FILE
        ? 'no such file or folder'
        : code === PERMISSION_DENIED
          ? 'permission denied'
          : `the host says: ${wordsOf(error)}`;
    super('transfer-failed', `${about}${words}`);
    this.code = code;
  }
}
