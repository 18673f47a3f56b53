import type { Claim, Room } from '../ports/disk.ts';
import { formatBytes } from '../report/text/wording.ts';
import type { FreeSpace } from './free-space.ts';
import { measureFolder } from './measure.ts';

/** A count that began so long ago is not believed where it would refuse something. */
const BELIEVED_MS = 5_000;
/** What was set aside stays so for this long, whatever has come of it: a host may be slow to begin. */
const GRACE_MS = 30_000;
/** And after that while all of it would be there within this, at the pace of what came. */
const SET_ASIDE_MS = 5 * 60_000;

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
  /** The files that are being written. */
  readonly #writing = new Map<string, Writing>();

  constructor(settings: RoomSettings) {
    this.#settings = settings;
  }

  get usedBytes(): number {
    let bytes = this.#settled;
    for (const { taken } of this.#writing.values()) bytes += taken;
    return bytes;
  }

  get maxBytes(): number {
    return this.#settings.maxBytes;
  }

  get space(): FreeSpace {
    return this.#settings.space;
  }

  claim(path: string): Claim {
    const writing: Writing = { taken: 0, came: 0, since: performance.now() };
    this.#writing.set(path, writing);
    return {
      // Of what others got meanwhile, what came needs its room again.
      grow: (bytes) => this.#grow(writing, Math.max(bytes, writing.came - writing.taken)),
      came: (bytes) => {
        writing.came += bytes;
      },
      keep: () => {
        const bytes = this.#writing.get(path)?.taken ?? 0;
        this.#settled += bytes;
        this.#settledSince += bytes;
        this.#writing.delete(path);
      },
      drop: () => {
        this.#writing.delete(path);
      },
    };
  }

  async #grow(writing: Writing, bytes: number): Promise<string | undefined> {
    if (this.#countedAt === Number.NEGATIVE_INFINITY) await this.count();
    if (this.usedBytes + bytes > this.#settings.maxBytes) {
      if (performance.now() - this.#countedAt > BELIEVED_MS) await this.count();
      this.#takeBack(this.usedBytes + bytes - this.#settings.maxBytes, writing);
      if (this.usedBytes + bytes > this.#settings.maxBytes) return this.#full(bytes);
    }
    // Taken before the disk is asked, or others would take it meanwhile.
    writing.taken += bytes;
    if (await this.#settings.space.take(bytes)) return undefined;
    writing.taken -= bytes;
    return short(this.#settings.space);
  }

  /** A host that says that its file is large, and sends next to nothing of it, holds no room that others need. */
  #takeBack(bytes: number, askedBy: Writing): void {
    const now = performance.now();
    const slow = Array.from(this.#writing.values()).filter((one) => one !== askedBy && isTooSlow(one, now));
    const ahead = slow.reduce((sum, { taken, came }) => sum + taken - came, 0);
    // It stays theirs where it would help nobody.
    if (ahead >= bytes) for (const one of slow) one.taken = one.came;
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

/** A file on its way. */
interface Writing {
  /** Its share of the room; ahead of `came` what was set aside for it. */
  taken: number;
  came: number;
  readonly since: number;
}

function isTooSlow({ taken, came, since }: Writing, now: number): boolean {
  const passedMs = now - since;
  return taken > came && passedMs > GRACE_MS && passedMs * (taken - came) > SET_ASIDE_MS * came;
}

/** Why nothing more is written to a disk, for people. */
export function short(space: FreeSpace): string {
  return (
    `the bot's disk is nearly full: ${formatBytes(Math.max(0, space.freeBytes))} are free, and ` +
    `${formatBytes(space.leaveBytes)} are to stay so (BATCHOPS_FREE_SPACE); an administrator has to make room on it`
  );
}
