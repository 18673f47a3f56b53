import type { FileHandle } from 'node:fs/promises';
import type { SpoolSink } from '../../gather/spool.ts';
import type { Claim } from '../../ports/disk.ts';
import { within } from '../../time/within.ts';

/** More waiting than this, and the host is asked to wait. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A disk that does not take it within this is given up: a command's end must not hang on it. */
const STALL_MS = 3_000;

/** A stream on its way to the disk. Whatever goes wrong there ends the file and nothing else. */
export interface SpoolFile extends SpoolSink {
  readonly isBehind: boolean;
  /** Within seconds: the disk has taken what waited, or is given up. Never rejects. */
  caughtUp(): Promise<void>;
  /** The file's path below the spool folder; undefined where it is not whole, and then it is gone. */
  end(): Promise<string | undefined>;
}

export interface SpoolTarget {
  readonly path: string;
  readonly claim: Claim;
  open(): Promise<FileHandle>;
  remove(): Promise<void>;
  onTrouble(error: unknown): void;
  readonly stallMs?: number;
}

export function writeSpoolFile({
  path,
  claim,
  open,
  remove,
  onTrouble,
  stallMs = STALL_MS,
}: SpoolTarget): SpoolFile {
  /** Taken by nobody yet; empty for good once the disk is given up. */
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let isGivenUp = false;
  let isEnded = false;
  let working: Promise<void> | undefined;
  const opened = open();
  opened.catch(giveUp);

  function giveUp(error: unknown): void {
    if (isGivenUp) return;
    isGivenUp = true;
    waiting = [];
    waitingBytes = 0;
    onTrouble(error);
    void opened
      .then((file) => file.close())
      .catch(() => undefined)
      .then(() => opened.then(remove))
      .catch(() => undefined)
      .then(() => claim.drop());
  }

  async function work(): Promise<void> {
    try {
      const file = await opened;
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        let taken = 0;
        for (const bytes of batch) {
          claim.came(bytes.length);
          const shortage = await claim.grow(bytes.length);
          if (shortage !== undefined) throw new Error(shortage);
          // Not `write`: that may take a part of it only.
          await file.appendFile(bytes);
          taken += bytes.length;
        }
        if (!isGivenUp) waitingBytes -= taken;
      }
    } catch (error) {
      giveUp(error);
    } finally {
      working = undefined;
    }
  }

  async function inTime(wait: Promise<unknown> | undefined): Promise<void> {
    if (wait === undefined) return;
    const late = () => giveUp(new Error(`the disk did not keep up for ${stallMs} ms`));
    await within(wait, { ms: stallMs, late });
  }

  return {
    write(bytes) {
      if (isGivenUp || isEnded) return;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      working ??= work();
    },

    get isBehind() {
      return waitingBytes > MAX_WAITING_BYTES;
    },

    caughtUp: () => inTime(working),

    async end() {
      isEnded = true;
      await inTime(working);
      if (isGivenUp) return undefined;
      await inTime(opened.then((file) => file.close()).catch(giveUp));
      if (isGivenUp) return undefined;
      claim.keep();
      return path;
    },
  };
}
