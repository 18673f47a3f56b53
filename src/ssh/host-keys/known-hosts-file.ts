import { readFile } from 'node:fs/promises';
import PQueue from 'p-queue';
import { codeOf } from '../../errors.ts';
import type { FirstKey } from '../../run/host-key.ts';
import { inSlices } from '../../time/slices.ts';
import { untilFilesAreFree } from '../open-file.ts';
import { wordsOf } from '../trouble.ts';
import type { RecordFirstKeys } from './contact.ts';
import { appendDurably, MISSING, replaceDurably, versionOf } from './durable-file.ts';
import {
  CorruptKnownHosts,
  fingerprint,
  formatKnownHost,
  type Known,
  type KnownHosts,
  type KnownKey,
  parseKnownHosts,
  readKnownHosts,
} from './known-hosts.ts';
import { rewriteKnownHosts } from './rewrite.ts';

/** Looking for changes to the file more often would only cost. */
const FRESH_MS = 1_000;

/** A key that is believed at first contact. */
export interface FirstEntry {
  readonly name: string;
  readonly key: KnownKey;
  readonly first: FirstKey;
  readonly runId: string;
}

/** All keys of a place, instead of those that were known when somebody looked. */
export interface Replacement {
  readonly name: string;
  /** Fingerprints. */
  readonly known: readonly string[];
  readonly keys: readonly KnownKey[];
}

/** `written`: these places are known so. `failed`: nothing was written, and why. */
export type Replaced =
  | { readonly kind: 'written'; readonly names: ReadonlySet<string> }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * The known_hosts file and its one writer. What is believed by itself is appended in groups, each group put on
 * record and made durable before anyone relies on it; what a person said yes to takes the place of what was there.
 */
export class KnownHostsFile {
  readonly path: string;
  readonly #record: RecordFirstKeys;
  readonly #writes = new PQueue({ concurrency: 1 });
  #known: KnownHosts = parseKnownHosts('', '');
  #problem: string | null = null;
  #version = '';
  #checkedAt = 0;
  #refreshing: Promise<void> | undefined;
  /** One look at a time: each takes all the time that others leave. */
  #looking: Promise<void> = Promise.resolve();
  /** Keys appended since the file was read. */
  readonly #added = new Map<string, KnownKey>();
  #waiting: { readonly entry: FirstEntry; readonly done: (problem: string | null) => void }[] = [];
  /** Places that a person is just saying yes to: nothing is believed of them by itself meanwhile. */
  readonly #claimed = new Set<string>();

  constructor(path: string, record: RecordFirstKeys) {
    this.path = path;
    this.#record = record;
  }

  keysOf(name: string): readonly KnownKey[] {
    return this.find(name).keys;
  }

  /** Before a place is asked for: where names are hashed, that is long work, and is done bit by bit here. */
  async look(name: string): Promise<void> {
    this.#looking = this.#looking.then(() => inSlices(this.#known.look(name)));
    await this.#looking;
  }

  revokedOf(name: string): readonly KnownKey[] {
    return this.#known.find(name).revoked;
  }

  find(name: string): Known {
    const added = this.#added.get(name);
    const known = this.#known.find(name);
    return added ? { ...known, keys: [...known.keys, added] } : known;
  }

  /** Null, or why nothing in the file can be relied on. */
  async refresh(): Promise<string | null> {
    if (Date.now() - this.#checkedAt >= FRESH_MS && !this.#isWriting) await this.#readOnce();
    await this.#refreshing;
    return this.#problem;
  }

  /** The same of the file as it is at this moment. */
  async readAgain(): Promise<string | null> {
    await this.#writes.add(() => this.#readOnce());
    return this.#problem;
  }

  /** Null, or why the key is not believed after all. */
  append(entry: FirstEntry): Promise<string | null> {
    const { name, key } = entry;
    if (this.#claimed.has(name))
      return Promise.resolve('its host key is just being changed by `/batch trust`');
    // Known from here on, so that a second connection with another key is refused while this one is written.
    this.#added.set(name, key);
    return new Promise((resolve) => {
      this.#waiting.push({
        entry,
        done: (problem) => {
          if (problem !== null) this.#added.delete(name);
          resolve(problem);
        },
      });
      if (this.#waiting.length === 1) void this.#writes.add(() => this.#appendGroup());
    });
  }

  /**
   * Writes these keys of these places and takes out their others, of those places of which the file says what it
   * said: in one step, or not at all. `record` puts them down before the file is touched; what it throws is thrown on.
   */
  async replace(
    replacements: readonly Replacement[],
    record: (names: ReadonlySet<string>) => Promise<void>,
  ): Promise<Replaced> {
    return await this.#writes.add(async () => {
      await this.#readOnce();
      if (this.#problem !== null) return { kind: 'failed', reason: this.#problem };
      for (const { name } of replacements) await this.look(name);
      const fresh = replacements.filter((one) => this.#saysStill(one));
      const names = new Set(fresh.map(({ name }) => name));
      if (names.size === 0) return { kind: 'written', names };
      for (const name of names) this.#claimed.add(name);
      try {
        await record(names);
        const reason = await this.#writeInPlace(fresh);
        return reason === null ? { kind: 'written', names } : { kind: 'failed', reason };
      } finally {
        for (const name of names) this.#claimed.delete(name);
      }
    });
  }

  get #isWriting(): boolean {
    return this.#writes.size + this.#writes.pending > 0;
  }

  #saysStill({ name, known, keys }: Replacement): boolean {
    const now = this.find(name);
    const isRevoked = keys.some((key) => now.revoked.some(({ blob }) => blob.equals(key.blob)));
    const isSame =
      now.keys.length === known.length &&
      known.every((print) => now.keys.some(({ blob }) => fingerprint(blob) === print));
    return isSame && !isRevoked;
  }

  /** Null, or why nothing was written. */
  async #writeInPlace(replacements: readonly Replacement[]): Promise<string | null> {
    try {
      // Byte by byte, whatever its comments are written in.
      const text = (await versionOf(this.path)) === MISSING ? '' : await readFile(this.path, 'latin1');
      const places = new Map(replacements.map(({ name, keys }) => [name, keys]));
      const next = await inSlices(rewriteKnownHosts(text, places, this.#hashedAt([...places.keys()])));
      // Never a file that we could not read ourselves afterwards.
      const known = await inSlices(readKnownHosts(next, this.path));
      const version = await replaceDurably(this.path, Buffer.from(next, 'latin1'), this.#version);
      if (version === undefined) return `somebody else has just changed ${this.path}`;
      this.#known = known;
      this.#version = version;
      this.#forgetAdded();
      return null;
    } catch (error) {
      return `the host keys cannot be written to ${this.path} (${codeOf(error) ?? wordsOf(error)})`;
    }
  }

  /** Of the file as it was read; it is replaced only where it still is. */
  #hashedAt(names: readonly string[]): ReadonlyMap<number, readonly string[]> {
    const lines = new Map<number, string[]>();
    for (const name of names) {
      for (const line of this.#known.find(name).hashedAt) lines.set(line, [...(lines.get(line) ?? []), name]);
    }
    return lines;
  }

  async #readOnce(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
      this.#checkedAt = Date.now();
    });
    await this.#refreshing;
  }

  async #read(): Promise<void> {
    try {
      const version = await versionOf(this.path);
      if (version === this.#version && this.#problem === null) return;
      // Only comments may be anything but ASCII here: a name that is not finds no host, as no address is.
      const text = version === MISSING ? '' : await untilFilesAreFree(() => readFile(this.path, 'utf8'));
      this.#known = await inSlices(readKnownHosts(text, this.path));
      this.#forgetAdded();
      this.#version = version;
      this.#problem = null;
    } catch (error) {
      this.#problem =
        error instanceof CorruptKnownHosts
          ? error.message
          : `${this.path}: cannot be read (${codeOf(error) ?? wordsOf(error)})`;
    }
  }

  /** What an administrator has taken out is forgotten; what is still to be written is not. */
  #forgetAdded(): void {
    const waiting = new Set(this.#waiting.map(({ entry }) => entry.name));
    for (const name of this.#added.keys()) if (!waiting.has(name)) this.#added.delete(name);
  }

  async #appendGroup(): Promise<void> {
    await this.#refreshing;
    const group = this.#waiting;
    this.#waiting = [];
    const recorded: typeof group = [];
    for (const [runId, ofRun] of Map.groupBy(group, ({ entry }) => entry.runId)) {
      try {
        await this.#record(
          runId,
          ofRun.map(({ entry }) => entry.first),
        );
        recorded.push(...ofRun);
      } catch (error) {
        for (const { done } of ofRun) done(notRecorded(error));
      }
    }
    if (recorded.length === 0) return;
    const lines = recorded.map(({ entry: { name, key } }) => formatKnownHost(name, key)).join('');
    const problem = await appendDurably(this.path, lines).then(
      ({ before, after }) => {
        // Our own lines are known already: no need to read them again, unless someone else wrote too.
        if (before === this.#version) this.#version = after;
        return null;
      },
      (error: unknown) =>
        `the host key cannot be written to ${this.path} (${codeOf(error) ?? wordsOf(error)})`,
    );
    for (const { done } of recorded) done(problem);
  }
}

export function notRecorded(error: unknown): string {
  return `the host key cannot be put on record, so nothing secret is sent (${wordsOf(error)})`;
}
