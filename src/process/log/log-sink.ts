import type { Writable } from 'node:stream';

/** So much may wait for a reader that is slow: some thousand lines. What comes on top of it is lost. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface LogSink {
  /** Never throws, never blocks on a pipe, and keeps no more than 1 MiB in memory. */
  write(line: string): void;
  /** Lines that nobody will read: the reader was gone or too slow, or the disk was full. */
  lost(): number;
}

/**
 * Where log lines go. A log that cannot be written costs the log, never the bot: a stream that fails is tried
 * again with the next line, as a full disk may be emptied.
 */
export function openLogSink(stream: Writable): LogSink {
  let lost = 0;
  const count = (error: Error | null | undefined): void => {
    if (error) lost += 1;
  };
  // Without a listener, an error of a stream is an uncaught exception, and to log that would be the next one.
  stream.on('error', () => {});
  return {
    write(line) {
      if (stream.writableLength > MAX_WAITING_BYTES) {
        lost += 1;
        return;
      }
      try {
        stream.write(line, count);
      } catch {
        lost += 1;
      }
    },
    lost: () => lost,
  };
}
