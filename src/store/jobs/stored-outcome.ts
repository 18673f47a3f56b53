import { NO_OUTPUT, type Outcome, type OutcomeKind, type StreamText } from '../../run/outcome.ts';

type StoredStream = Omit<StreamText, 'head' | 'tail'>;
type StoredOutcome = Omit<Outcome, 'kind' | 'stdout' | 'stderr'> & {
  readonly stdout?: StoredStream;
  readonly stderr?: StoredStream;
};
type StoredText = readonly [stdoutHead: string, stdoutTail: string, stderrHead: string, stderrTail: string];

export interface OutcomeTexts {
  readonly outcomeJson: string;
  /** Null where the host said nothing. */
  readonly streamsJson: string | null;
}

/** JSON also of the output: its escapes keep NUL bytes and halves of surrogate pairs whole in any database. */
export function formatOutcome(outcome: Outcome): OutcomeTexts {
  const { kind: _, stdout, stderr, ...rest } = outcome;
  const stored: StoredOutcome = {
    ...rest,
    ...(stdout.totalBytes > 0 && { stdout: measures(stdout) }),
    ...(stderr.totalBytes > 0 && { stderr: measures(stderr) }),
  };
  const text: StoredText = [stdout.head, stdout.tail, stderr.head, stderr.tail];
  return {
    outcomeJson: JSON.stringify(stored),
    streamsJson: text.some((part) => part !== '') ? JSON.stringify(text) : null,
  };
}

function measures({ totalBytes, omittedBytes, binary, sha256, spool }: StreamText): StoredStream {
  return { totalBytes, omittedBytes, binary, sha256, ...(spool === undefined ? {} : { spool }) };
}

export function toOutcome(
  kind: OutcomeKind | null,
  outcomeJson: string | null,
  streamsJson: string | null,
): Outcome | undefined {
  if (kind === null || outcomeJson === null) return undefined;
  const stored = JSON.parse(outcomeJson) as StoredOutcome;
  const text = streamsJson === null ? undefined : (JSON.parse(streamsJson) as StoredText);
  return {
    ...stored,
    kind,
    stdout: toStream(stored.stdout, text?.[0], text?.[1]),
    stderr: toStream(stored.stderr, text?.[2], text?.[3]),
  };
}

/** Without its text, a stream says that all of it was left out, which is so. */
function toStream(
  stored: StoredStream | undefined,
  head: string | undefined,
  tail: string | undefined,
): StreamText {
  if (stored === undefined) return NO_OUTPUT;
  if (head === undefined || tail === undefined) {
    return { ...stored, head: '', tail: '', omittedBytes: stored.totalBytes };
  }
  return { ...stored, head, tail };
}
