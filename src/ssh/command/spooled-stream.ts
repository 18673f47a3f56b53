import { type Digest, openCapture } from '../../gather/capture.ts';
import type { Mask } from '../../gather/mask.ts';
import type { LiveText } from '../../run/live-output.ts';
import type { StreamText } from '../../run/outcome.ts';
import type { SpoolFile } from '../spool/spool-file.ts';
import type { StreamName } from '../spool/spool-folder.ts';

/** One stream of a command: captured, and spooled once it outgrows the capture. */
export interface SpooledStream {
  write(chunk: Uint8Array): void;
  /** The last of what came so far. */
  peek(maxBytes: number): LiveText;
  /** The disk has more to take than should wait in memory. */
  readonly isBehind: boolean;
  /** The disk has taken it, or is given up. Never rejects. */
  caughtUp(): Promise<void>;
  end(): Promise<StreamText>;
}

export interface StreamSettings {
  readonly mask: Mask;
  readonly openDigest: () => Digest;
  readonly openSpoolFile?: (stream: StreamName) => SpoolFile;
}

export function openStream(
  { mask, openDigest, openSpoolFile }: StreamSettings,
  name: StreamName,
): SpooledStream {
  let file: SpoolFile | undefined;
  const openSink = openSpoolFile && (() => (file = openSpoolFile(name)));
  const capture = openCapture(mask, openDigest, undefined, openSink);
  return {
    write: (chunk) => capture.write(chunk),
    peek: (maxBytes) => capture.peek(maxBytes),
    get isBehind() {
      return file?.isBehind ?? false;
    },
    caughtUp: () => file?.caughtUp() ?? Promise.resolve(),
    async end() {
      const text = capture.end();
      const path = await file?.end();
      return path === undefined ? text : { ...text, spool: { path, bytes: capture.spooledBytes } };
    },
  };
}
