import type { Refusal } from '../errors.ts';
import type { Plan } from '../run/plan.ts';
import { askAgainButtons, describeHabit, type TextHabit } from './doubts.ts';
import { bold, italic, line, type Message, preformatted, richText, words } from './message.ts';
import { escapeShort } from './text/escape.ts';
import { formatHostNames } from './text/host-names.ts';
import { cleanOutput, takeStart, takeStartLines } from './text/plain.ts';
import { describeRollout, listBatches } from './text/rollout.ts';
import { describeLimits, describeSource, describeWork, plural } from './text/wording.ts';

/** Answers for the eyes of the one who asked. Each keeps below what Slack takes in one message. */
const MAX_TEXT_CHARS = 3_000;
const MAX_WORDS_CHARS = 2_500;
const MAX_BOX_CHARS = 5_500;

/** A no: what and why, what to do about it, what was typed, and how it is written. */
export function formatRefusal(refusal: Refusal, typed?: string): Message {
  const what = bounded(refusal.message, MAX_WORDS_CHARS) || 'Refused.';
  const remedy = bounded(refusal.remedy ?? '', 800);
  const usage = bounded(refusal.usage ?? '', 1_500);
  const said = bounded(typed ?? '', 1_000);
  return {
    text: escapeShort(remedy === '' ? what : `${what} ${remedy}`, MAX_TEXT_CHARS),
    blocks: [
      richText(
        words(what),
        ...(remedy === '' ? [] : [words(remedy)]),
        ...(said === '' ? [] : [line(italic('You typed')), preformatted(said)]),
        ...(usage === '' ? [] : [preformatted(usage)]),
        line(italic('Nothing was run.')),
      ),
    ],
  };
}

/**
 * Our own fault: the operator gets the number under which the log has it, and nothing of its inside. Where it is known
 * whose it is in place of ours, `trouble` says so in a clause.
 */
export function formatDefect(id: string, trouble?: string): Message {
  const whose =
    trouble === undefined
      ? 'Something went wrong inside Batchops'
      : `Batchops cannot do this now: ${bounded(trouble, 200)}`;
  const what = `${whose}. The log has it under ${bounded(id, 40)}.`;
  const remedy = 'Whether anything was started is in `/batch runs`: look there before you send it again.';
  return {
    text: escapeShort(`${what} ${remedy.replaceAll('`', '')}`, MAX_TEXT_CHARS),
    blocks: [richText(words(`${what}\n${remedy}`))],
  };
}

/** A short yes: `r-7k3f is being cancelled …`. */
export function formatNotice(text: string): Message {
  const shown = bounded(text, MAX_WORDS_CHARS) || 'Done.';
  return { text: escapeShort(shown, MAX_TEXT_CHARS), blocks: [richText(words(shown))] };
}

/** `mayAskAgain`: who may change for everybody how text is read. */
export function formatHelp(text: string, habits: readonly TextHabit[] = [], mayAskAgain = false): Message {
  return {
    text: escapeShort(`Help: ${text.split('\n')[0] ?? ''}`, MAX_TEXT_CHARS),
    blocks: [
      richText(
        preformatted(bounded(text, 7_500) || ' '),
        ...(habits.length === 0 ? [] : [words(habits.map(describeHabit).join('\n'))]),
      ),
      ...(mayAskAgain ? askAgainButtons(habits) : []),
    ],
  };
}

export interface HostRow {
  readonly name: string;
  /** `root@10.0.0.7:22`; left out where it is not to be shown. */
  readonly address?: string;
  readonly groups: readonly string[];
  /** Why it is not run on: `disabled`. */
  readonly note?: string;
}

export function formatHosts(rows: readonly HostRow[]): Message {
  const lines = inColumns(
    rows.map((row) => [
      cleanOutput(row.name),
      ...(row.address === undefined ? [] : [cleanOutput(row.address)]),
      [
        ...row.groups.map((group) => `@${cleanOutput(group)}`),
        ...(row.note === undefined ? [] : [`(${cleanOutput(row.note)})`]),
      ].join(' '),
    ]),
  );
  const title = plural(rows.length, 'host');
  return {
    text: escapeShort(title, MAX_TEXT_CHARS),
    blocks: [
      richText(
        line(bold(title)),
        ...boxOfLines(lines, 'narrow it down: `/batch hosts web[01-20]`, `/batch hosts @group`'),
      ),
    ],
  };
}

/** Wider ones stand out of line, so that one long name does not push all others to the right. */
const MAX_COLUMN_CHARS = 32;

/** Rows of as many cells, below each other; the last cell is as long as it is. */
function inColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    rows.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(Math.min(widths[at] ?? 0, MAX_COLUMN_CHARS)))
      .join('  ')
      .trimEnd(),
  );
}

const AS_IT_IS = { person: (userId: string) => userId, text: (text: string) => text };

/** What a run would be: `-n`. Nothing has been sent to any host. */
export function formatPreview(plan: Plan, refusal: Refusal | undefined, notes: readonly string[]): Message {
  const going = plan.targets.filter((target) => target.skip === undefined);
  const skipped = plan.targets.filter((target) => target.skip !== undefined);
  const verdict = refusal === undefined ? 'Your rules allow this here.' : `Refused: ${refusal.message}`;
  const title = `Preview for ${plural(going.length, 'host')}: nothing was run.`;
  // Of a file that may not be sent nothing is told.
  const source = refusal === undefined ? describeSource(plan.work, AS_IT_IS) : [];
  const names = (targets: typeof going) =>
    formatHostNames(
      targets.map((target) => cleanOutput(target.host)),
      1_500,
    );
  return {
    text: escapeShort(`${title} ${verdict}`, MAX_TEXT_CHARS),
    blocks: [
      richText(
        line(bold(title)),
        preformatted(bounded(describeWork(plan.work), 3_000) || ' '),
        ...(source.length === 0 ? [] : [line(bounded(source.join(', '), 800))]),
        line(
          [names(going), describeRollout(plan).join(' · '), describeLimits(plan).join(', ')]
            .filter((text) => text !== '')
            .join('\n'),
        ),
        ...batchesBox(plan),
        ...(skipped.length === 0
          ? []
          : [line(`skipped: ${names(skipped)} (${bounded(skipped[0]?.skip ?? '', 200)})`)]),
        ...notes.slice(0, 5).map((note) => words(bounded(note, 300))),
        words(bounded(verdict, 1_500)),
        ...(refusal?.remedy === undefined ? [] : [words(bounded(refusal.remedy, 500))]),
      ),
    ],
  };
}

/** Which hosts go together, and what comes between. */
function batchesBox(plan: Plan) {
  const lines = listBatches(plan);
  return lines.length === 0 ? [] : [preformatted(bounded(lines.join('\n'), 2_000))];
}

/** One answer of `/batch can`: these hosts, what may be done there, and the rule that says so. */
export interface RightsRow {
  readonly hosts: readonly string[];
  /** `run`, `put`, …; none: nothing may be done, and `rule` came nearest. */
  readonly actions: readonly string[];
  readonly rule: string;
  /** What narrows it: `commands df **, uptime`. */
  readonly limits?: string;
}

export function formatRights(rows: readonly RightsRow[]): Message {
  const title = rows.some((row) => row.actions.length > 0)
    ? 'What you may do from here'
    : 'You may do nothing from here';
  const lines = rows.map((row) => {
    const hosts = formatHostNames(
      row.hosts.map((host) => cleanOutput(host)),
      400,
    );
    const rule = row.rule === '' ? 'no rule' : `rule [${cleanOutput(row.rule)}]`;
    const limits = row.limits === undefined ? '' : `, ${bounded(row.limits, 300)}`;
    return row.actions.length === 0
      ? `nothing  on ${hosts}  (nearest: ${rule}${limits})`
      : `${row.actions.join(', ')}  on ${hosts}  (${rule}${limits})`;
  });
  return {
    text: escapeShort(title, MAX_TEXT_CHARS),
    blocks: [richText(line(bold(title)), ...boxOfLines(lines, 'ask about fewer hosts: `/batch can web01`'))],
  };
}

/** Lines in a box, as many as fit, and how many do not. */
export function boxOfLines(lines: readonly string[], narrower: string) {
  const shown: string[] = [];
  let chars = 0;
  for (const text of lines) {
    const one = takeStart(text, 1_000);
    if (chars + one.length + 1 > MAX_BOX_CHARS) break;
    shown.push(one);
    chars += one.length + 1;
  }
  const rest = lines.length - shown.length;
  return [
    ...(shown.length === 0 ? [] : [preformatted(shown.join('\n') || ' ')]),
    ...(rest === 0 ? [] : [words(`… and ${rest} more; ${narrower}`)]),
  ];
}

/** Words of ours with what people typed in them: cleaned, and cut aloud. */
function bounded(text: string, maxChars: number): string {
  const clean = cleanOutput(text, { overwrites: 'keep' }).trimEnd();
  return clean.length <= maxChars ? clean : `${takeStartLines(clean, maxChars - 2)} …`;
}
