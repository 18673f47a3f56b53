import { statfs } from 'node:fs/promises';

/** So old a look at the disk still counts; what was taken since is counted with it. */
const FRESH_MS = 250;

/** What is free on the disk that a folder lies on, and how much of it is to stay so. */
export class FreeSpace {
  readonly #folder: string;
  readonly #leaveBytes: number;
  #free = Number.POSITIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #takenSince = 0;
  #looking: Promise<void> | undefined;

  constructor(folder: string, leaveBytes: number) {
    this.#folder = folder;
    this.#leaveBytes = leaveBytes;
  }

  /** As last seen; infinite where the disk does not tell. */
  get freeBytes(): number {
    return this.#free - this.#takenSince;
  }

  get leaveBytes(): number {
    return this.#leaveBytes;
  }

  /** Takes so many bytes, where enough is left. However many ask at once, what one got no other gets. */
  async take(bytes: number): Promise<boolean> {
    await this.look();
    if (this.freeBytes - bytes < this.#leaveBytes) return false;
    this.#takenSince += bytes;
    return true;
  }

  /** A disk that does not tell hinders nobody: writing to it will. */
  async look(): Promise<void> {
    if (performance.now() - this.#lookedAt < FRESH_MS) return;
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #lookOnce(): Promise<void> {
    // Of what is taken meanwhile nobody knows whether it is counted already.
    this.#takenSince = 0;
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      this.#free = bavail * bsize;
    } catch {
      this.#free = Number.POSITIVE_INFINITY;
    }
    this.#lookedAt = performance.now();
  }
}
