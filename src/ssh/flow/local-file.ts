import type { FileHandle } from 'node:fs/promises';

/** All of it, however little is taken at once. */
export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** So much is written before the disk is made to begin with it. */
const SYNC_BYTES = 32 * 1024 * 1024;

/** Of all files of this process, one at a time: a thread of Node's few waits for the disk meanwhile. */
let isBusy = false;

/** Makes a file durable while it is still being written: at its end there is little left to wait for. */
export class Durable {
  readonly #file: FileHandle;
  #bytes = 0;
  #syncing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  wrote(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < SYNC_BYTES || isBusy) return;
    this.#bytes = 0;
    isBusy = true;
    // Linux tells a fault of the disk once: it is kept until the end.
    this.#syncing = this.#syncing
      .then(() => this.#file.datasync())
      .finally(() => {
        isBusy = false;
      });
    this.#syncing.catch(() => {});
  }

  /** All that was written is on the disk. */
  async end(): Promise<void> {
    await this.#syncing;
    await this.#file.sync();
  }

  /** Nothing is under way any more. */
  async settle(): Promise<void> {
    await this.#syncing.catch(() => {});
  }
}
