import type { Stats } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError, codeOf } from '../errors.ts';
import type { Host } from '../inventory/inventory.ts';
import {
  CorruptKnownHosts,
  fingerprint,
  formatKnownHost,
  type KnownHosts,
  type KnownKey,
  keyType,
  knownName,
  parseKnownHosts,
} from './known-hosts.ts';
import { wordsOf } from './trouble.ts';

/**
 * - `strict`: only hosts that known_hosts has.
 * - `accept-new`: a host seen for the first time is believed and written down; a changed key is refused.
 * - `off`: any key. For laboratories.
 *
 * A fingerprint pinned in the inventory stands above all of them.
 */
export type HostKeyPolicy = 'strict' | 'accept-new' | 'off';

export interface HostKeys {
  /** What is known of this host now. Reads the file again where an administrator has changed it. */
  look(host: Host): Promise<HostKeyCheck>;
}

export interface HostKeyCheck {
  /** Types of key that the host is known by; empty where any will do. The host is asked for one of these first. */
  readonly types: readonly string[];
  /** It is asked for these only. */
  readonly isOnly: boolean;
  /** Null where the key is the right one, or a first one; else why the host is not trusted. */
  judge(key: Buffer): string | null;
  /**
   * Writes a first key down, durably, once the host has proved that it holds it. Null, or why the host is not
   * trusted after all. To be asked before any secret is sent.
   */
  accept(key: Buffer): Promise<string | null>;
}

/** Looking for changes to the file more often would only cost. */
const FRESH_MS = 1_000;

/** A `ConfigError` where the file is there but cannot be read. A missing one is empty. */
export async function openHostKeys(path: string, policy: HostKeyPolicy): Promise<HostKeys> {
  const file = new KnownHostsFile(path);
  /** A fingerprint does not tell the type of its key: found out once, by asking. */
  const pinnedTypes = new Map<string, string>();
  if (policy !== 'off') {
    const problem = await file.refresh();
    if (problem !== null) throw new ConfigError([problem]);
  }

  return {
    async look(host) {
      const name = knownName(host.ip, host.port);
      if (host.hostKey !== undefined) {
        const pinned = host.hostKey.replace(/(?<!=)=+$/, '');
        const inFile = file.keysOf(name).find(({ blob }) => fingerprint(blob) === pinned);
        return pinnedCheck(pinned, inFile?.type ?? pinnedTypes.get(pinned), (type) =>
          pinnedTypes.set(pinned, type),
        );
      }
      if (policy === 'off') return { types: [], isOnly: false, judge: () => null, accept: async () => null };

      const problem = await file.refresh();
      if (problem !== null)
        return { types: [], isOnly: false, judge: () => problem, accept: async () => problem };
      const judge = (key: Buffer) => judgeKey(file, name, key, policy);
      return {
        types: file.keysOf(name).map((key) => key.type),
        isOnly: false,
        judge,
        async accept(key) {
          // Asked again: another connection to the same place may have come first.
          const reason = judge(key);
          if (reason !== null || file.keysOf(name).length > 0) return reason;
          return file.append(name, { type: keyType(key) ?? '', blob: key });
        },
      };
    },
  };
}

function pinnedCheck(
  pinned: string,
  type: string | undefined,
  onFound: (type: string) => void,
): HostKeyCheck {
  const judge = (key: Buffer) => {
    if (fingerprint(key) === pinned) {
      onFound(keyType(key) ?? '');
      return null;
    }
    return `the host key is not the one pinned in the inventory: pinned ${pinned}, offered ${fingerprint(key)} (${keyType(key)})`;
  };
  return {
    types: type === undefined ? [] : [type],
    isOnly: false,
    judge,
    accept: async (key) => judge(key),
  };
}

function judgeKey(
  file: KnownHostsFile,
  name: string,
  key: Buffer,
  policy: 'strict' | 'accept-new',
): string | null {
  const offered = `${fingerprint(key)} (${keyType(key)})`;
  if (file.revokedOf(name).some((revoked) => revoked.blob.equals(key))) {
    return `host key revoked: ${offered}`;
  }
  const known = file.keysOf(name);
  if (known.some((one) => one.blob.equals(key))) return null;
  if (known.length > 0) {
    const fingerprints = known.map((one) => `${fingerprint(one.blob)} (${one.type})`).join(' or ');
    return `host key changed: known ${fingerprints}, offered ${offered}; if the host was reinstalled, remove its line from ${file.path}`;
  }
  if (policy === 'strict') {
    return `host key not known: offered ${offered}; add it to ${file.path} or pin it in the inventory`;
  }
  return null;
}

/** One writer: lines are appended in groups, each group made durable before anyone relies on it. */
class KnownHostsFile {
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
