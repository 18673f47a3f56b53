import { createHash } from 'node:crypto';
import { Refusal } from '../errors.ts';
import type { SentFile } from '../run/plan.ts';
import type { JailedFolder } from './transfer-folder.ts';
import { Trouble } from './trouble.ts';

/** What commands are given of the transfer folder, in memory for as long as one of them needs it: once for all hosts. */
export class SentFiles {
  readonly #folder: JailedFolder;
  readonly #held = new Map<string, { readonly content: Promise<Uint8Array>; users: number }>();

  constructor(folder: JailedFolder) {
    this.#folder = folder;
  }

  /** The file as it was approved, or a `Trouble`; what is done with it has it until it ends. */
  async use<T>(
    file: SentFile | undefined,
    work: (content: Uint8Array | undefined) => Promise<T>,
  ): Promise<T> {
    if (file === undefined) return await work(undefined);
    const key = `${file.source.sha256} ${file.local}`;
    const held = this.#held.get(key) ?? { content: this.#read(file), users: 0 };
    this.#held.set(key, held);
    held.users += 1;
    try {
      return await work(await held.content);
    } finally {
      held.users -= 1;
      if (held.users === 0) this.#held.delete(key);
    }
  }

  async #read({ local, source }: SentFile): Promise<Uint8Array> {
    const { file, stats } = await this.#folder.openSource(local).catch((error: unknown) => {
      throw error instanceof Refusal ? new Trouble('skipped', `${error.message} Nothing was sent.`) : error;
    });
    try {
      if (stats.size !== source.bytes) throw changed(local);
      const content = Buffer.alloc(source.bytes);
      const { bytesRead } = await file.read(content, 0, content.length, 0);
      const sha256 = createHash('sha256').update(content).digest('hex');
      if (bytesRead !== content.length || sha256 !== source.sha256) throw changed(local);
      return content;
    } finally {
      await file.close();
    }
  }
}

function changed(local: string): Trouble {
  return new Trouble('skipped', `${local} has changed since the run was approved; nothing was sent`);
}
