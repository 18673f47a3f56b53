import { type BigIntStats, type FSWatcher, statSync, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError, showCode } from '../../errors.ts';
import { compareFleets, type FleetChanges } from './changes.ts';
import type { Fleet } from './fleet-files.ts';

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
  /** Between two times that what is no file is fetched. */
  readonly everyMs: number;
}

const DEFAULT_PACE: WatchPace = { pollMs: 2_000, settleMs: 250, longestMs: 5_000, everyMs: 10 * 60_000 };

/** Where a fleet comes from. */
export interface FleetSource {
  /** What is looked at for a change; may be others from one look to the next. */
  paths(now: Fleet | undefined): readonly string[];
  /** Gets what is no file, before each reading and every so often; rejects with a `ConfigError`. */
  fetch?(signal: AbortSignal): Promise<{ readonly hasChanged: boolean }>;
  /** Throws a `ConfigError`. */
  read(): Fleet;
}

/**
 * Inventory and allowlist as they were last read well, and read again when one of them changes or somebody asks.
 * Both change at once, or neither: rules are read with the inventory they speak of.
 */
export class WatchedFleet implements Fleet {
  readonly #source: FleetSource;
  readonly #pace: WatchPace;
  #fleet: Fleet;
  /** Of the files as they were just before they were read last, well or not. */
  #version: string;
  #isAsked = false;
  /** It is time to fetch what is no file. */
  #isDue = false;
  /** What was wrong the last time; empty where nothing was. */
  #wrong: readonly string[] = [];
  #follower: FleetFollower | undefined;
  /** Resolved where a look may be worth it; replaced when it begins. */
  #stirred = Promise.withResolvers<void>();

  /** Reads all of it; throws what `read` throws. What has to be fetched first was fetched. */
  constructor(source: FleetSource, pace: Partial<WatchPace> = {}) {
    this.#source = source;
    this.#pace = { ...DEFAULT_PACE, ...pace };
    const version = source.paths(undefined).map(versionNowOf).join(' ');
    this.#fleet = source.read();
    // What was read may name more that is to be looked at: of that, what is there now was read.
    const rest = source.paths(this.#fleet).slice(source.paths(undefined).length).map(versionNowOf);
    this.#version = [version, ...rest].join(' ');
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
    const due = setInterval(() => {
      this.#isDue = true;
      stir();
    }, this.#pace.everyMs).unref();
    const folders = [...new Set(this.#source.paths(this.#fleet).flatMap((path) => [dirname(path), path]))];
    const watchers = folders.flatMap((folder) => watchFolder(folder, stir));
    const looking = this.#look(stop.signal);
    return {
      close: async () => {
        stop.abort();
        clearInterval(poll);
        clearInterval(due);
        for (const watcher of watchers) watcher.close();
        stir();
        await looking;
      },
    };
  }

  async #look(stop: AbortSignal): Promise<void> {
    for (; !stop.aborted; await this.#stirred.promise) {
      this.#stirred = Promise.withResolvers();
      const isDue = this.#isDue && this.#source.fetch !== undefined;
      const hasMoved = (await this.#versionNow()) !== this.#version;
      if (!this.#isAsked && !isDue && !hasMoved) continue;
      const isAsked = this.#isAsked;
      this.#isAsked = false;
      this.#isDue = false;
      if (isAsked || hasMoved) this.#version = await this.#settledVersion(stop);
      const fetched = await this.#fetch(stop);
      if (stop.aborted) return;
      const isNews = isAsked || hasMoved;
      if (Array.isArray(fetched)) this.#fail(fetched, isNews);
      else if (isNews || fetched === true || this.#wrong.length > 0) this.#take(isAsked, isNews);
    }
  }

  /** Whether what is no file has changed, or what is wrong with it. */
  async #fetch(stop: AbortSignal): Promise<boolean | readonly string[]> {
    try {
      return (await this.#source.fetch?.(stop))?.hasChanged ?? false;
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }

  /** Told once for as long as it is the same, where nobody did anything. */
  #fail(problems: readonly string[], isNews: boolean): void {
    const isKnown = problems.join('\n') === this.#wrong.join('\n');
    this.#wrong = problems;
    if (isNews || !isKnown) this.#follower?.onFailure(problems);
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

  #take(isAsked: boolean, isNews: boolean): void {
    const before = this.#fleet;
    let next: Fleet;
    try {
      next = this.#source.read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#fail(error.problems, isNews);
      return;
    }
    const changes = compareFleets(before, next);
    const differs = Object.values(changes).some((kind) =>
      Object.values(kind).some((names) => names.length > 0),
    );
    this.#follower?.beforeChange(next);
    this.#fleet = next;
    if (differs || isAsked || this.#wrong.length > 0) this.#follower?.onChange(changes);
    this.#wrong = [];
  }

  async #versionNow(): Promise<string> {
    return (await Promise.all(this.#source.paths(this.#fleet).map(versionOf))).join(' ');
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
