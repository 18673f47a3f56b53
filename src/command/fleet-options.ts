import { nearNames, Refusal } from '../errors.ts';
import { splitNames } from '../inventory/host-set.ts';
import { checkCommand, noteOddities, readTypedCommand } from './typed-command.ts';
import { optionName, plainDashes, readWord, shown, skipSpaces, type Word } from './words.ts';

export const RUN_OPTIONS = ['h', 'g', 'x', 'c', 't', 'fold', 'diff', 'n', 'cmd'] as const;
export const COPY_OPTIONS = ['h', 'g', 'x', 'c', 't', 'n', 'action', 'local', 'remote'] as const;
export type OptionName = (typeof RUN_OPTIONS)[number] | (typeof COPY_OPTIONS)[number];

/** The options as typed, each at most once, repaired but not yet understood. */
export interface FleetOptions {
  readonly lists: ReadonlyMap<'h' | 'g' | 'x', readonly string[]>;
  /** `-c`, `-t`, `-fold`, `-local`, `-remote`. */
  readonly words: ReadonlyMap<OptionName, string>;
  /** `-action`: the verb, and the two names where they follow it. */
  readonly action: readonly string[] | undefined;
  readonly command: string | undefined;
  readonly preview: boolean;
  readonly diff: boolean;
  readonly notes: readonly string[];
}

/** What people coming from other tools try first. */
const SYNONYMS: Readonly<Record<string, string>> = {
  host: 'h',
  hosts: 'h',
  w: 'h',
  group: 'g',
  groups: 'g',
  exclude: 'x',
  timeout: 't',
  time: 't',
  fanout: 'c',
  concurrency: 'c',
  f: 'c',
  command: 'cmd',
  preview: 'n',
  'dry-run': 'n',
  dryrun: 'n',
};

const EXPECTED: Readonly<Record<OptionName, string>> = {
  h: 'a host',
  g: 'a group',
  x: 'a host to leave out',
  c: 'a number',
  t: 'a duration',
  n: 'nothing',
  fold: 'exact or similar',
  diff: 'nothing',
  cmd: 'a command',
  action: 'put or get',
  local: 'a file',
  remote: 'a path',
};

const EXAMPLES: Readonly<Record<OptionName, string>> = {
  h: '-h web01,web02',
  g: '-g web_clusters',
  x: '-x web07',
  c: '-c 10',
  t: '-t 30s',
  n: '-n',
  fold: '-fold similar',
  diff: '-diff',
  cmd: '-cmd "df -h"',
  action: '-action put',
  local: '-local test.py',
  remote: '-remote /tmp/',
};

/** `text` up to its end as options, in any order. Throws at the first word that is not one of them or theirs. */
export function readFleetOptions(text: string, known: readonly OptionName[]): FleetOptions {
  const lists = new Map<'h' | 'g' | 'x', readonly string[]>();
  const words = new Map<OptionName, string>();
  const seen = new Set<OptionName>();
  const notes: string[] = [];
  let action: readonly string[] | undefined;
  let command: string | undefined;
  let at = 0;

  const knownOption = (word: Word | undefined): OptionName | undefined => {
    const name = word === undefined ? undefined : optionName(word);
    return known.find((option) => option === name);
  };
  /** The next word where it is a value: neither the end nor an option. */
  const valueWord = (): Word | undefined => {
    const word = readWord(text, at);
    return word === undefined || optionName(word) !== undefined ? undefined : word;
  };
  const takeValue = (option: OptionName): Word => {
    const word = valueWord();
    if (word !== undefined && word.text !== '') {
      at = word.end;
      return word;
    }
    const next = word ?? readWord(text, at);
    const before = next === undefined ? '' : ` before ${shown(next.raw)}`;
    throw new Refusal('usage', `-${option} is incomplete: ${EXPECTED[option]} is missing${before}.`, {
      remedy:
        next === undefined || word !== undefined
          ? `Write it as in ${EXAMPLES[option]}.`
          : `Write it as in ${EXAMPLES[option]}; a value that starts with a dash stands in quotes.`,
    });
  };
  /** Words that commas hold together: `h1, h2 ,h3`. */
  const takeList = (option: OptionName): readonly string[] => {
    let list = takeValue(option).text;
    for (let word = valueWord(); word !== undefined; word = valueWord()) {
      if (!list.endsWith(',') && !word.text.startsWith(',')) break;
      list += word.text;
      at = word.end;
    }
    return splitList(`-${option}`, plainDashes(list));
  };

  while (skipSpaces(text, at) < text.length) {
    const word = readWord(text, at);
    if (word === undefined) break;
    at = word.end;
    const option = knownOption(word);
    if (option === undefined) throw notAnOption(word, known);
    if (seen.has(option)) {
      throw new Refusal('usage', `-${option} is there twice.`, {
        remedy: ['h', 'g', 'x'].includes(option) ? 'Join the two with a comma.' : 'Leave one out.',
      });
    }
    seen.add(option);
    if (option === 'n' || option === 'diff') continue;
    if (option === 'h' || option === 'g' || option === 'x') lists.set(option, takeList(option));
    else if (option === 'cmd') {
      const typed = readTypedCommand(text, at, {
        isKnown: (next) => knownOption(next) !== undefined,
        refuse: (next) => notAnOption(next, known),
      });
      checkCommand(typed.command);
      notes.push(...noteOddities(typed.command));
      command = typed.command;
      at = typed.end;
    } else if (option === 'action') {
      const verb = takeValue(option).text;
      const names: string[] = [];
      for (let name = valueWord(); name !== undefined && names.length < 2; name = valueWord()) {
        names.push(takeValue(option).text);
      }
      action = [verb, ...names];
    } else words.set(option, takeValue(option).text);
  }
  return { lists, words, action, command, preview: seen.has('n'), diff: seen.has('diff'), notes };
}

/** The terms of a list, none of them empty: `web[1,3],db1`. */
export function splitList(place: string, list: string): readonly string[] {
  if (/["“”„‟'‘’‚‛]/.test(list)) {
    throw new Refusal('usage', `A quote stands in the middle of ${place} ${shown(list)}.`, {
      remedy: 'Names need no quotes.',
    });
  }
  const terms = splitNames(list).map((term) => term.trim());
  if (terms.includes('')) {
    throw new Refusal('usage', `${place} ${shown(list)} has a comma with no name beside it.`, {
      remedy: 'Take the comma out, or put in the name that is missing.',
    });
  }
  return terms;
}

function notAnOption(word: Word, known: readonly OptionName[]): Refusal {
  const name = optionName(word);
  if (name === undefined) {
    return new Refusal('usage', `${shown(word.raw)} belongs to no option.`, {
      remedy: 'Names in a list are joined by commas; a command or path with spaces stands in quotes.',
    });
  }
  const [bare = name, value] = name.split(/=(.*)/s);
  const meant = known.find((option) => option === bare);
  if (meant !== undefined && value !== undefined) {
    return new Refusal('usage', `${shown(word.raw)} is not an option.`, {
      remedy: `Write -${meant} ${shown(value).slice(1, -1)}, with a space.`,
    });
  }
  const synonym = known.find((option) => option === SYNONYMS[bare.toLowerCase()]);
  const near = synonym === undefined ? nearNames(bare, known) : [synonym];
  return new Refusal('usage', `${shown(word.raw)} is not an option of this command.`, {
    remedy:
      near.length === 0
        ? `Its options are ${known.map((option) => `-${option}`).join(' ')}.`
        : `Did you mean ${near.map((option) => `-${option}`).join(' or ')}?`,
  });
}
