import { diffLines } from '../../gather/diff.ts';
import type { Bundle } from '../../gather/fold.ts';
import { bold, italic, line, preformatted, type RichTextElement } from '../../report/message.ts';
import { formatHostSetName, type NameSet } from '../../report/text/host-names.ts';
import { cleanOutput, shortLine, takeStartLines } from '../../report/text/plain.ts';
import { describeOutcome, formatDuration, outcomeSymbol, plural } from '../../report/text/wording.ts';
import type { Outcome, StreamText } from '../../run/outcome.ts';
import type { Run } from '../../run/run.ts';
import { resultElements, type Whereabouts } from '../reply/result.ts';

const MAX_NAMES_CHARS = 500;
const MAX_REASON_CHARS = 400;

/** A bundle as it stands on a board. */
export interface BoardEntry {
  readonly bundle: Bundle;
  readonly title: string;
  readonly elements: readonly RichTextElement[];
}

export interface BundleStyle {
  /** For the output. */
  readonly maxChars: number;
  readonly nameSet?: NameSet | undefined;
  /** Where the rest is. */
  readonly where: Whereabouts;
  /** Set where this one is to be shown by how it differs. */
  readonly reference?: { readonly bundle: Bundle; readonly outcome: Outcome } | undefined;
}

/** Hosts with the same result: their names, how they ended, and what each of them said. */
export function formatBundle(run: Run, bundle: Bundle, outcome: Outcome, style: BundleStyle): BoardEntry {
  const names = formatHostSetName(bundle.hosts, MAX_NAMES_CHARS, style.nameSet);
  const verdict = describeBundle(bundle, outcome);
  const reason = shortLine(cleanOutput(outcome.reason), MAX_REASON_CHARS);
  const differences = style.reference && describeDifferences(style.reference, outcome, style);
  return {
    bundle,
    title: `${names} ${verdict}`,
    elements: [
      line(bold(names), ` ${verdict}${reason === '' ? '' : `\n${reason}`}`),
      ...(differences ??
        resultElements(run, outcome, style.where, { maxChars: style.maxChars, isTerse: true })),
    ],
  };
}

function describeBundle({ hosts, longestMs }: Bundle, outcome: Outcome): string {
  const words = `${outcomeSymbol(outcome.kind)} ${describeOutcome({ ...outcome, durationMs: longestMs })}`;
  const isTimed = words.endsWith(formatDuration(longestMs));
  return hosts.length > 1 && isTimed ? `${words} at most` : words;
}

/** Undefined where the two cannot be compared: then the output is shown as it is. */
function describeDifferences(
  { bundle, outcome: reference }: NonNullable<BundleStyle['reference']>,
  outcome: Outcome,
  { maxChars, where }: BundleStyle,
): readonly RichTextElement[] | undefined {
  const stdout = diffStreams(reference.stdout, outcome.stdout);
  const stderr = diffStreams(reference.stderr, outcome.stderr);
  if (stdout === undefined || stderr === undefined) return undefined;
  const other = shortLine(cleanOutput(bundle.hosts[0]), 100);
  const show = (name: string, diff: string): readonly RichTextElement[] => {
    if (diff === '') return [];
    const shown = takeStartLines(diff, Math.floor(maxChars / (stdout === '' || stderr === '' ? 1 : 2)));
    const left = diff.length - shown.length;
    return [
      line(bold(name), ` compared with ${other}`),
      preformatted(shown === '' ? ' ' : shown),
      ...(left === 0
        ? []
        : [line(italic(`… ${plural(left, 'character')} of the comparison left out here: ${where.kept} …`))]),
    ];
  };
  if (stdout === '' && stderr === '') {
    // Colours, overwritten lines and the last newline are not compared, nor what is masked.
    const isSame =
      isSameStream(reference.stdout, outcome.stdout) && isSameStream(reference.stderr, outcome.stderr);
    return [line(italic(isSame ? `output as on ${other}` : `output reads as on ${other}; its bytes differ`))];
  }
  return [...show('stdout', stdout), ...show('stderr', stderr)];
}

function diffStreams(before: StreamText, after: StreamText): string | undefined {
  if (isSameStream(before, after)) return '';
  if ([before, after].some(({ binary, omittedBytes }) => binary || omittedBytes > 0)) return undefined;
  return diffLines(textOf(before), textOf(after));
}

function isSameStream(before: StreamText, after: StreamText): boolean {
  if (before.totalBytes === 0 && after.totalBytes === 0) return true;
  return before.totalBytes === after.totalBytes && before.sha256 === after.sha256;
}

function textOf({ head, tail }: StreamText): string {
  const text = cleanOutput(head + tail);
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}
