import type { Stats } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../../errors.ts';
import { wordsOf } from '../trouble.ts';
import {
  CorruptKnownHosts,
  formatKnownHost,
  type KnownHosts,
  type KnownKey,
  parseKnownHosts,
} from './known-hosts.ts';

/** Looking for changes to the file more often would only cost. */
const FRESH_MS = 1_000;

/** One writer: lines are appended in groups, each group made durable before anyone relies on it. */
export class KnownHostsFile {
  readonly path: string;
  #known: KnownHosts = parseKnownHosts('', '');
  #problem: string | null = null;
  #version = '';
  #checkedAt = 0;
  #refreshing: Promise<void> | undefined;
  /** Keys appended since the file was read. */
  readonly #added = new Map<string, KnownKey>();
  #waiting: { name: string; line: string; done: (problem: string | null) => void }[] = [];
  #isWriting = false;

  constructor(path: string) {
    this.path = path;
  }

  keysOf(name: string): readonly KnownKey[] {
    const added = this.#added.get(name);
    const known = this.#known.find(name).keys;
    return added ? [...known, added] : known;
  }

  revokedOf(name: string): readonly KnownKey[] {
    return this.#known.find(name).revoked;
  }

  /** Null, or why nothing in the file can be relied on. */
  async refresh(): Promise<string | null> {
    if (Date.now() - this.#checkedAt >= FRESH_MS && !this.#isWriting) {
      this.#refreshing ??= this.#read().finally(() => {
        this.#refreshing = undefined;
        this.#checkedAt = Date.now();
      });
    }
    await this.#refreshing;
    return this.#problem;
  }

  append(name: string, key: KnownKey): Promise<string | null> {
    // Known from here on, so that a second connection with another key is refused while this one is written.
    this.#added.set(name, key);
    return new Promise((resolve) => {
      this.#waiting.push({
        name,
        line: formatKnownHost(name, key),
        done: (problem) => {
          if (problem !== null) this.#added.delete(name);
          resolve(problem);
        },
      });
      if (!this.#isWriting) void this.#write();
    });
  }

  async #read(): Promise<void> {
    try {
      const version = await versionOf(this.path);
      if (version === this.#version && this.#problem === null) return;
      // Only comments may be anything but ASCII here: a name that is not finds no host, as no address is.
      const text = version === MISSING ? '' : await readFile(this.path, 'utf8');
      this.#known = parseKnownHosts(text, this.path);
      // What an administrator has taken out is forgotten; what is still to be written is not.
      for (const name of this.#added.keys()) {
        if (!this.#waiting.some((entry) => entry.name === name)) this.#added.delete(name);
      }
      this.#version = version;
      this.#problem = null;
    } catch (error) {
      this.#problem =
        error instanceof CorruptKnownHosts
          ? error.message
          : `${this.path}: cannot be read (${codeOf(error) ?? wordsOf(error)})`;
    }
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    await this.#refreshing;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const problem = await appendDurably(this.path, group.map((entry) => entry.line).join('')).then(
        ({ before, after }) => {
          // Our own lines are known already: no need to read them again, unless someone else wrote too.
          if (before === this.#version) this.#version = after;
          return null;
        },
        (error: unknown) =>
          `the host key cannot be written to ${this.path} (${codeOf(error) ?? wordsOf(error)})`,
      );
      for (const entry of group) entry.done(problem);
    }
    this.#isWriting = false;
  }
}

const MISSING = 'missing';

async function versionOf(path: string): Promise<string> {
  try {
    return formatVersion(await stat(path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return MISSING;
    throw error;
  }
}

function formatVersion({ ino, size, mtimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}`;
}

async function appendDurably(path: string, lines: string): Promise<{ before: string; after: string }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const before = await versionOf(path);
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // Someone's editor may have left the last line without its end.
    const text = size > 0 && last[0] !== 0x0a ? `\n${lines}` : lines;
    try {
      await file.appendFile(text);
    } catch (error) {
      // Half a line would make the whole file unreadable.
      await file.truncate(size).catch(() => {});
      throw error;
    }
    await file.sync();
    return { before, after: formatVersion(await file.stat()) };
  } finally {
    await file.close();
  }
}
