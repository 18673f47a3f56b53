import { isTrustable, type KeyReport, knownOf, type TrustableReport } from '../../run/host-key.ts';
import {
  type Block,
  type Button,
  bold,
  line,
  type Message,
  plain,
  preformatted,
  richText,
  words,
} from '../message.ts';
import { escapeShort } from '../text/escape.ts';
import { formatHostNames } from '../text/host-names.ts';
import { cleanOutput } from '../text/plain.ts';
import { plural } from '../text/wording.ts';
import { formatPrint, shortName } from './print.ts';
import { byHandBlocks, restBlocks } from './rest.ts';

/** The button below keys that were shown; its value is the id of what was shown. */
export const TRUST_ACTION = 'batchops_trust';

/** Of keys: all that a button writes is shown above it, so what has no room is not in it either. */
const KEYS_CHARS = 4_600;
const REST_CHARS = 400;

const BY_HAND =
  'Nobody can say yes here: BATCHOPS_HOST_KEY_POLICY is `strict`, so known hosts are written by hand.';

/**
 * Keys of hosts next to the known ones, the alarming ones first. `offer` makes what was shown something to say yes
 * to, and gives its id; left out where nobody can.
 */
export function formatKeyReports(
  reports: readonly KeyReport[],
  offer: ((shown: readonly TrustableReport[]) => string) | undefined,
): Message {
  const trustable = reports.filter(isTrustable);
  const changed = trustable.filter(({ kind }) => kind === 'changed');
  const fresh = trustable.filter(({ kind }) => kind === 'new');
  const room = { chars: KEYS_CHARS };
  const title = `Host keys of ${plural(reports.length, 'host')}: ${tally(reports)}`;
  return {
    text: escapeShort(title, 1_000),
    blocks: [
      richText(line(bold(title))),
      ...byHandBlocks(reports),
      ...offered('Changed: another key is known', changed, room, offer, (shown) => trustChanged(shown)),
      ...offered('New: no key is known', fresh, room, offer, (shown) => trustNew(shown)),
      ...(trustable.length > 0 && offer === undefined ? [richText(words(BY_HAND))] : []),
      ...restBlocks(reports),
    ],
  };
}

function tally(reports: readonly KeyReport[]): string {
  const counts = Map.groupBy(reports, ({ kind }) => kind);
  const order: readonly KeyReport['kind'][] = [
    'changed',
    'revoked',
    'unpinned',
    'new',
    'same',
    'unreachable',
  ];
  return order
    .flatMap((kind) => {
      const count = counts.get(kind)?.length ?? 0;
      return count === 0 ? [] : [`${count} ${KIND_WORDS[kind]}`];
    })
    .join(', ');
}

const KIND_WORDS: Readonly<Record<KeyReport['kind'], string>> = {
  changed: 'changed',
  revoked: 'revoked',
  unpinned: 'not as pinned',
  new: 'new',
  same: 'known',
  unreachable: 'not seen',
};

/** Their keys as far as there is room, and a button for exactly these. */
function offered(
  title: string,
  reports: readonly TrustableReport[],
  room: { chars: number },
  offer: ((shown: readonly TrustableReport[]) => string) | undefined,
  label: (shown: readonly TrustableReport[]) => Omit<Button, 'type' | 'action_id' | 'value'>,
): readonly Block[] {
  if (reports.length === 0) return [];
  const shown: TrustableReport[] = [];
  const texts: string[] = [];
  for (const report of reports) {
    const text = formatKeys(report);
    if (text.length + 1 > room.chars) continue;
    room.chars -= text.length + 1;
    shown.push(report);
    texts.push(text);
  }
  const rest = reports.filter((report) => !shown.includes(report));
  const more = `${plural(rest.length, 'host')} had no room here, and the button is not for them: ${formatHostNames(
    rest.map(({ host }) => cleanOutput(host)),
    REST_CHARS,
  )}`;
  return [
    richText(
      line(bold(title)),
      ...(texts.length === 0 ? [] : [preformatted(texts.join('\n'))]),
      ...(rest.length === 0 ? [] : [line(more)]),
    ),
    ...(offer === undefined || shown.length === 0
      ? []
      : [
          {
            type: 'actions' as const,
            elements: [
              { type: 'button' as const, action_id: TRUST_ACTION, value: offer(shown), ...label(shown) },
            ],
          },
        ]),
  ];
}

function formatKeys(report: TrustableReport): string {
  const known = knownOf(report);
  return [
    `${shortName(report.host)}  ${shortName(report.place)}`,
    ...known.map((key) => `  known  ${formatPrint(key)}`),
    ...report.offered.map((key) => `  ${known.length === 0 ? '' : 'shows  '}${formatPrint(key)}`),
    ...(report.untold.length === 0 ? [] : [`  and did not show its key of ${report.untold.join(', ')}`]),
  ].join('\n');
}

function trustNew(shown: readonly TrustableReport[]): Omit<Button, 'type' | 'action_id' | 'value'> {
  return { text: plain(`Trust these keys of ${plural(shown.length, 'host')}`), style: 'primary' };
}

function trustChanged(shown: readonly TrustableReport[]): Omit<Button, 'type' | 'action_id' | 'value'> {
  const hosts = plural(shown.length, 'host');
  return {
    text: plain(`Replace the known keys of ${hosts}`),
    style: 'danger',
    confirm: {
      title: plain(`Replace the known keys of ${hosts}?`),
      text: plain(
        'Only where you know why they changed, such as a reinstalled host. Else somebody may stand between. The bot logs in to whoever has these keys.',
      ),
      confirm: plain('Replace them'),
      deny: plain('Leave them'),
      style: 'danger',
    },
  };
}
