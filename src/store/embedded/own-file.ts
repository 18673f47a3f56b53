import { statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';

/** So much must fit beside the database: SQLite writes into room that it has already, and would not notice. */
const PROBE_BYTES = 256 * 1024;

/**
 * The file that was opened, known by its inode. Whoever removes the folder, or puts a backup in its place, leaves
 * us writing into files that have no name any more: nothing that is recorded there would ever be found again.
 */
export class OwnFile {
  readonly #path: string;
  /** By name, as first seen. SQLite keeps the `-wal` as long as it is open. */
  readonly #known = new Map<string, string>();

  readonly #onTrouble: () => void;

  /** For a database that was just opened and written to. */
  constructor(path: string, onTrouble: () => void) {
    this.#path = path;
    this.#onTrouble = onTrouble;
    for (const name of [path, `${path}-wal`]) {
      const inode = inodeOf(name);
      if (inode !== undefined) this.#known.set(name, inode);
    }
  }

  /** Undefined where all is well; else what is not, in a sentence. Some microseconds. */
  trouble(): string | undefined {
    const trouble = this.#look();
    if (trouble !== undefined) this.#onTrouble();
    return trouble;
  }

  #look(): string | undefined {
    for (const [name, inode] of this.#known) {
      const found = inodeOf(name);
      if (found === undefined) return `the database file ${name} is gone`;
      if (found !== inode) return `the database file ${name} was replaced by another`;
    }
    return undefined;
  }

  /** Rejects where there is no room for more. */
  async probe(): Promise<void> {
    const trouble = this.trouble();
    if (trouble !== undefined) throw new Error(trouble);
    const name = `${this.#path}.probe`;
    const file = await open(name, 'w', 0o600);
    try {
      await file.writeFile(Buffer.alloc(PROBE_BYTES));
      await file.datasync();
    } finally {
      await file.close();
      await rm(name, { force: true });
    }
  }
}

function inodeOf(name: string): string | undefined {
  const found = statSync(name, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
