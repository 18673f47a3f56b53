import { isTrustable, type KeyReport } from '../../run/host-key.ts';
import { type Block, bold, line, preformatted, richText, words } from '../message.ts';
import { formatHostNames } from '../text/host-names.ts';
import { cleanOutput, shortLine, takeStart } from '../text/plain.ts';
import { formatPrint, shortName } from './print.ts';

/** Of what there is nothing to say yes to. */
const SAME_CHARS = 400;
const BY_HAND_CHARS = 1_200;
const UNSEEN_CHARS = 900;
const REASON_CHARS = 300;

type ByHand = Extract<KeyReport, { readonly kind: 'changed' | 'revoked' | 'unpinned' }>;

/** What a button would not mend. */
export function byHandBlocks(reports: readonly KeyReport[]): readonly Block[] {
  const found = reports.filter(isByHand);
  if (found.length === 0) return [];
  const texts = found.map((report) => `${shortName(report.host)}: ${whyByHand(report)}`);
  const fitting = takeLines(texts, BY_HAND_CHARS);
  const rest = texts.length - fitting.length;
  return [
    richText(
      line(bold('To be looked into, and mended by hand')),
      preformatted(fitting.join('\n')),
      ...(rest === 0 ? [] : [line(`… and ${rest} more; ask for fewer hosts`)]),
    ),
  ];
}

function isByHand(report: KeyReport): report is ByHand {
  const { kind } = report;
  return (kind === 'changed' || kind === 'revoked' || kind === 'unpinned') && !isTrustable(report);
}

function whyByHand(report: ByHand): string {
  const shows = takeStart(report.offered.map(formatPrint).join(', '), 400);
  switch (report.kind) {
    case 'revoked':
      return `known hosts have a key that it shows as revoked; it shows ${shows}`;
    case 'unpinned':
      return `the inventory pins ${shortLine(cleanOutput(report.pin), 100)}; it shows ${shows}`;
    case 'changed':
      return `another key is known by a line for several hosts, ${shortLine(cleanOutput(report.byHand ?? ''), 200)}; it shows ${shows}`;
    default:
      return report satisfies never;
  }
}

export function restBlocks(reports: readonly KeyReport[]): readonly Block[] {
  const same = reports.filter(({ kind }) => kind === 'same').map(({ host }) => cleanOutput(host));
  const unseen = reports.filter((report) => report.kind === 'unreachable');
  const reasons = Map.groupBy(unseen, ({ reason }) => shortLine(cleanOutput(reason), REASON_CHARS));
  const told = Array.from(reasons, ([reason, some]) => {
    const names = formatHostNames(
      some.map(({ host }) => cleanOutput(host)),
      200,
    );
    return `${names}: ${reason}`;
  });
  const fitting = takeLines(told, UNSEEN_CHARS);
  const rest = told.length - fitting.length;
  return [
    ...(told.length === 0
      ? []
      : [
          richText(
            line(bold('Their keys were not seen')),
            ...fitting.map((text) => words(`\n${text}`)),
            ...(rest === 0 ? [] : [line(`\n… and for ${rest} more reasons; ask for fewer hosts`)]),
          ),
        ]),
    ...(same.length === 0
      ? []
      : [richText(line(bold('Known by a key that they show: ')), line(formatHostNames(same, SAME_CHARS)))]),
  ];
}

/** The first ones that have room together; at least one. */
function takeLines(lines: readonly string[], maxChars: number): readonly string[] {
  let room = maxChars;
  const fitting: string[] = [];
  for (const one of lines) {
    if (fitting.length > 0 && one.length > room) break;
    room -= one.length;
    fitting.push(one);
  }
  return fitting;
}
