import { createHash, type Hash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { codeOf } from '../../errors.ts';
import { Trouble } from '../trouble.ts';
import { CHUNK_BYTES } from './pump.ts';

/** Of each file that is being sent, how much is kept for hosts that are behind the fastest one: 8 MiB. */
const KEPT_BLOCKS = 32;
/** Of all of them together: some 64 MiB. A folder is sent 32 files at a time, and of each host it may be another one. */
const KEPT_IN_ALL = 256;

export interface OpenedSource {
  readonly file: FileHandle;
  readonly stats: Stats;
}

interface Block {
  readonly bytes: Buffer;
  /** SHA-256 of the file up to here. */
  readonly digest: Hash;
}

/**
 * Reads files that many hosts are sent at the same time: once, and with one digest, for all that keep up with each
 * other. Who falls behind what is kept reads for itself from there on, and goes on with the digest so far.
 */
export class SharedSources {
  readonly #open = new Map<string, SharedFile>();
  #files = 0;

  /** Takes the opened file over: it is closed when nobody reads it any more. */
  read(opened: OpenedSource, local: string): SourceReader {
    const { dev, ino, size, mtimeMs, ctimeMs } = opened.stats;
    const key = [dev, ino, size, mtimeMs, ctimeMs].join(':');
    const known = this.#open.get(key);
    if (known?.hasBeginning === true) {
      // Nothing was read of it: what becomes of closing it is nobody's concern.
      opened.file.close().catch(() => {});
      return new SourceReader(known);
    }
    const file = new SharedFile(opened, local, {
      keptBlocks: () => Math.min(KEPT_BLOCKS, Math.trunc(KEPT_IN_ALL / this.#files)),
      onClosed: () => {
        this.#files -= 1;
        if (this.#open.get(key) === file) this.#open.delete(key);
      },
    });
    this.#files += 1;
    this.#open.set(key, file);
    return new SourceReader(file);
  }
}

interface Sharing {
  /** How much of a file may be kept now: less of each, the more there are. */
  keptBlocks(): number;
  onClosed(): void;
}

/** One open file, read from its beginning. */
class SharedFile {
  readonly stats: Stats;
  readonly #file: FileHandle;
  readonly #local: string;
  readonly #sharing: Sharing;
  readonly #blocks = new Map<number, Promise<Block>>();
  #next = 0;
  #digest: Promise<Hash> = Promise.resolve(createHash('sha256'));
  #readers = 0;

  constructor({ file, stats }: OpenedSource, local: string, sharing: Sharing) {
    this.#file = file;
    this.stats = stats;
    this.#local = local;
    this.#sharing = sharing;
  }

  get hasBeginning(): boolean {
    return this.#next === 0 || this.#blocks.has(0);
  }

  /** Undefined where it is not kept any more. */
  block(index: number): Promise<Block> | undefined {
    if (index !== this.#next) return this.#blocks.get(index);
    const block = this.#readNext(index, this.#digest);
    this.#digest = block.then(({ digest }) => digest);
    // Whoever waits for the block hears of it.
    this.#digest.catch(() => {});
    this.#blocks.set(index, block);
    const before = index - this.#sharing.keptBlocks();
    // The oldest first.
    for (const kept of this.#blocks.keys()) {
      if (kept > before) break;
      this.#blocks.delete(kept);
    }
    this.#next += 1;
    return block;
  }

  async #readNext(index: number, before: Promise<Hash>): Promise<Block> {
    const [bytes, soFar] = await Promise.all([this.readAt(index * CHUNK_BYTES), before]);
    return { bytes, digest: soFar.copy().update(bytes) };
  }

  /** A whole chunk, but at the end of the file. */
  async readAt(position: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#file
        .read(buffer, filled, buffer.length - filled, position + filled)
        .catch((error: unknown) => {
          throw new Trouble(
            'transfer-failed',
            `the bot cannot read ${this.#local} here (${codeOf(error) ?? 'the disk fails'})`,
          );
        });
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }

  enter(): void {
    this.#readers += 1;
  }

  async leave(): Promise<void> {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    this.#sharing.onClosed();
    await this.#file.close();
  }
}

/** One host's way through a file. */
export class SourceReader {
  readonly #file: SharedFile;
  #index = 0;
  #digest: Hash = createHash('sha256');
  #isAlone = false;
  #isOpen = true;

  constructor(file: SharedFile) {
    this.#file = file;
    file.enter();
  }

  get stats(): Stats {
    return this.#file.stats;
  }

  /** The next chunk, not to be written to; empty at the end. */
  async next(): Promise<Buffer> {
    const block = this.#isAlone ? undefined : await this.#file.block(this.#index);
    if (block !== undefined) {
      this.#index += 1;
      this.#digest = block.digest;
      return block.bytes;
    }
    if (!this.#isAlone) {
      this.#isAlone = true;
      // The one so far is others' too.
      this.#digest = this.#digest.copy();
    }
    const bytes = await this.#file.readAt(this.#index * CHUNK_BYTES);
    this.#index += 1;
    this.#digest.update(bytes);
    return bytes;
  }

  /** Hex, over all that `next` gave. */
  sha256(): string {
    return this.#digest.copy().digest('hex');
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.leave();
  }
}
