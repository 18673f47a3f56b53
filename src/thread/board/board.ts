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
/** The heading, and below it which hosts' keys were new. */
const HEADING_CHARS = 500;
const FIRST_KEY_NAMES_CHARS = 200;
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
  const countFitting = (maxChars: number) =>
    fillPages(bundles, (bundle) => foreseeCost(bundle, maxChars), maxPages).flat().length;
  const maxChars = EXCERPTS.find((chars) => countFitting(chars) === bundles.length);
  if (maxChars !== undefined) return { shown: bundles, rest: [], maxChars };
  const fitting = countFitting(LEAST_EXCERPT);
  return { shown: bundles.slice(0, fitting), rest: bundles.slice(fitting), maxChars: LEAST_EXCERPT };
}

/** In their order; what fits on no page, not even on one of its own, ends them. At least one page, maybe empty. `summary`: above the first. */
function fillPages<T>(
  items: readonly T[],
  costOf: (item: T) => Size,
  maxPages: number,
  summary: Size = { chars: 0, json: 0 },
): T[][] {
  let page: T[] = [];
  const first = emptyPage(maxPages === 1);
  let room = { chars: first.chars - summary.chars, json: first.json - summary.json };
  const pages = [page];
  for (const item of items) {
    const cost = costOf(item);
    if (!fits(cost, room)) {
      room = emptyPage(pages.length + 1 === maxPages);
      if (pages.length === maxPages || !fits(cost, room)) break;
      page = [];
      pages.push(page);
    }
    page.push(item);
    room = { chars: room.chars - cost.chars, json: room.json - cost.json };
  }
  return pages;
}

/** Slack limits both: what is read, and the JSON that says it. */
interface Size {
  readonly chars: number;
  readonly json: number;
}

function fits(cost: Size, room: Size): boolean {
  return cost.chars <= room.chars && cost.json <= room.json;
}

export interface BoardContent {
  readonly entries: readonly BoardEntry[];
  /** Bundles that are not among the entries. */
  readonly rest: readonly Bundle[];
  /** Hosts that a key not known before did not stop. */
  readonly firstContacts: readonly string[];
  /** Above the results, on the first page. */
  readonly summary?: readonly RichTextElement[];
  readonly maxPages: number;
  readonly nameSet?: NameSet | undefined;
}

/**
 * The pages of a run's results. Every host stands on them once: with its bundle, or among those whose result
 * is in the files.
 */
export function formatBoard(
  run: Run,
  { entries, rest, firstContacts, summary = [], maxPages, nameSet }: BoardContent,
): readonly Message[] {
  if (entries.length === 0 && rest.length === 0) return [];
  const filled = fillPages(entries, ({ elements }) => costOf(elements), maxPages, costOf(summary));
  const missing = [...entries.slice(filled.flat().length).map(({ bundle }) => bundle), ...rest];
  const lastChars = countChars(filled.at(-1)?.flatMap(({ elements }) => elements) ?? []);
  // An entry that fits nowhere ends the board early: what stands below gets a page where this one has no room.
  const isCrowded = filled.length < maxPages && emptyPage(false).chars - lastChars < REST_CHARS;
  const pages = missing.length > 0 && isCrowded ? [...filled, []] : filled;
  return pages.map((page, index) => {
    const isLast = index === pages.length - 1;
    const elements = [
      heading(run, entries.length + rest.length, index, pages.length),
      ...(index === 0 ? summary : []),
      ...page.flatMap((entry) => entry.elements),
      ...(isLast ? footer(run, missing, nameSet) : []),
      // Below the results: what went wrong comes first.
      ...(index === 0 ? firstContactLine(run, firstContacts, nameSet) : []),
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
function emptyPage(isLast: boolean): Size {
  const below = isLast ? REST_CHARS : LAST_LINE_CHARS;
  return {
    chars: MAX_MESSAGE_CHARS - HEADING_CHARS - below,
    json: MAX_MESSAGE_JSON - HEADING_CHARS - below - (isLast ? 1_400 : 200),
  };
}

/** Before its output is loaded. */
function foreseeCost({ outputChars }: Bundle, maxChars: number): Size {
  const chars = Math.min(outputChars, maxChars) + 90;
  return { chars, json: Math.ceil(chars * 1.06) + 300 };
}

function costOf(elements: readonly RichTextElement[]): Size {
  return { chars: countChars(elements), json: JSON.stringify(elements).length };
}

function countChars(elements: readonly RichTextElement[]): number {
  return elements
    .flatMap((element) => element.elements.map(({ text }) => text.length))
    .reduce((sum, length) => sum + length, 0);
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

/** Their results may be equal; their keys are not. */
function firstContactLine(run: Run, hosts: readonly string[], nameSet?: NameSet): readonly RichTextElement[] {
  if (hosts.length === 0) return [];
  const names = formatHostSetName(hosts, FIRST_KEY_NAMES_CHARS, nameSet);
  const where =
    run.state === 'finished' ? `in ${run.id}.txt in this thread and in the audit` : 'in the audit';
  return [
    line(
      `First contact with ${plural(hosts.length, 'host')}: ${names}. The keys that they showed are ${where}.`,
    ),
  ];
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
