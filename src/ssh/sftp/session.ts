import type { SFTPWrapper, Stats } from 'ssh2';
import { codeOf } from '../../errors.ts';
import { releaseSftp } from '../memory/sftp-memory.ts';
import {
  type RemoteEntry,
  type RemoteSpace,
  type RemoteStat,
  toCount,
  toEntries,
  toFreeSpace,
  toHandle,
  toPath,
  toRemoteStat,
} from './answers.ts';
import { type Done, Questions, type SessionSettings } from './questions.ts';
import { EOF, RemoteRefusal, type Step, StepTrouble } from './refusal.ts';

export interface OpenFile {
  readonly handle: Buffer;
  readonly path: string;
}

/** SFTP, verb by verb: each settles, as `Questions` has it. */
export class SftpSession {
  readonly #sftp: SFTPWrapper;
  readonly #questions: Questions;

  constructor(sftp: SFTPWrapper, settings: SessionSettings) {
    releaseSftp(sftp);
    this.#sftp = sftp;
    this.#questions = new Questions(sftp, settings);
  }

  /** Always to be called: a channel that is left open counts against the host's limit (pitfall 9). */
  end(): void {
    this.#questions.end();
    this.#sftp.end();
  }

  /** For reading. */
  open(path: string): Promise<OpenFile> {
    return this.#open({ limit: 'last', doing: 'opening', path }, 'r', 0);
  }

  /** For writing into a file that is there. */
  openExisting(path: string): Promise<OpenFile> {
    return this.#open({ limit: 'last', doing: 'opening', path }, 'r+', 0);
  }

  /** A file that is not there yet, for the login alone. */
  create(path: string): Promise<OpenFile> {
    return this.#open({ limit: 'last', doing: 'making', path }, 'wx', 0o600);
  }

  close({ handle, path }: OpenFile): Promise<void> {
    return this.#tell({ limit: 'last', doing: 'closing', path }, (done) => this.#sftp.close(handle, done));
  }

  /** 0 at the end of the file. */
  async read({ handle, path }: OpenFile, buffer: Buffer, start: number, position: number): Promise<number> {
    const length = buffer.length - start;
    const bytes = await this.#questions.ask(
      { limit: 'silence', doing: 'reading', path },
      (done: Done<number>) =>
        this.#sftp.read(handle, buffer, start, length, position, (error, read) =>
          codeOf(error) === EOF ? done(undefined, 0) : done(error, read),
        ),
      (read) => toCount(read, length),
    );
    this.#questions.moved(bytes);
    return bytes;
  }

  async write({ handle, path }: OpenFile, bytes: Buffer, position: number): Promise<void> {
    await this.#tell({ limit: 'silence', doing: 'writing', path }, (done) =>
      this.#sftp.write(handle, bytes, 0, bytes.length, position, done),
    );
    this.#questions.moved(bytes.length);
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
    return this.#questions.ask(
      { limit: 'last', doing: 'asking for the true name of', path },
      (done: Done<string>) => this.#sftp.realpath(path, done),
      toPath,
    );
  }

  /** Of a folder that is not there yet; without a mode, as the host makes them. */
  makeFolder(path: string, mode?: number): Promise<void> {
    return this.#tell({ limit: 'last', doing: 'making the folder', path }, (done) =>
      mode === undefined ? this.#sftp.mkdir(path, done) : this.#sftp.mkdir(path, { mode }, done),
    );
  }

  removeFolder(path: string): Promise<void> {
    return this.#tell({ limit: 'last', doing: 'removing the folder', path }, (done) =>
      this.#sftp.rmdir(path, done),
    );
  }

  /** What is in a folder, not more than `most` entries: then `more` is true. The names are as the host says them. */
  async list(
    path: string,
    most: number,
  ): Promise<{ readonly entries: readonly RemoteEntry[]; readonly more: boolean }> {
    const step = { limit: 'last', doing: 'listing', path } as const;
    const handle = await this.#questions.ask(
      step,
      (done: Done<Buffer>) => this.#sftp.opendir(path, done),
      toHandle,
    );
    const entries: RemoteEntry[] = [];
    let isOver = false;
    // A host may answer with nothing for ever; once is what OpenSSH says of an empty folder (the library leaves . and .. out).
    for (let empty = 0; !isOver && empty < 3 && entries.length <= most; ) {
      const some = await this.#questions.ask(
        step,
        (done: Done<unknown>) =>
          this.#sftp.readdir(handle, (error: Error | undefined, list: unknown) => {
            isOver = codeOf(error) === EOF;
            if (isOver) done(undefined, []);
            else done(error, list);
          }),
        toEntries,
      );
      empty = some.length === 0 ? empty + 1 : 0;
      entries.push(...some);
    }
    // Nothing hangs on the answer: the channel ends soon, and the handle with it.
    this.close({ handle, path }).catch(() => {});
    if (!isOver && entries.length <= most) {
      throw new StepTrouble('transfer-failed', step, 'the host lists nothing, and comes to no end');
    }
    return { entries: entries.slice(0, most), more: entries.length > most };
  }

  /** Seconds since 1970. */
  setTimes({ handle, path }: OpenFile, mtime: number): Promise<void> {
    return this.#tell({ limit: 'optional', doing: 'setting the time of', path }, (done) =>
      this.#sftp.futimes(handle, mtime, mtime, done),
    );
  }

  setAttributes(path: string, attributes: { readonly mode: number; readonly mtime: number }): Promise<void> {
    return this.#tell({ limit: 'optional', doing: 'setting mode and time of', path }, (done) =>
      this.#sftp.setstat(path, { ...attributes, atime: attributes.mtime }, done),
    );
  }

  /** Whether the host has said that it knows no second names (ssh2 1.17, lib/protocol/SFTP.js); else it is to be tried. */
  get knowsNoLinks(): boolean {
    const known: unknown = Reflect.get(this.#sftp, '_extensions');
    return typeof known === 'object' && known !== null && !Reflect.has(known, 'hardlink@openssh.com');
  }

  /** A second name for a file. False where the host does not know how. */
  link(from: string, to: string): Promise<boolean> {
    return this.#tellIfKnown('keeping', `${from} as ${to}`, (done) =>
      this.#sftp.ext_openssh_hardlink(from, to, done),
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
  replace(from: string, to: string): Promise<boolean> {
    return this.#tellIfKnown('renaming', `${from} to ${to}`, (done) =>
      this.#sftp.ext_openssh_rename(from, to, done),
    );
  }

  /** What may still be put on the disk that holds this path. */
  freeSpace(path: string): Promise<RemoteSpace> {
    return this.#questions.ask(
      { limit: 'optional', doing: 'asking for the free space of', path },
      (done: Done<unknown>) => this.#sftp.ext_openssh_statvfs(path, done),
      toFreeSpace,
    );
  }

  /** A step that the copy is whole without: what it came to, or why it did not come about. */
  attempt<T>(step: Promise<T>): Promise<{ readonly value: T } | { readonly trouble: StepTrouble }> {
    return this.#questions.attempt(step);
  }

  async #open(step: Step, flags: 'r' | 'r+' | 'wx', mode: number): Promise<OpenFile> {
    const handle = await this.#questions.ask(
      step,
      (done: Done<Buffer>) => this.#sftp.open(step.path, flags, { mode }, done),
      toHandle,
    );
    return { handle, path: step.path };
  }

  async #look(step: Step, start: (done: Done<Stats>) => void): Promise<RemoteStat | undefined> {
    try {
      return await this.#questions.ask(step, start, toRemoteStat);
    } catch (error) {
      if (error instanceof RemoteRefusal && error.isNoSuchFile) return undefined;
      throw error;
    }
  }

  /** A question whose answer is yes or no. */
  async #tell(step: Step, start: (done: Done<unknown>) => void): Promise<void> {
    await this.#questions.ask(step, start, () => true);
  }

  /** The same of an extension of OpenSSH's. False where the host did not announce it: that is thrown, not called back. */
  async #tellIfKnown(doing: string, path: string, start: (done: Done<unknown>) => void): Promise<boolean> {
    let isKnown = true;
    await this.#tell({ limit: 'last', doing, path }, (done) => {
      try {
        start(done);
      } catch {
        isKnown = false;
        done(undefined);
      }
    });
    return isKnown;
  }
}
