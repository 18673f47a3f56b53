import type { Bundle } from '../../gather/fold.ts';
import {
  bold,
  italic,
  line,
  MAX_MESSAGE_CHARS,
  MAX_MESSAGE_JSON,
  type Message,
  type RichTextElement,
  richText,
} from '../../report/message.ts';
import { escapeShort } from '../../report/text/escape.ts';
import { formatHostSetName, type NameSet } from '../../report/text/host-names.ts';
import { formatCount, plural } from '../../report/text/wording.ts';
import { outcomeWords } from '../../run/outcome.ts';
import { type Run, totalJobs } from '../../run/run.ts';
import { LIVE_BOARD_MS } from '../layout.ts';
import type { BoardEntry } from './bundle.ts';

/** Kept for the words below the last bundle. */
const REST_CHARS = 1_900;
const HEADING_CHARS = 200;
/** `Each host's own output: …` */
const LAST_LINE_CHARS = 150;
const MAX_TEXT_CHARS = 700;

/** How much output a bundle may show: as much as lets all of them have their place. */
const EXCERPTS = [7_000, 4_800, 3_400, 2_400, 1_700, 1_200, 850, 600, 420, 300, 220] as const;
const LEAST_EXCERPT = 220;

export interface BoardPlan {
  readonly shown: readonly Bundle[];
  readonly rest: readonly Bundle[];
  readonly maxChars: number;
}

/** Which bundles are worth loading, judged by the size of their output, and how much of it can be shown. */
export function planBoard(bundles: readonly Bundle[], maxPages: number): BoardPlan {
  for (const maxChars of EXCERPTS) {
    if (countFitting(bundles, maxChars, maxPages) === bundles.length)
      return { shown: bundles, rest: [], maxChars };
  }
  const fitting = countFitting(bundles, LEAST_EXCERPT, maxPages);
  return { shown: bundles.slice(0, fitting), rest: bundles.slice(fitting), maxChars: LEAST_EXCERPT };
}

function countFitting(bundles: readonly Bundle[], maxChars: number, maxPages: number): number {
  let pages = 1;
  let room = emptyPage(maxPages === 1);
  for (const [index, { outputChars }] of bundles.entries()) {
    const chars = Math.min(outputChars, maxChars) + 90;
    const json = Math.ceil(chars * 1.06) + 300;
    if (chars > room.chars || json > room.json) {
      if (pages === maxPages) return index;
      pages += 1;
      room = emptyPage(pages === maxPages);
    }
    room = { chars: room.chars - chars, json: room.json - json };
  }
  return bundles.length;
}

export interface BoardContent {
  readonly entries: readonly BoardEntry[];
  /** Bundles that are not among the entries. */
  readonly rest: readonly Bundle[];
  readonly maxPages: number;
  readonly nameSet?: NameSet | undefined;
}

/**
 * The pages of a run's results. Every host stands on them once: with its bundle, or among those whose result
 * is in the files.
 */
export function formatBoard(
  run: Run,
  { entries, rest, maxPages, nameSet }: BoardContent,
): readonly Message[] {
  const pages: BoardEntry[][] = [[]];
  let room = emptyPage(maxPages === 1);
  let placed = 0;
  for (const entry of entries) {
    const cost = costOf(entry.elements);
    if (cost.chars > room.chars || cost.json > room.json) {
      const next = emptyPage(pages.length + 1 === maxPages);
      if (pages.length === maxPages || cost.chars > next.chars || cost.json > next.json) break;
      pages.push([]);
      room = next;
    }
    pages.at(-1)?.push(entry);
    room = { chars: room.chars - cost.chars, json: room.json - cost.json };
    placed += 1;
  }
  const missing = [...entries.slice(placed).map(({ bundle }) => bundle), ...rest];
  if (placed === 0 && missing.length === 0) return [];
  // An entry that fits nowhere ends the board early: what stands below gets a page where this one has no room.
  if (missing.length > 0 && room.chars < REST_CHARS && pages.length < maxPages) pages.push([]);
  return pages.map((page, index) => {
    const isLast = index === pages.length - 1;
    const elements = [
      heading(run, entries.length + rest.length, index, pages.length),
      ...page.flatMap((entry) => entry.elements),
      ...(isLast ? footer(run, missing, nameSet) : []),
    ];
    const titles = page.map((entry) => entry.title).join('; ');
    return {
      text: escapeShort(`${run.id} results${pageWords(index, pages.length)}: ${titles}`, MAX_TEXT_CHARS),
      blocks: [richText(...elements)],
      ...(run.state === 'finished' ? {} : { live: { everyMs: LIVE_BOARD_MS } }),
    };
  });
}

/** The last page may have to keep room for what stands below. */
function emptyPage(isLast: boolean): { readonly chars: number; readonly json: number } {
  const below = isLast ? REST_CHARS : LAST_LINE_CHARS;
  return {
    chars: MAX_MESSAGE_CHARS - HEADING_CHARS - below,
    json: MAX_MESSAGE_JSON - HEADING_CHARS - below - (isLast ? 1_400 : 200),
  };
}

function costOf(elements: readonly RichTextElement[]): { readonly chars: number; readonly json: number } {
  const texts = elements.flatMap((element) => element.elements.map(({ text }) => text.length));
  return {
    chars: texts.reduce((sum, length) => sum + length, 0),
    json: JSON.stringify(elements).length,
  };
}

function heading(run: Run, bundles: number, index: number, pages: number): RichTextElement {
  if (index > 0) return line(bold(run.id), ` · results${pageWords(index, pages)}`);
  const settled = totalJobs(run.progress) - run.progress.queued - run.progress.running;
  const hosts =
    run.state === 'finished'
      ? plural(settled, 'host')
      : `${formatCount(settled)} of ${plural(totalJobs(run.progress), 'host')} so far`;
  const results = bundles === 1 ? 'one result' : `${formatCount(bundles)} different results`;
  return line(bold(run.id), ` · ${hosts}, ${results}${pageWords(index, pages)}`);
}

function pageWords(index: number, pages: number): string {
  return pages === 1 ? '' : `, page ${index + 1} of ${pages}`;
}

/** What is not shown is named and counted, by how it ended, and where it is. */
function footer(run: Run, missing: readonly Bundle[], nameSet?: NameSet): readonly RichTextElement[] {
  const files = `${run.id}.txt and ${run.id}.jsonl`;
  if (run.state !== 'finished') {
    const hosts = missing.reduce((sum, bundle) => sum + bundle.hosts.length, 0);
    return hosts === 0 ? [] : [line(italic(`… ${plural(hosts, 'more host')}: shown when the run has ended`))];
  }
  if (missing.length === 0) return [line(italic(`Each host's own output: ${files} in this thread`))];
  const kinds = [...Map.groupBy(missing, ({ kind }) => kind)];
  const maxChars = Math.floor((REST_CHARS - 300) / kinds.length) - 60;
  return [
    line(italic(`Not shown here, but in ${files} in this thread:`)),
    ...kinds.map(([kind, bundles]) => {
      const hosts = bundles.flatMap((bundle) => bundle.hosts);
      const names = formatHostSetName(hosts, Math.max(60, maxChars), nameSet);
      return line(`${formatCount(hosts.length)} ${outcomeWords(kind)}: ${names}`);
    }),
  ];
}
