import { nearNames, Refusal } from '../errors.ts';
import { splitList } from './fleet-options.ts';
import type { BotRequest, FleetRequest } from './request.ts';
import { RETRY_OF, type RetryOf, VERBS } from './verbs.ts';
import { optionName, plainDashes, readWord, shown, unwrapFence, type Word } from './words.ts';

const DEFAULT_RUNS = 10;
const MAX_RUNS = 100;

/** What follows `/batch`. Nothing is help. */
export function parseBotCommand(text: string): BotRequest | FleetRequest {
  const [first, ...rest] = readWords(unwrapFence(text, 0));
  if (first === undefined) return { kind: 'help' };
  const said = (optionName(first) ?? first.text).toLowerCase();
  const verb = VERBS.find(({ name }) => name === said)?.name;
  switch (verb) {
    case 'help':
      takeNone(rest, 'help');
      return { kind: 'help' };
    case 'queue':
      takeNone(rest, 'queue');
      return { kind: 'queue' };
    case 'hosts':
    case 'can':
      return { kind: verb, terms: readTerms(verb, rest) };
    case 'trust':
    case 'facts':
      return { kind: verb, terms: readSomeTerms(verb, rest) };
    case 'ping':
      return pingOf(readSomeTerms(verb, rest));
    case 'runs': {
      const [count, ...more] = rest;
      takeNone(more, 'runs');
      return { kind: 'runs', count: count === undefined ? DEFAULT_RUNS : parseCount(count.text) };
    }
    case 'show': {
      const [run, host, ...more] = rest;
      takeNone(more, 'show');
      const id = parseRunId(run, 'show');
      return { kind: 'show', run: id, ...(host === undefined ? {} : { host: plainDashes(host.text) }) };
    }
    case 'cancel': {
      const [run, ...more] = rest;
      takeNone(more, 'cancel');
      return { kind: 'cancel', run: parseRunId(run, 'cancel') };
    }
    case 'retry': {
      const [run, which, ...more] = rest;
      takeNone(more, 'retry');
      return { kind: 'retry', run: parseRunId(run, 'retry'), which: parseRetryOf(which?.text) };
    }
    case undefined: {
      const names = VERBS.map(({ name }) => name);
      const near = nearNames(said, names);
      throw new Refusal('usage', `/batch does not know ${shown(first.raw)}.`, {
        remedy: near.length === 0 ? '/batch help tells what it knows.' : `Did you mean ${near.join(' or ')}?`,
      });
    }
    default:
      return verb satisfies never;
  }
}

function readWords(text: string): readonly Word[] {
  const words: Word[] = [];
  for (let word = readWord(text, 0); word !== undefined; word = readWord(text, word.end)) words.push(word);
  return words.filter((word) => word.text !== '');
}

function takeNone(words: readonly Word[], verb: string): void {
  const [extra] = words;
  if (extra === undefined) return;
  throw new Refusal('usage', `${shown(extra.raw)} is one word too many behind /batch ${verb}.`, {
    remedy: 'Leave it out.',
  });
}

function readTerms(verb: string, words: readonly Word[]): readonly string[] {
  if (words.length === 0) return [];
  let list = '';
  for (const word of words) {
    if (list !== '' && !list.endsWith(',') && !word.text.startsWith(',')) {
      throw new Refusal('usage', `${shown(word.raw)} is one word too many behind /batch ${verb}.`, {
        remedy: 'Join names by commas.',
      });
    }
    list += word.text;
  }
  return splitList(`/batch ${verb}`, plainDashes(list));
}

function readSomeTerms(verb: string, words: readonly Word[]): readonly string[] {
  if (words.length > 0) return readTerms(verb, words);
  throw new Refusal('usage', `/batch ${verb} needs to know which hosts.`, {
    remedy: `Write a host, a list or a group, as in /batch ${verb} web01 or /batch ${verb} @web.`,
  });
}

/** A run as any other, but for what it does. */
function pingOf(hosts: readonly string[]): FleetRequest {
  const what = { kind: 'fleet', work: { action: 'ping' } } as const;
  return { ...what, hosts, groups: [], exclude: [], preview: false, notes: [] };
}

function parseCount(word: string): number {
  const count = /^\d{1,9}$/.test(word) ? Number(word) : 0;
  if (count >= 1) return Math.min(count, MAX_RUNS);
  throw new Refusal('usage', `${shown(word)} is not a number of runs.`, {
    remedy: `Write a number from 1 to ${MAX_RUNS}.`,
  });
}

/**
 * `r-7k3f`, in any case, with or without the `r-`, and with the letters that are misread over the phone: ids
 * have no i, l, o (Crockford's base 32), so these can only be 1, 1 and 0.
 */
function parseRunId(word: Word | undefined, verb: string): string {
  if (word === undefined) {
    throw new Refusal('usage', `/batch ${verb} needs to know which run.`, {
      remedy: `Write its id, as in /batch ${verb} r-7k3f; /batch runs lists them.`,
    });
  }
  const typed = plainDashes(word.text.replace(/[`"'.]/g, '')).toLowerCase();
  const letters = typed.replace(/^r-+/, '').replaceAll('o', '0').replace(/[il]/g, '1');
  if (/^[0-9a-hjkmnp-tv-z]{3,16}$/.test(letters)) return `r-${letters}`;
  throw new Refusal('usage', `${shown(word.raw)} is not the id of a run.`, {
    remedy: 'An id looks like r-7k3f; /batch runs lists them.',
  });
}

function parseRetryOf(word: string | undefined): RetryOf {
  if (word === undefined) return 'failed';
  const which = RETRY_OF.find((known) => known === word.toLowerCase());
  if (which !== undefined) return which;
  const near = nearNames(word, RETRY_OF);
  throw new Refusal('usage', `${shown(word)} is not something to retry.`, {
    remedy: near.length === 0 ? `Write one of ${RETRY_OF.join(', ')}.` : `Did you mean ${near.join(' or ')}?`,
  });
}
