import type { TextReading, TextSource } from '../command/slash-text.ts';
import type { Plan } from '../run/plan.ts';
import {
  type Block,
  type Button,
  bold,
  code,
  line,
  type Message,
  plain,
  preformatted,
  richText,
  words,
} from './message.ts';
import { escapeShort } from './text/escape.ts';
import { formatHostNames } from './text/host-names.ts';
import { cleanOutput } from './text/plain.ts';
import { plural } from './text/wording.ts';

/** What is asked of a person before a command of theirs is run. The value of each button names the command. */
export const READ_RAW_ACTION = 'batchops_read_raw';
export const READ_ENTITIES_ACTION = 'batchops_read_entities';
export const RUN_LATE_ACTION = 'batchops_run_late';
/** Below the help: its value is what is to be asked again. */
export const ASK_TEXT_ACTION = 'batchops_ask_text';

/** A longer one could not be shown whole, and what is not seen is not chosen. */
export const MAX_READING_CHARS = 3_000;

/** One way to read what was sent. */
export interface Reading {
  readonly words: string;
  /** Of a form, whose hosts were chosen and not typed: what it would run on, or why it may not. */
  readonly runsOn?: string;
}

export type Readings = Readonly<Record<TextReading, Reading>>;

const WHY =
  'Whether Slack writes `&`, `<` and `>` as they are, or as `&amp;`, `&lt;` and `&gt;`, is not known here yet.';

const ENTITIES = [
  ['&amp;', '&'],
  ['&lt;', '<'],
  ['&gt;', '>'],
] as const;

/** The two readings of a command or form, each with the button that runs exactly it. */
export function formatReadings(source: TextSource, id: string, { raw, entities }: Readings): Message {
  const title = 'Which of these did you type?';
  // A long command does not show all of itself everywhere: in what the two differ stands above each.
  const found = ENTITIES.filter(([entity]) => raw.words.includes(entity));
  const marks = (which: 0 | 1) =>
    found.flatMap((pair, at) => [at === 0 ? ', with ' : ' and ', code(pair[which])]);
  const run = (action_id: string, text: string): Block => ({
    type: 'actions',
    elements: [{ type: 'button', action_id, text: plain(text), value: id }],
  });
  return {
    text: escapeShort(`${title} Nothing was run.`, 3_000),
    blocks: [
      richText(
        line(bold(title), ' Nothing was run.'),
        words(WHY),
        line(bold('1'), ' as Slack sent it', ...marks(0)),
        ...shown(raw),
      ),
      run(READ_RAW_ACTION, 'Run 1'),
      richText(line(bold('2'), ' decoded', ...marks(1)), ...shown(entities)),
      run(READ_ENTITIES_ACTION, 'Run 2'),
      richText(
        words(
          'What may be run is judged when you press. Once it has begun, your answer is remembered for ' +
            `${source === 'command' ? 'all commands' : 'all forms'} here; \`/batch help\` says so.`,
        ),
      ),
    ],
  };
}

function shown({ words: typed, runsOn }: Reading) {
  return [box(typed), ...(runsOn === undefined ? [] : [line(runsOn)])];
}

/** Where a form would go: `on 2 hosts: web01, web02`. */
export function describeTargets({ targets }: Pick<Plan, 'targets'>): string {
  const going = targets.filter(({ skip }) => skip === undefined).map(({ host }) => cleanOutput(host));
  return `on ${plural(going.length, 'host')}: ${formatHostNames(going, 500)}`;
}

/** A command that came when its moment may have passed. */
export function formatLate(id: string, typed: string): Message {
  const title = 'This command reached Batchops late: Slack may have told you already that it failed.';
  const button: Button = {
    type: 'button',
    action_id: RUN_LATE_ACTION,
    text: plain('Run it now'),
    value: id,
  };
  return {
    text: escapeShort(`${title} Nothing was run.`, 3_000),
    blocks: [
      richText(line(bold(title), ' Nothing was run.'), box(typed)),
      { type: 'actions', elements: [button] },
    ],
  };
}

/** How text is read here, for the help. */
export interface TextHabit {
  readonly source: TextSource;
  readonly reading: TextReading | undefined;
  /** The administrator's setting, and no answer of anybody. */
  readonly isSet: boolean;
}

export function describeHabit({ source, reading, isSet }: TextHabit): string {
  const where = source === 'command' ? 'Text of commands' : 'Text of forms';
  if (reading === undefined) {
    return `${where}: the first that holds \`&amp;\`, \`&lt;\` or \`&gt;\` is shown in both readings, and asked about.`;
  }
  const how = reading === 'raw' ? 'taken as Slack sends it' : '`&amp;`, `&lt;` and `&gt;` are decoded once';
  const why = isSet ? 'set by the administrator (BATCHOPS_SLASH_TEXT)' : 'as somebody here answered';
  return `${where}: ${how}, ${why}.`;
}

/** A way to be asked again, for who may change it for everybody. */
export function askAgainButtons(habits: readonly TextHabit[]): readonly Block[] {
  const elements = habits
    .filter(({ reading, isSet }) => reading !== undefined && !isSet)
    .map(
      ({ source }): Button => ({
        type: 'button',
        action_id: `${ASK_TEXT_ACTION}:${source}`,
        text: plain(source === 'command' ? 'Ask again about commands' : 'Ask again about forms'),
        value: source,
      }),
    );
  return elements.length === 0 ? [] : [{ type: 'actions', elements }];
}

function box(text: string) {
  return preformatted(cleanOutput(text, { overwrites: 'keep' }) || ' ');
}
