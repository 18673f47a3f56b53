import { nearNames, Refusal } from '../errors.ts';
import { splitNames } from '../inventory/host-set.ts';
import type { ListName, optionsOf, WordName } from './options.ts';
import { checkCommand, noteOddities, readTypedCommand, unwrapCommand } from './typed-command.ts';
import { optionName, plainDashes, readWord, shown, skipSpaces, unwrapFence, type Word } from './words.ts';

/** The options as typed, each at most once, repaired but not yet understood. */
export interface FleetOptions {
  readonly lists: ReadonlyMap<ListName, readonly string[]>;
  readonly words: ReadonlyMap<WordName, string>;
  /** `-action`: the verb, and the two names where they follow it. */
  readonly action: readonly string[] | undefined;
  readonly command: string | undefined;
  /** `-sudo`: the user, root where none was named. */
  readonly sudo: string | undefined;
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Behind `--`; undefined where there is none. */
  readonly args: readonly string[] | undefined;
  readonly preview: boolean;
  readonly diff: boolean;
  readonly follow: boolean;
  /** Those that are there or not, by name. */
  readonly flags: ReadonlySet<string>;
  readonly notes: readonly string[];
}

type Known = ReturnType<typeof optionsOf>;

/** What was sent, up to its end, as options, in any order. Throws at the first word that is not one of them or theirs. */
export function readFleetOptions(sent: string, known: Known): FleetOptions {
  let text = sent;
  const lists = new Map<ListName, readonly string[]>();
  const words = new Map<WordName, string>();
  const seen = new Set<Known[number]['name']>();
  const notes: string[] = [];
  let action: readonly string[] | undefined;
  let command: string | undefined;
  let sudo: string | undefined;
  const env: (readonly [name: string, value: string])[] = [];
  let args: readonly string[] | undefined;
  let at = 0;

  const knownOption = (word: Word | undefined): Known[number] | undefined => {
    const name = word === undefined ? undefined : optionName(word);
    return known.find((option) => option.name === name);
  };
  /** The next word where it is a value: neither the end nor an option. */
  const valueWord = (): Word | undefined => {
    const word = readWord(text, at);
    return word === undefined || optionName(word) !== undefined ? undefined : word;
  };
  const takeValue = (option: Known[number]): Word => {
    const word = valueWord();
    if (word !== undefined && word.text !== '') {
      at = word.end;
      return word;
    }
    const next = word ?? readWord(text, at);
    const before = next === undefined ? '' : ` before ${shown(next.raw)}`;
    throw new Refusal('usage', `-${option.name} is incomplete: ${option.expected} is missing${before}.`, {
      remedy:
        next === undefined || word !== undefined
          ? `Write it as in ${option.example}.`
          : `Write it as in ${option.example}; a value that starts with a dash stands in quotes.`,
    });
  };
  /** Words that commas hold together: `h1, h2 ,h3`. */
  const takeList = (option: Known[number]): readonly string[] => {
    let list = takeValue(option).text;
    for (let word = valueWord(); word !== undefined; word = valueWord()) {
      if (!/[,，、]$/.test(list) && !/^[,，、]/.test(word.text)) break;
      list += word.text;
      at = word.end;
    }
    return splitList(`-${option.name}`, plainDashes(list));
  };

  while (skipSpaces(text, at) < text.length) {
    // No option begins with a backtick: round all of them, or all from here on, it is none of the words.
    text = unwrapFence(text, at);
    const word = readWord(text, at);
    if (word === undefined) break;
    at = word.end;
    if (seen.has('script') && isDashes(word)) {
      args = readRest(text, at);
      break;
    }
    const option = knownOption(word);
    if (option === undefined) throw notAnOption(word, known);
    if (seen.has(option.name) && option.takes !== 'variable') {
      throw new Refusal('usage', `-${option.name} is there twice.`, {
        remedy: option.takes === 'list' ? 'Join the two with a comma.' : 'Leave one out.',
      });
    }
    seen.add(option.name);
    switch (option.takes) {
      case 'nothing':
        break;
      case 'list':
        lists.set(option.name, takeList(option));
        break;
      case 'word':
      case 'path':
        words.set(option.name, takeValue(option).text);
        break;
      case 'user':
        sudo = valueWord() === undefined ? 'root' : checkUser(takeValue(option).text);
        break;
      case 'variable':
        env.push(checkVariable(takeValue(option).text, env));
        break;
      case 'command': {
        const typed = readTypedCommand(text, at, {
          isKnown: (next) => knownOption(next) !== undefined,
          refuse: (next) => notAnOption(next, known),
        });
        const bare = unwrapCommand(typed.command);
        checkCommand(bare.command);
        notes.push(...bare.notes, ...noteOddities(bare.command));
        command = bare.command;
        at = typed.end;
        break;
      }
      case 'action': {
        const verb = takeValue(option).text;
        const names: string[] = [];
        for (let name = valueWord(); name !== undefined && names.length < 2; name = valueWord()) {
          names.push(takeValue(option).text);
        }
        action = [verb, ...names];
        break;
      }
      default:
        option satisfies never;
    }
  }
  return {
    lists,
    words,
    action,
    command,
    sudo,
    env,
    args,
    preview: seen.has('n'),
    diff: seen.has('diff'),
    follow: seen.has('follow'),
    flags: seen,
    notes,
  };
}

/** The terms of a list, none of them empty: `web[1,3],db1`. */
export function splitList(place: string, list: string): readonly string[] {
  if (/["“”„‟'‘’‚‛]/.test(list)) {
    throw new Refusal('usage', `A quote stands in the middle of ${place} ${shown(list)}.`, {
      remedy: 'Names need no quotes.',
    });
  }
  const wide = /[，、；！＠＊？［］]/.exec(list)?.[0];
  if (wide !== undefined) {
    throw new Refusal('usage', `${place} ${shown(list)} has a full-width ${wide}.`, {
      remedy: `Write ${shown(list.replace(/[，、；]/g, ',').normalize('NFKC')).slice(1, -1)}.`,
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

/** `--`, also as clients write it. */
export function isDashes({ isQuoted, text }: Word): boolean {
  return !isQuoted && /^(?:--|[‐‑‒–—―−]{1,2})$/.test(text);
}

/** All words up to the end, whatever they begin with. */
export function readRest(text: string, from: number): readonly string[] {
  const words: string[] = [];
  for (let word = readWord(text, from); word !== undefined; word = readWord(text, word.end)) {
    if (/[\0-\x08\x0b-\x1f\x7f-\x9f]/.test(word.text) || !word.text.isWellFormed()) {
      throw new Refusal('usage', `The argument ${shown(word.text)} holds a control character.`, {
        remedy: 'Type it anew: it most likely came with a paste.',
      });
    }
    words.push(word.text);
  }
  return words;
}

/** Our part sets the variables: by another `IFS` it would name other processes than the command's. */
const NOT_TAKEN: ReadonlyMap<string, string> = new Map([
  ['BATCHOPS_RUN', "the bot's own"],
  ['IFS', 'taken by no shell from its environment'],
]);

export function checkVariable(
  word: string,
  before: readonly (readonly [name: string, value: string])[],
): readonly [name: string, value: string] {
  const [, name = '', value = ''] = /^([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)$/s.exec(word) ?? [];
  if (name === '' || /[\0-\x08\x0b-\x1f\x7f-\x9f]/.test(value) || !value.isWellFormed()) {
    throw new Refusal('usage', `-env ${shown(word)} is not a variable.`, {
      remedy: 'Write it as in -env STAGE=test; one with spaces stands in quotes as a whole: -env "A=b c".',
      about: 'env',
    });
  }
  if (/^["“”„'‘’]/.test(value)) {
    throw new Refusal('usage', `A quote stands in the middle of -env ${shown(word)}.`, {
      remedy: 'Put all of it in quotes: -env "A=b c".',
    });
  }
  const fault = NOT_TAKEN.get(name) ?? (before.some(([other]) => other === name) ? 'there twice' : undefined);
  if (fault !== undefined)
    throw new Refusal('usage', `-env ${name} is ${fault}.`, { remedy: 'Leave it out.' });
  return [name, value];
}

/** A name as accounts have it, which no shell and no option of sudo's reads otherwise. */
export function checkUser(user: string): string {
  if (/^[A-Za-z_][A-Za-z0-9._-]{0,63}$/.test(user)) return user;
  throw new Refusal('usage', `-sudo ${shown(user)} is not the name of a user.`, {
    remedy: 'Write it as in -sudo postgres, or leave it out for root.',
    about: 'sudo',
  });
}

function notAnOption(word: Word, known: Known): Refusal {
  const name = optionName(word);
  if (name === undefined) {
    return new Refusal('usage', `${shown(word.raw)} belongs to no option.`, {
      remedy: 'Names in a list are joined by commas; a command or path with spaces stands in quotes.',
    });
  }
  const [bare = name, value] = name.split(/=(.*)/s);
  const meant = known.find((option) => option.name === bare);
  if (meant !== undefined && value !== undefined) {
    return new Refusal('usage', `${shown(word.raw)} is not an option.`, {
      remedy: `Write -${meant.name} ${shown(value).slice(1, -1)}, with a space.`,
    });
  }
  const names = known.map((option) => option.name);
  const synonym = known.find(({ synonyms }) => (synonyms as readonly string[]).includes(bare.toLowerCase()));
  const near = synonym === undefined ? nearNames(bare, names) : [synonym.name];
  return new Refusal('usage', `${shown(word.raw)} is not an option of this command.`, {
    remedy:
      near.length === 0
        ? `Its options are ${names.map((option) => `-${option}`).join(' ')}.`
        : `Did you mean ${near.map((option) => `-${option}`).join(' or ')}?`,
  });
}
