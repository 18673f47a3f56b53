import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { FileDigest } from '../../run/plan.ts';
import type { OpenedSource } from './shared-source.ts';

const MOST_KEPT = 1_000;
/** A file that was written so recently may be written again within the same tick of the disk's clock. */
const SETTLED_MS = 2_000;
const READ_BYTES = 512 * 1024;

/**
 * The digests that plans are made with: a preview and the run that follows it, or ten runs of one file, read it once.
 * What is sent is digested as it is sent, and compared: a wrong one here could only stop a copy.
 */
export class SourceDigests {
  readonly #known = new Map<string, string>();

  /** Closes the file. */
  async of({ file, stats }: OpenedSource): Promise<FileDigest> {
    try {
      const { dev, ino, size, mtimeMs, ctimeMs } = stats;
      const key = [dev, ino, size, mtimeMs, ctimeMs].join(':');
      const known = this.#known.get(key);
      if (known !== undefined) return { bytes: size, sha256: known };
      const began = Date.now();
      const digest = await digestFile(file);
      if (digest.bytes === size && ctimeMs < began - SETTLED_MS) this.#keep(key, digest.sha256);
      return digest;
    } finally {
      await file.close();
    }
  }

  #keep(key: string, sha256: string): void {
    this.#known.set(key, sha256);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KEPT && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Reads on while it digests. */
async function digestFile(file: FileHandle): Promise<FileDigest> {
  const digest = createHash('sha256');
  let bytes = 0;
  let reading = file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, 0);
  for (;;) {
    const { bytesRead, buffer } = await reading;
    if (bytesRead === 0) return { bytes, sha256: digest.digest('hex') };
    bytes += bytesRead;
    reading = file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, bytes);
    digest.update(buffer.subarray(0, bytesRead));
  }
}
