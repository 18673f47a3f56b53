import { knownOf, type TrustableReport } from '../../run/host-key.ts';
import { bold, line, type Message, preformatted, richText, words } from '../message.ts';
import { escapeShort } from '../text/escape.ts';
import { formatHostNames } from '../text/host-names.ts';
import { cleanOutput, shortLine, takeStartLines } from '../text/plain.ts';
import { plural } from '../text/wording.ts';
import { formatPrint, shortName } from './print.ts';

const NAMES_CHARS = 1_000;
const REASONS_SHOWN = 5;
const REPLACED_CHARS = 2_000;

/** Why something that was shown was not written. */
export interface NotWritten {
  readonly host: string;
  readonly why:
    | 'other-keys'
    | 'known-by-others'
    | 'already-known'
    | 'two-machines'
    | 'elsewhere'
    | 'gone'
    | { readonly unreachable: string };
}

/** What came of a yes. */
export function formatTrusted(
  written: readonly TrustableReport[],
  notWritten: readonly NotWritten[],
): Message {
  const title =
    written.length === 0
      ? 'No host key was written.'
      : `${plural(written.length, 'host')} known from now on by the keys that were shown.`;
  const reasons = Map.groupBy(notWritten, ({ why }) => describeWhyNot(why));
  return {
    text: escapeShort(notWritten.length === 0 ? title : `${title} Not written: ${notWritten.length}.`, 1_000),
    blocks: [
      richText(
        line(bold(title)),
        ...(written.length === 0 ? [] : [line(namesOf(written))]),
        ...replacedElements(written),
        ...Array.from(reasons, ([why, some]) => line(`\nNot written: ${namesOf(some)}: ${why}.`)).slice(
          0,
          REASONS_SHOWN,
        ),
        ...(reasons.size > REASONS_SHOWN
          ? [line(`… and others for ${reasons.size - REASONS_SHOWN} more reasons`)]
          : []),
        ...(notWritten.length === 0 ? [] : [words('`/batch trust` shows how it is now.')]),
      ),
    ],
  };
}

/** The keys that these hosts are not known by any more, by name. */
function replacedElements(written: readonly TrustableReport[]) {
  const lines = written.flatMap((report) => {
    const isShown = (print: string) => report.offered.some(({ fingerprint }) => fingerprint === print);
    const gone = knownOf(report).filter(({ fingerprint }) => !isShown(fingerprint));
    return gone.map((key) => `${shortName(report.host)}  ${formatPrint(key)}`);
  });
  const all = lines.join('\n');
  const shown = takeStartLines(all, REPLACED_CHARS).trimEnd();
  return lines.length === 0
    ? []
    : [
        line('Not trusted any more:'),
        preformatted(shown),
        ...(shown.length < all.length ? [line('… and more, which the audit has')] : []),
      ];
}

function namesOf(some: readonly { readonly host: string }[]): string {
  return formatHostNames(
    some.map(({ host }) => cleanOutput(host)),
    NAMES_CHARS,
  );
}

function describeWhyNot(why: NotWritten['why']): string {
  switch (why) {
    case 'other-keys':
      return 'it does not show the same keys any more that were shown to you';
    case 'known-by-others':
      return 'something else is known of it by now than was shown to you';
    case 'already-known':
      return 'it is known already, by a key that it shows';
    case 'two-machines':
      return 'another host of the inventory has its address, and shows other keys';
    case 'elsewhere':
      return 'the inventory has another address for it by now';
    case 'gone':
      return 'the inventory does not have it any more';
    default:
      return shortLine(cleanOutput(why.unreachable), 300);
  }
}
