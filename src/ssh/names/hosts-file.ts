import type { LookupAddress } from 'node:dns';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';

/** Looking for changes to a file more often would only cost. */
const FRESH_MS = 1_000;
/** A longer one is no list of hosts. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Calls back where a file is another one than it was, at first too: at most once a second, and for all who ask meanwhile. */
export function watchFile(path: string, onChange: () => Promise<void>): () => Promise<void> {
  let version = '';
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const found = await stat(path).catch(() => undefined);
    const isThere = found !== undefined && found.size <= MAX_BYTES;
    const now = isThere ? `${found.ino} ${found.size} ${found.mtimeMs}` : 'none';
    if (now === version) return;
    await onChange();
    version = now;
  };
  return () => {
    if (performance.now() - lookedAt >= FRESH_MS) {
      lookedAt = performance.now();
      looking = looking.then(look);
    }
    return looking;
  };
}

/** `/etc/hosts`, as it is now: what stands there comes before what any name server says. */
export class HostsFile {
  readonly #refresh: () => Promise<void>;
  #names: ReadonlyMap<string, readonly LookupAddress[]> = new Map();

  constructor(path: string) {
    this.#refresh = watchFile(path, async () => {
      this.#names = await readHosts(path);
    });
  }

  /** Undefined where the name does not stand there. */
  async find(name: string): Promise<readonly LookupAddress[] | undefined> {
    await this.#refresh();
    return this.#names.get(name);
  }
}

async function readHosts(path: string): Promise<ReadonlyMap<string, readonly LookupAddress[]>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.length > MAX_BYTES) return new Map();
  const names = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [entry = ''] = line.split('#', 1);
    const [address = '', ...aliases] = entry.split(/[ \t\r]+/).filter((word) => word !== '');
    const family = isIP(address);
    if (family === 0) continue;
    for (const alias of aliases) {
      const name = alias.toLowerCase();
      names.set(name, [...(names.get(name) ?? []), { address, family }]);
    }
  }
  return names;
}
