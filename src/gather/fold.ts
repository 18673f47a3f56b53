import { OUTCOME_KINDS, type Outcome, type OutcomeKind, type StreamText } from '../run/outcome.ts';
import type { Fold, Target } from '../run/plan.ts';

/** What stands for a host's own name and address where results that are alike are shown as one. */
export const OWN_NAME = '{host}';
/** The same where they are compared: half a character, which no decoded text holds, so no host can have said it. */
const OWN_MARK = '\ud800';

/**
 * All that makes two results the same one, as a text: equal texts, equal results. The reason is our own
 * sentence and names the address, so it is compared without it also where the output is compared exactly.
 */
export function describeSameness(outcome: Outcome, target: OwnNames, how: Fold): string {
  const { kind, exitCode, signal, reason, stdout, stderr, file } = outcome;
  const compared = (text: string) => withoutOwnNames(text, target, OWN_MARK);
  const stream = (one: StreamText): unknown =>
    // Of what was not kept nobody knows how it would read: only its checksum can be compared.
    how === 'exact' || one.binary || one.omittedBytes > 0
      ? [one.totalBytes, one.sha256]
      : compared(one.head + one.tail);
  return JSON.stringify([
    kind,
    exitCode,
    signal,
    compared(reason),
    stream(stdout),
    stream(stderr),
    file === undefined ? null : [compared(file.path), file.bytes, file.sha256, file.verified],
  ]);
}

type OwnNames = Pick<Target, 'host' | 'ip'>;

/** The text with the host's name, its short name and its address replaced, each only where it stands alone. */
export function withoutOwnNames(text: string, { host, ip }: OwnNames, mark = OWN_NAME): string {
  if (text === '') return text;
  const names = [...new Set([host, ip, host.split('.')[0] ?? '', ip.split('.')[0] ?? ''])]
    // Of an address only the whole is a name.
    .filter((name) => name !== '' && (!/^\d+$/.test(name) || name === host || name === ip))
    .toSorted((a, b) => b.length - a.length);
  let shown = text;
  for (const name of names) {
    if (!shown.toLowerCase().includes(name.toLowerCase())) continue;
    // web1 is no part of web10, and 10.0.0.1 none of 10.0.0.12 or 110.0.0.1.
    const [before, after] = /^[\d.]+$/.test(name) ? ['[\\d.]', '\\d|\\.\\d'] : ['[\\w-]', '[\\w-]'];
    shown = shown.replace(
      new RegExp(`(?<!${before})${name.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}(?!${after})`, 'gi'),
      mark,
    );
  }
  return shown;
}

/** The result of one host as it stands for all of its bundle: what of it is that host's own is taken out. */
export function generalize(outcome: Outcome, target: OwnNames, how: Fold): Outcome {
  const stream = (one: StreamText): StreamText =>
    how === 'exact'
      ? one
      : { ...one, head: withoutOwnNames(one.head, target), tail: withoutOwnNames(one.tail, target) };
  const { firstKeys: _, ping: __, ...shared } = outcome;
  const { reason, stdout, stderr, file } = outcome;
  return {
    ...shared,
    reason: withoutOwnNames(reason, target),
    stdout: stream(stdout),
    stderr: stream(stderr),
    ...(file === undefined ? {} : { file: { ...file, path: withoutOwnNames(file.path, target) } }),
  };
}

/** Behind every exit code there is. */
const NO_EXIT_CODE = 2 ** 32;

/** A settled job as folding needs it: no output. */
export interface FoldRow {
  readonly host: string;
  readonly kind: OutcomeKind;
  readonly exitCode: number | null;
  readonly durationMs: number;
  /** Characters of output that were kept. */
  readonly outputChars: number;
  /** Equal where the results are. */
  readonly fold: string;
  /** Host keys that were not known before and did not stop it. */
  readonly firstKeys: number;
}

/** Hosts with the same result. */
export interface Bundle {
  readonly kind: OutcomeKind;
  readonly exitCode: number | null;
  /** In plan order; the first one's output stands for all. */
  readonly hosts: readonly [string, ...string[]];
  readonly outputChars: number;
  readonly longestMs: number;
}

/** Rows in plan order → bundles, trouble first, then by exit code, size and first host. */
export function foldResults(rows: Iterable<FoldRow>): readonly Bundle[] {
  const bundles = new Map<string, { first: FoldRow; hosts: [string, ...string[]]; longestMs: number }>();
  for (const row of rows) {
    const bundle = bundles.get(row.fold);
    if (bundle === undefined) {
      bundles.set(row.fold, { first: row, hosts: [row.host], longestMs: row.durationMs });
      continue;
    }
    bundle.hosts.push(row.host);
    bundle.longestMs = Math.max(bundle.longestMs, row.durationMs);
  }
  return (
    Array.from(bundles.values(), ({ first, hosts, longestMs }): Bundle => {
      const { kind, exitCode, outputChars } = first;
      return { kind, exitCode, hosts, outputChars, longestMs };
    })
      // The sort is stable: what is equal here stays in the order of the first hosts.
      .toSorted(
        (a, b) =>
          rankOf(a.kind) - rankOf(b.kind) ||
          (a.exitCode ?? NO_EXIT_CODE) - (b.exitCode ?? NO_EXIT_CODE) ||
          OUTCOME_KINDS.indexOf(a.kind) - OUTCOME_KINDS.indexOf(b.kind) ||
          b.hosts.length - a.hosts.length,
      )
  );
}

function rankOf(kind: OutcomeKind): number {
  if (kind === 'ok') return 2;
  return kind === 'skipped' || kind === 'cancelled' ? 1 : 0;
}

/** What the others are compared with: the lowest exit code, then the most hosts, then the first. */
export function chooseReference(bundles: readonly Bundle[]): Bundle | undefined {
  return bundles
    .filter(({ exitCode }) => exitCode !== null)
    .toSorted((a, b) => (a.exitCode ?? 0) - (b.exitCode ?? 0) || b.hosts.length - a.hosts.length)[0];
}
