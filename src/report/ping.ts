import { outcomeWords } from '../run/outcome.ts';
import type { HostFacts } from '../run/ping/facts.ts';
import type { Meeting, Ping } from '../run/ping/ping.ts';
import { SUDO_WORDS, sftpWords, TRUST_WORDS } from '../run/ping/words.ts';
import { bold, code, line, type Message, preformatted, type RichTextElement, richText } from './message.ts';
import { escapeShort } from './text/escape.ts';
import { formatHostNames } from './text/host-names.ts';
import { cleanOutput, shortLine } from './text/plain.ts';
import { formatBytes, formatCount, formatDuration, plural } from './text/wording.ts';

/** What is one host's own of a ping: how long each part of the login took, its key, the room it has. */
export function pingLines({
  tcpMs,
  kexMs,
  authMs,
  channelMs,
  key,
  freeHome,
  freeTmp,
}: Ping): readonly string[] {
  const free = [
    ...(freeHome === undefined ? [] : [`${formatBytes(freeHome)} in its home folder`]),
    ...(freeTmp === undefined ? [] : [`${formatBytes(freeTmp)} in /tmp`]),
  ];
  const phases = [tcpMs, kexMs, authMs, channelMs].map((ms) => formatCount(ms));
  const [tcp, kex, auth, channel] = phases;
  return [
    `logged in within ${formatCount(tcpMs + kexMs + authMs)} ms (TCP ${tcp}, keys ${kex}, login ${auth}), first channel ${channel} ms`,
    key.fingerprint,
    ...(free.length === 0 ? [] : [`free: ${free.join(', ')}`]),
  ];
}

export function pingElements(ping: Ping): readonly RichTextElement[] {
  return [line(pingLines(ping).join('\n'))];
}

const PHASES = [
  ['TCP', 'tcpMs'],
  ['keys', 'kexMs'],
  ['login', 'authMs'],
  ['channel', 'channelMs'],
] as const;

/** Of many hosts: how long the parts of the login took, and where it took longest. */
export function pingTable(
  pings: readonly (readonly [host: string, ping: Ping])[],
): readonly RichTextElement[] {
  if (pings.length < 2) return [];
  const rows = PHASES.map(([name, phase]) => {
    const sorted = pings.map(([, ping]) => ping[phase]).toSorted((a, b) => a - b);
    const at = (part: number) => formatCount(sorted[Math.ceil(part * sorted.length) - 1] ?? 0).padStart(7);
    return `${name.padEnd(8)}${at(0.5)}${at(0.95)}${at(1)}`;
  });
  const total = ({ tcpMs, kexMs, authMs, channelMs }: Ping) => tcpMs + kexMs + authMs + channelMs;
  const slowest = pings
    .toSorted(([, a], [, b]) => total(b) - total(a))
    .slice(0, 3)
    .map(([host, ping]) => `${shortLine(cleanOutput(host), 60)} ${formatCount(total(ping))}`);
  return [
    line(bold('Login'), ` of ${plural(pings.length, 'host')}, in ms; slowest: ${slowest.join(', ')}`),
    preformatted([`${''.padEnd(8)} median   95 %   most`, ...rows].join('\n')),
  ];
}

/** Equal ones are told together; what of them one message holds. */
const MAX_KINDS_CHARS = 6_500;
const MAX_NAMES_CHARS = 200;
const MAX_TEXT_CHARS = 160;

export interface FactsRow {
  readonly host: string;
  /** Undefined: of its login as the inventory has it now nothing is remembered. */
  readonly facts: HostFacts | undefined;
}

/** `/batch facts`: what is remembered, and how old it is; one host in full, several as lines. */
export function formatFacts(rows: readonly FactsRow[], now: number): Message {
  const [only] = rows;
  if (rows.length === 1 && only?.facts !== undefined) return formatOne(only.host, only.facts, now);
  const known = rows.filter(({ facts }) => facts !== undefined);
  const unknown = rows.filter(({ facts }) => facts === undefined);
  const kinds = [...Map.groupBy(known, ({ facts }) => (facts === undefined ? '' : kindOf(facts)))].toSorted(
    ([, a], [, b]) => b.length - a.length,
  );
  const shown = kinds.slice(0, countFitting(kinds));
  const left = kinds.slice(shown.length).flatMap(([, some]) => some);
  const title = `Remembered of ${formatCount(known.length)} of ${plural(rows.length, 'host')}; nothing was dialled.`;
  return {
    text: escapeShort(title, 300),
    blocks: [
      richText(
        line(bold(title)),
        ...shown.map(([kind, some]) => line('\n', bold(namesOf(some)), ` · ${agesOf(some, now)}\n${kind}`)),
        ...(left.length === 0
          ? []
          : [
              line(
                `\n… and ${plural(left.length, 'host')} of ${formatCount(kinds.length - shown.length)} more kinds: ask for fewer.`,
              ),
            ]),
        ...(unknown.length === 0
          ? []
          : [line('\n', bold(namesOf(unknown)), ` · nothing is remembered at today's address and user`)]),
      ),
    ],
  };
}

function countFitting(kinds: readonly (readonly [string, readonly FactsRow[]])[]): number {
  let chars = 0;
  const first = kinds.findIndex(([kind, some]) => {
    chars += kind.length + namesOf(some).length + 60;
    return chars > MAX_KINDS_CHARS;
  });
  return first < 0 ? kinds.length : first;
}

function namesOf(rows: readonly FactsRow[]): string {
  const names = rows.map(({ host }) => cleanOutput(host));
  return shortLine(
    `${formatHostNames(names, MAX_NAMES_CHARS)}${names.length > 1 ? ` (${formatCount(names.length)})` : ''}`,
    MAX_NAMES_CHARS + 20,
  );
}

/** What makes two of them alike: neither ages nor fingerprints. */
function kindOf({ kind, meeting, abilities }: HostFacts): string {
  return [
    outcomeWords(kind),
    ...(meeting ? [meetingWords(meeting)] : []),
    ...(abilities
      ? [
          `${shown(abilities.shell) || 'no shell known'}, sudo: ${SUDO_WORDS[abilities.sudo]}, SFTP ${sftpWords(abilities.sftp)}`,
        ]
      : []),
  ].join(' · ');
}

function meetingWords({ server, key, trust }: Meeting): string {
  return `${shown(server) || 'a server that says nothing'} · ${key.type} ${TRUST_WORDS[trust === 'new' ? 'known' : trust]}`;
}

function shown(text: string): string {
  return shortLine(cleanOutput(text), MAX_TEXT_CHARS);
}

function agesOf(rows: readonly FactsRow[], now: number): string {
  const ages = rows.flatMap(({ facts }) => (facts === undefined ? [] : [Math.max(0, now - facts.at)]));
  const [least, most] = [Math.min(...ages), Math.max(...ages)].map(ageOf);
  return least === most ? `${least} ago` : `${least} to ${most} ago`;
}

function ageOf(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  return days >= 2 ? `${formatCount(days)} days` : formatDuration(ms);
}

function formatOne(host: string, facts: HostFacts, now: number): Message {
  const { kind, at, meeting, abilities, ip, port, user } = facts;
  const ago = (then: number) => `${ageOf(Math.max(0, now - then))} ago`;
  const name = shown(host);
  const rows = [
    ['contact', `${ago(at)}: ${outcomeWords(kind)}, as ${shown(user)}@${shown(ip)}:${port}`],
    ...(meeting
      ? [
          ['server', `${shown(meeting.server) || 'says nothing'}`],
          ['key', `${meeting.key.type}, ${TRUST_WORDS[meeting.trust === 'new' ? 'known' : meeting.trust]}`],
          ['login', `${formatCount(meeting.tcpMs + meeting.kexMs + meeting.authMs)} ms, ${ago(meeting.at)}`],
        ]
      : []),
    ...(abilities
      ? [
          ['shell', shown(abilities.shell) || 'not known'],
          ['sudo', SUDO_WORDS[abilities.sudo]],
          ['sftp', sftpWords(abilities.sftp)],
          ['asked', `by a ping, ${ago(abilities.at)}`],
        ]
      : []),
  ];
  const table = rows.map(([label = '', value = '']) => `${label.padEnd(9)}${value}`).join('\n');
  return {
    text: escapeShort(`${name}: last contact ${ago(at)}, ${outcomeWords(kind)}`, 300),
    blocks: [
      richText(
        line(bold(name), ' · what is remembered; nothing was dialled'),
        preformatted(table),
        ...(meeting ? [line(code(meeting.key.fingerprint))] : []),
        ...(abilities
          ? []
          : [line('Shell, sudo and SFTP are not known yet: ', code('/batch ping'), ' asks for them.')]),
      ),
    ],
  };
}
