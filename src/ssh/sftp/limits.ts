/**
 * All that a host can send, hold back or make up during a copy, and where that ends. What is not listed here is
 * never asked of it: no link is read.
 *
 * | what the host does | what bounds it |
 * |---|---|
 * | opens no channel, or never says its version | `channelMs` of the deadlines, once |
 * | prints text before the protocol, breaks the protocol, packets above 256 KiB (ssh2) | ends the copy at once |
 * | answers nothing | `-t`, the longest silence |
 * | drips: an answer a moment, few bytes | `leastBytesPerSecond`, averaged over each `-t` that it is waited for |
 * | answers late, twice, or what was not asked | dropped, and starts no wait anew |
 * | answers a question with another's answer | ends the copy at once |
 * | a listing without end, or of nothing for ever; folders without bottom | `MAX_TREE_ENTRIES`, three answers, `MAX_TREE_DEPTH` |
 * | names that lead elsewhere | ends the copy at once |
 * | a path without end | `MAX_PATH_BYTES` |
 * | a handle without end | `MAX_HANDLE_BYTES` |
 * | a size that is not so | not believed: reading goes on to the end, sending is counted |
 * | a file without end | `maxFetchBytes`, counted as it comes |
 * | more bytes than were asked for | as many as were asked for are taken |
 * | error texts without end | their first line, 200 characters |
 * | never sets a mode or an owner, never tells free space | `optionalStepMs` each: said, and gone on |
 * | never closes, shows or renames what arrived | `lastStepMs` each |
 * | a checksum that takes for ever | `checksumMs`, and a second for each `CHECKSUM_BYTES_PER_SECOND` |
 * | a checksum answer without end | `MAX_CHECKSUM_ANSWER_BYTES` |
 * | does not let its temporary file be removed | `cleanUpMs` for all of them, `MAX_SWEPT_AT_ONCE` at a time |
 */
export interface CopyLimits {
  /** A step without which the copy is still whole. */
  readonly optionalStepMs: number;
  /** Each step after the last byte; less where `-t` is less. */
  readonly lastStepMs: number;
  /** The host's own checksum, besides what its size needs. */
  readonly checksumMs: number;
  /** Removing what earlier copies left on the host, all of it. */
  readonly cleanUpMs: number;
  readonly leastBytesPerSecond: number;
  /** A file that the host computes no checksum of is read back up to this size; above, its size has to do. */
  readonly maxReadBackBytes: number;
}

export const DEFAULT_COPY_LIMITS: CopyLimits = {
  optionalStepMs: 5_000,
  lastStepMs: 30_000,
  checksumMs: 5_000,
  cleanUpMs: 5_000,
  leastBytesPerSecond: 1024,
  maxReadBackBytes: 64 * 1024 * 1024,
};

/** PATH_MAX of Linux. */
export const MAX_PATH_BYTES = 4_096;
/** draft-ietf-secsh-filexfer-02, section 6.2. */
export const MAX_HANDLE_BYTES = 256;
/** A slow machine's SHA-256. */
export const CHECKSUM_BYTES_PER_SECOND = 50 * 1024 * 1024;
export const MAX_CHECKSUM_ANSWER_BYTES = 4_096;
export const MAX_SWEPT_AT_ONCE = 8;
