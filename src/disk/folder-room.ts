import type { Claim, Room } from '../ports/disk.ts';
import { formatBytes } from '../report/text/wording.ts';
import type { FreeSpace } from './free-space.ts';
import { measureFolder } from './measure.ts';

/** A count that began so long ago is not believed where it would refuse something. */
const BELIEVED_MS = 5_000;

export interface RoomSettings {
  /** As sentences name it: `the transfer folder`. */
  readonly name: string;
  readonly folder: string;
  readonly maxBytes: number;
  /** The variable that sets the limit. */
  readonly setting: string;
  readonly space: FreeSpace;
}

/**
 * How much a folder of the bot's holds, and may hold. What is being written is counted byte by byte, by whoever
 * writes it; the rest is what was found on the disk when it was last looked through, with what came since. So the sum
 * is never too small, and where it would refuse something the disk is looked through again first: an administrator
 * may have removed files, and a file may have taken another one's place.
 */
export class FolderRoom implements Room {
  readonly #settings: RoomSettings;
  /** Of files that are whole. */
  #settled = 0;
  #settledSince = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;
  /** Bytes of the files that are being written. */
  readonly #writing = new Map<string, number>();

  constructor(settings: RoomSettings) {
    this.#settings = settings;
  }

  get usedBytes(): number {
    let bytes = this.#settled;
    for (const taken of this.#writing.values()) bytes += taken;
    return bytes;
  }

  get maxBytes(): number {
    return this.#settings.maxBytes;
  }

  get space(): FreeSpace {
    return this.#settings.space;
  }

  claim(path: string): Claim {
    this.#writing.set(path, 0);
    return {
      grow: (bytes) => this.#grow(path, bytes),
      keep: () => {
        const bytes = this.#writing.get(path) ?? 0;
        this.#settled += bytes;
        this.#settledSince += bytes;
        this.#writing.delete(path);
      },
      drop: () => {
        this.#writing.delete(path);
      },
    };
  }

  async #grow(path: string, bytes: number): Promise<string | undefined> {
    if (this.#countedAt === Number.NEGATIVE_INFINITY) await this.count();
    if (this.usedBytes + bytes > this.#settings.maxBytes) {
      if (performance.now() - this.#countedAt > BELIEVED_MS) await this.count();
      if (this.usedBytes + bytes > this.#settings.maxBytes) return this.#full(bytes);
    }
    // Taken before the disk is asked, or others would take it meanwhile.
    this.#writing.set(path, (this.#writing.get(path) ?? 0) + bytes);
    if (await this.#settings.space.take(bytes)) return undefined;
    const taken = this.#writing.get(path);
    if (taken !== undefined) this.#writing.set(path, taken - bytes);
    return short(this.#settings.space);
  }

  #full(bytes: number): string {
    const { name, maxBytes, setting } = this.#settings;
    return (
      `${name} has no room for ${formatBytes(bytes)} more: it holds ${formatBytes(this.usedBytes)} of the ` +
      `${formatBytes(maxBytes)} of ${setting}; an administrator has to remove files from it, or to set more`
    );
  }

  /** Why nothing is taken at the moment; undefined where there is some room. */
  async trouble(): Promise<string | undefined> {
    if (this.usedBytes >= this.#settings.maxBytes) return this.#full(1);
    return (await this.#settings.space.take(0)) ? undefined : short(this.#settings.space);
  }

  /** Looks through the folder. */
  count(): Promise<void> {
    this.#counting ??= this.#countOnce().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  async #countOnce(): Promise<void> {
    const startedAt = performance.now();
    this.#settledSince = 0;
    const found = await measureFolder(this.#settings.folder, (path) => this.#writing.has(path));
    // What got its place meanwhile may have been seen there or not.
    this.#settled = found + this.#settledSince;
    this.#countedAt = startedAt;
  }
}

/** Why nothing more is written to a disk, for people. */
export function short(space: FreeSpace): string {
  return (
    `the bot's disk is nearly full: ${formatBytes(Math.max(0, space.freeBytes))} are free, and ` +
    `${formatBytes(space.leaveBytes)} are to stay so (BATCHOPS_FREE_SPACE); an administrator has to make room on it`
  );
}
