import { createHash, type Hash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { codeOf } from '../../errors.ts';
import { Trouble } from '../trouble.ts';
import { CHUNK_BYTES, type Chunks } from './pump.ts';

/** Of each file that is being sent, how much is kept for hosts that are behind the fastest one: 8 MiB. */
const KEPT_BLOCKS = 32;
/** Of all of them together: some 64 MiB. A folder is sent 32 files at a time, and of each host it may be another one. */
const KEPT_IN_ALL = 256;

/** Of each file: as many as are under way to one host. */
const MOST_SPARE = 8;

export interface OpenedSource {
  readonly file: FileHandle;
  readonly stats: Stats;
}

interface Block {
  readonly bytes: Buffer;
  /** SHA-256 of the file up to here. */
  readonly digest: Hash;
}

/** A block that is kept, or that somebody has. */
interface Held {
  readonly block: Promise<Block>;
  /** Of those who have it. */
  readers: number;
  isKept: boolean;
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
  readonly #blocks = new Map<number, Held>();
  /** Memory of blocks that nobody has any more: a new one for each is what V8 has to collect. */
  readonly #spare: Buffer[] = [];
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

  /** Undefined where it is not kept any more. To be given back. */
  take(index: number): Held | undefined {
    const held = index === this.#next ? this.#readOn(index) : this.#blocks.get(index);
    if (held) held.readers += 1;
    return held;
  }

  async giveBack(held: Held): Promise<void> {
    held.readers -= 1;
    await this.#reuse(held);
  }

  #readOn(index: number): Held {
    const block = this.#readNext(index, this.#digest);
    this.#digest = block.then(({ digest }) => digest);
    // Whoever waits for the block hears of it.
    this.#digest.catch(() => {});
    const held: Held = { block, readers: 0, isKept: true };
    this.#blocks.set(index, held);
    const before = index - this.#sharing.keptBlocks();
    // The oldest first.
    for (const [kept, old] of this.#blocks) {
      if (kept > before) break;
      this.#blocks.delete(kept);
      old.isKept = false;
      void this.#reuse(old);
    }
    this.#next += 1;
    return held;
  }

  /** Its memory, where nobody has it nor can have it again. */
  async #reuse(held: Held): Promise<void> {
    if (held.readers > 0 || held.isKept) return;
    const block = await held.block.catch(() => undefined);
    if (block?.bytes.length === CHUNK_BYTES && this.#spare.length < MOST_SPARE) this.#spare.push(block.bytes);
  }

  async #readNext(index: number, before: Promise<Hash>): Promise<Block> {
    const into = this.#spare.pop() ?? Buffer.allocUnsafe(CHUNK_BYTES);
    const [bytes, soFar] = await Promise.all([this.readAt(index * CHUNK_BYTES, into), before]);
    return { bytes, digest: soFar.copy().update(bytes) };
  }

  /** A whole chunk, but at the end of the file. */
  async readAt(position: number, buffer: Buffer = Buffer.allocUnsafe(CHUNK_BYTES)): Promise<Buffer> {
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
export class SourceReader implements Chunks {
  readonly #file: SharedFile;
  #index = 0;
  #digest: Hash = createHash('sha256');
  /** What it has taken and not given back; undefined for what it read for itself. */
  readonly #taken: (Held | undefined)[] = [];
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
    const held = this.#isAlone ? undefined : this.#file.take(this.#index);
    this.#taken.push(held);
    if (held !== undefined) {
      const block = await held.block;
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

  /** Nobody reads the oldest chunk any more that `next` gave and that was not given back: it may be written to. */
  giveBack(): void {
    const held = this.#taken.shift();
    if (held) void this.#file.giveBack(held);
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
