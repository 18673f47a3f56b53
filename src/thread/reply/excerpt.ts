import { cleanOutput, takeEndLines, takeStartLines } from '../../report/text/plain.ts';
import type { Outcome, StreamText } from '../../run/outcome.ts';

/**
 * All text of a message together is refused above about 12,000 characters (bolt-js#2509, #2867:
 * `msg_blocks_too_long`, undocumented; 9,597 were accepted). Both streams share this much of it.
 */
export const MAX_OUTPUT_CHARS = 7_600;

/** One stream as a message can show it. `head` and `tail` are true to what was kept. */
export interface Excerpt {
  readonly head: string;
  /** Empty where `head` is all of it. */
  readonly tail: string;
  /** Characters that were kept but do not stand here. */
  readonly leftOutChars: number;
}

/** How much of each stream a message shows: a short one whole, and what it does not need goes to the other. */
export function excerptStreams(
  outcome: Outcome,
  maxChars = MAX_OUTPUT_CHARS,
): { readonly stdout: Excerpt; readonly stderr: Excerpt } {
  const out = cleanStream(outcome.stdout);
  const err = cleanStream(outcome.stderr);
  const half = Math.floor(maxChars / 2);
  const outLength = out.head.length + out.tail.length;
  const errLength = err.head.length + err.tail.length;
  return {
    stdout: excerpt(out, Math.max(half, maxChars - errLength)),
    stderr: excerpt(err, Math.max(half, maxChars - outLength)),
  };
}

interface CleanStream {
  readonly head: string;
  readonly tail: string;
  /** Something was dropped between the two already. */
  readonly gap: boolean;
}

function cleanStream(stream: StreamText): CleanStream {
  if (stream.binary) return { head: '', tail: '', gap: false };
  const gap = stream.omittedBytes > 0;
  if (!gap) return { head: trimEnd(cleanOutput(stream.head + stream.tail)), tail: '', gap };
  return { head: cleanOutput(stream.head), tail: trimEnd(cleanOutput(stream.tail)), gap };
}

/** A last newline is how lines end, not an empty line; anything more is the host's. */
function trimEnd(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

function excerpt(stream: CleanStream, maxChars: number): Excerpt {
  const length = stream.head.length + stream.tail.length;
  if (length <= maxChars) return { head: stream.head, tail: stream.tail, leftOutChars: 0 };
  // The end of an output tells more often why it ended so; what the head does not need goes to it.
  const headNeeds = stream.gap ? stream.head.length : length;
  const tailSource = stream.gap ? stream.tail : stream.head;
  const tail = takeEndLines(tailSource, Math.max(Math.floor(maxChars / 2), maxChars - headNeeds));
  const head = takeStartLines(stream.head, maxChars - tail.length);
  return { head, tail, leftOutChars: length - head.length - tail.length };
}
