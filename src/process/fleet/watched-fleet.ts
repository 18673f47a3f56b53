import { type BigIntStats, type FSWatcher, statSync, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError, showCode } from '../../errors.ts';
import { compareFleets, type FleetChanges } from './changes.ts';
import type { Fleet, FleetPaths } from './fleet-files.ts';

export interface FleetFollower {
  /** Called with what is about to be in force: what has to be known of it before anybody uses it. */
  beforeChange(next: Fleet): void;
  /** It is in force. Nothing differs where the files are well again, or somebody asked. */
  onChange(changes: FleetChanges): void;
  /** The last good version stays in force. */
  onFailure(problems: readonly string[]): void;
}

export interface WatchPace {
  /** Between two looks at the files, for what the system does not tell: links, network file systems. */
  readonly pollMs: number;
  /** A file is read once it has stood still for so long: an editor may be half-way through it. */
  readonly settleMs: number;
  /** And one that never stands still is read as it is. */
  readonly longestMs: number;
}

const DEFAULT_PACE: WatchPace = { pollMs: 2_000, settleMs: 250, longestMs: 5_000 };

/**
 * Inventory and allowlist as they were last read well, and read again when one of them changes or somebody asks.
 * Both change at once, or neither: rules are read with the inventory they speak of.
 */
export class WatchedFleet implements Fleet {
  readonly #read: () => Fleet;
  readonly #paths: readonly string[];
  readonly #pace: WatchPace;
  #fleet: Fleet;
  /** Of the files as they were just before they were read last, well or not. */
  #version: string;
  #isAsked = false;
  #hasFailed = false;
  #follower: FleetFollower | undefined;
  /** Resolved where a look may be worth it; replaced when it begins. */
  #stirred = Promise.withResolvers<void>();

  /** Reads both; throws what `read` throws. */
  constructor(paths: FleetPaths, read: () => Fleet, pace: Partial<WatchPace> = {}) {
    this.#paths = [paths.inventoryPath, paths.allowlistPath];
    this.#read = read;
    this.#pace = { ...DEFAULT_PACE, ...pace };
    this.#version = this.#paths.map(versionNowOf).join(' ');
    this.#fleet = read();
  }

  get inventory(): Fleet['inventory'] {
    return this.#fleet.inventory;
  }

  get allowlist(): Fleet['allowlist'] {
    return this.#fleet.allowlist;
  }

  /** Both are read again, also where nothing changed: a file that they name may have. */
  readAgain(): void {
    this.#isAsked = true;
    this.#stirred.resolve();
  }

  /** What changed between the first reading and now is seen by the first look. Ended by `close`. */
  follow(follower: FleetFollower): { close(): Promise<void> } {
    this.#follower = follower;
    const stop = new AbortController();
    const stir = () => this.#stirred.resolve();
    const poll = setInterval(stir, this.#pace.pollMs).unref();
    const folders = [...new Set(this.#paths.map((path) => dirname(path)))];
    const watchers = folders.flatMap((folder) => watchFolder(folder, stir));
    const looking = this.#look(stop.signal);
    return {
      close: async () => {
        stop.abort();
        clearInterval(poll);
        for (const watcher of watchers) watcher.close();
        stir();
        await looking;
      },
    };
  }

  async #look(stop: AbortSignal): Promise<void> {
    for (; !stop.aborted; await this.#stirred.promise) {
      this.#stirred = Promise.withResolvers();
      if (!this.#isAsked && (await this.#versionNow()) === this.#version) continue;
      const isAsked = this.#isAsked;
      this.#isAsked = false;
      const version = await this.#settledVersion(stop);
      if (stop.aborted) return;
      this.#version = version;
      this.#take(isAsked);
    }
  }

  async #settledVersion(stop: AbortSignal): Promise<string> {
    const { settleMs, longestMs } = this.#pace;
    const until = performance.now() + longestMs;
    for (let version = await this.#versionNow(); ; ) {
      await pause(settleMs, undefined, { signal: stop, ref: false }).catch(() => {});
      const next = await this.#versionNow();
      if (next === version || stop.aborted || performance.now() > until) return next;
      version = next;
    }
  }

  #take(isAsked: boolean): void {
    const before = this.#fleet;
    let next: Fleet;
    try {
      next = this.#read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#hasFailed = true;
      this.#follower?.onFailure(error.problems);
      return;
    }
    const changes = compareFleets(before, next);
    const differs = Object.values(changes).some((kind) =>
      Object.values(kind).some((names) => names.length > 0),
    );
    this.#follower?.beforeChange(next);
    this.#fleet = next;
    if (differs || isAsked || this.#hasFailed) this.#follower?.onChange(changes);
    this.#hasFailed = false;
  }

  async #versionNow(): Promise<string> {
    return (await Promise.all(this.#paths.map(versionOf))).join(' ');
  }
}

/** Links followed, so that what a link leads to counts. */
async function versionOf(path: string): Promise<string> {
  try {
    return formatVersion(await stat(path, { bigint: true }));
  } catch (error) {
    return showCode(error);
  }
}

/** The same at once, before anybody waits for us. */
function versionNowOf(path: string): string {
  try {
    return formatVersion(statSync(path, { bigint: true }));
  } catch (error) {
    return showCode(error);
  }
}

function formatVersion({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/** The folder, not the file: an editor puts a new file in the old one's place. None where it cannot be watched. */
function watchFolder(folder: string, onEvent: () => void): readonly FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
}
