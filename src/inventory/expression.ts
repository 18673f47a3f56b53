import { nearNames, Refusal } from '../errors.ts';
import { formatHostSet } from './fold-names.ts';
import { type Effort, matchesGlob, splitNames, unfoldTerm } from './host-set.ts';
import type { Host, Inventory } from './inventory.ts';
import { shorten } from './shorten.ts';
import { placeOf, sortedNames } from './sorted-names.ts';

/**
 * Which hosts are meant. A term is a name, a range `web[01-20]`, a glob `web*`, `all` or `@group`, and `!`
 * before it takes out; among groups the same, with or without the `@`.
 */
export interface Terms {
  /** Of `-h`, of `-g` and of `-x`, split at commas. */
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly exclude: readonly string[];
}

export interface Resolved {
  /** In inventory order, each once. Disabled ones are among them: they are reported, not dropped. */
  readonly hosts: readonly [Host, ...Host[]];
  /** What the operator may not expect, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * The union of hosts and groups less everything excluded. Resolved as a whole or refused as a whole: a term
 * that matches nothing is most likely a slip, also (and then most dangerously) where it excludes.
 */
export function resolveTargets(inventory: Inventory, terms: Terms, effort: Effort = { steps: 0 }): Resolved {
  const search = new Search(inventory, effort);
  for (const term of terms.hosts) search.add(term, 'host', false);
  for (const term of terms.groups) search.add(term, 'group', false);
  for (const term of terms.exclude) search.add(term, 'host', true);
  const hosts = search.finish();
  return { hosts, notes: sameMachineNotes(hosts) };
}

/** The same for one list of host terms, as in `/batch hosts EXPR` and an allowlist's `hosts`; none mean all. */
export function resolveTerms(inventory: Inventory, terms: readonly string[]): readonly Host[] {
  if (terms.length === 0) return [...inventory.hosts.values()];
  return resolveTargets(inventory, { hosts: terms, groups: [], exclude: [] }).hosts;
}

/** `web[1,3], @db` at its commas, not at those in brackets; empty where nothing stands between two. */
export function splitTerms(text: string): readonly string[] {
  return text.trim() === '' ? [] : splitNames(text).map((term) => term.trim());
}

type Kind = 'host' | 'group';

/** What the terms of one expression gather together: who is in, who is out, and every fault. */
class Search {
  readonly #inventory: Inventory;
  readonly #in = new Set<Host>();
  readonly #out = new Set<Host>();
  readonly #faults: string[] = [];
  /** True once a term (other than an exclusion) was there, whether or not it matched. */
  #hasIncluded = false;
  #isMalformed = true;
  /** Made where somebody typed an address. */
  #byAddress: ReadonlyMap<string, readonly Host[]> | undefined;
  readonly #effort: Effort;

  constructor(inventory: Inventory, effort: Effort) {
    this.#inventory = inventory;
    this.#effort = effort;
  }

  add(typed: string, kind: Kind, excludes: boolean): void {
    const isNegated = typed.startsWith('!');
    const term = isNegated ? typed.slice(1).trim() : typed;
    const into = excludes || isNegated ? this.#out : this.#in;
    if (into === this.#in) this.#hasIncluded = true;
    const isGroup = term.startsWith('@') || kind === 'group';
    const name = term.replace(/^@/, '');
    const hosts = isGroup ? this.#findGroups(name, typed) : this.#findHosts(name, typed);
    for (const host of hosts) into.add(host);
  }

  /** One person's expression holds up everyone for some tens of milliseconds at the most. */
  #spend(steps: number, typed: string): void {
    this.#effort.steps += steps;
    if (this.#effort.steps <= MAX_STEPS) return;
    throw new Refusal(
      'usage',
      `This takes too much looking up: it was given up at ${shorten(typed, MAX_SHOWN_CHARS)}.`,
      {
        remedy: 'Begin patterns with letters of the names (web* instead of *web*), or ask for less at once.',
        about: 'hosts',
      },
    );
  }

  finish(): readonly [Host, ...Host[]] {
    if (this.#faults.length > 0) this.#refuse();
    if (!this.#hasIncluded) {
      throw new Refusal(
        'unknown-name',
        'There are only exclusions here, so no host is left to take out from.',
        {
          remedy: 'Say all,!web01 for every host but one.',
          about: 'hosts',
        },
      );
    }
    const [first, ...rest] = [...this.#inventory.hosts.values()].filter(
      (host) => this.#in.has(host) && !this.#out.has(host),
    );
    if (first !== undefined) return [first, ...rest];
    const isEmpty = this.#inventory.hosts.size === 0;
    throw new Refusal(
      'unknown-name',
      isEmpty
        ? 'The inventory has no hosts.'
        : 'No host is left: what is excluded takes out all that was named.',
      {
        ...(isEmpty ? {} : { remedy: 'Look with /batch hosts which hosts an expression stands for.' }),
        about: 'hosts',
      },
    );
  }

  #refuse(): never {
    const shown = this.#faults.slice(0, MAX_FAULTS);
    const rest = this.#faults.length - shown.length;
    throw new Refusal(
      this.#isMalformed ? 'usage' : 'unknown-name',
      [...shown, ...(rest > 0 ? [`… and ${rest} more`] : [])].join('\n'),
      {
        remedy:
          this.#inventory.isPart === true
            ? '/batch hosts lists those that a rule of yours is for.'
            : 'See /batch hosts for the hosts and groups there are.',
        about: 'hosts',
      },
    );
  }

  #fault(sentence: string, kind: 'malformed' | 'unknown'): readonly never[] {
    this.#faults.push(sentence.endsWith('?') ? sentence : `${sentence}.`);
    if (kind === 'unknown') this.#isMalformed = false;
    return [];
  }

  #findHosts(name: string, typed: string): readonly Host[] {
    const { hosts, groups } = this.#inventory;
    if (name.toLowerCase() === 'all') {
      this.#spend(hosts.size * STEPS_PER_HOST, typed);
      return [...hosts.values()];
    }
    return this.#find(name, typed, hosts, 'host', (word) => {
      const group = groups.get(word.toLowerCase());
      if (group !== undefined) return `"${group.name}" is a group: write -g ${group.name} or @${group.name}`;
      if (this.#faults.length >= MAX_FAULTS) return undefined;
      this.#byAddress ??= Map.groupBy(hosts.values(), ({ ip }) => ip.toLowerCase());
      const there = this.#byAddress.get(word.toLowerCase());
      if (there === undefined) return undefined;
      const names = there.slice(0, 3).map(({ name }) => name);
      return `"${shorten(word, MAX_SHOWN_CHARS)}" is an address, and hosts go by name: write ${names.join(' or ')}`;
    });
  }

  #findGroups(name: string, typed: string): readonly Host[] {
    const { hosts, groups } = this.#inventory;
    const found =
      name.toLowerCase() === 'all' && !typed.includes('@')
        ? [...groups.values()]
        : this.#find(name, typed, groups, 'group', (word) => {
            if (word.toLowerCase() === 'all') return '"all" is no group: write -h all for every host';
            const host = hosts.get(word.toLowerCase());
            return host === undefined
              ? undefined
              : `"${host.name}" is a host, not a group: write -h ${host.name}`;
          });
    this.#spend(found.reduce((sum, group) => sum + group.hosts.length, 0) * STEPS_PER_HOST, typed);
    const members = found.flatMap((group) => group.hosts);
    if (found.length > 0 && members.length === 0) {
      return this.#fault(`${shorten(typed, MAX_SHOWN_CHARS)} has no hosts that are set to True`, 'unknown');
    }
    return members;
  }

  /** A walk over all names: only for faults that are shown, and as long as there is time. */
  #findNear(name: string, known: ReadonlyMap<string, { readonly name: string }>): readonly string[] {
    const steps = known.size * name.length * STEPS_PER_LETTER;
    if (this.#faults.length >= MAX_FAULTS || this.#effort.steps + steps > MAX_STEPS) return [];
    this.#effort.steps += steps;
    return nearNames(
      name,
      Array.from(known.values(), (one) => one.name),
    );
  }

  /** Only the names that begin as the pattern does are tried. */
  #matchGlob<T>(pattern: string, known: ReadonlyMap<string, T>, typed: string): readonly T[] {
    const wanted = pattern.toLowerCase();
    const start = wanted.slice(0, wanted.search(/[*?]/));
    const names = sortedNames(known);
    const found: T[] = [];
    for (let at = placeOf(start, names); names[at]?.startsWith(start); at += 1) {
      const name = names[at] ?? '';
      const one = matchesGlob(wanted, name, this.#effort) ? known.get(name) : undefined;
      if (one !== undefined) found.push(one);
      this.#spend(0, typed);
    }
    return found;
  }

  /** What one term stands for among the hosts or among the groups. Every name of a range must be there. */
  #find<T extends { readonly name: string }>(
    name: string,
    typed: string,
    known: ReadonlyMap<string, T>,
    kind: Kind,
    explain: (name: string) => string | undefined,
  ): readonly T[] {
    if (name === '') return this.#fault(`${shorten(typed, MAX_SHOWN_CHARS)} names nothing`, 'malformed');
    if (/[\s!@,]/.test(name.replace(/\[[^[\]]*\]/g, ''))) {
      return this.#fault(`${shorten(typed, MAX_SHOWN_CHARS)} is not a name, range or glob`, 'malformed');
    }
    const unfolded = unfoldTerm(name);
    if ('fault' in unfolded)
      return this.#fault(`${shorten(typed, MAX_SHOWN_CHARS)}: ${unfolded.fault}`, 'malformed');

    this.#spend(unfolded.names.length * STEPS_PER_NAME, typed);

    const found: T[] = [];
    const missing: string[] = [];
    for (const one of unfolded.names) {
      const matches = /[*?]/.test(one) ? this.#matchGlob(one, known, typed) : [known.get(one.toLowerCase())];
      const there = matches.filter((match) => match !== undefined);
      found.push(...there);
      if (there.length === 0) missing.push(one);
    }
    const [first] = missing;
    if (first === undefined) return found;
    const whose = this.#inventory.isPart === true ? WHOSE[kind] : '';
    const shown = shorten(typed, MAX_SHOWN_CHARS);
    const unknown = (sentence: string): readonly T[] => {
      const near = this.#findNear(first.replace(/[*?]/g, ''), known);
      const hint = near.length === 0 ? '' : `; did you mean ${near.join(', ')}?`;
      return this.#fault(`${sentence}${hint}`, 'unknown');
    };
    if (unfolded.names.length > 1) {
      this.#spend(missing.length * STEPS_PER_NAME, typed);
      if (missing.length === unfolded.names.length) return unknown(`There is no ${kind} of ${shown}${whose}`);
      const these = shorten(formatHostSet(missing), MAX_SHOWN_CHARS);
      return this.#fault(`${shown}: there is no ${kind} ${these}${whose}`, 'unknown');
    }
    if (/[*?]/.test(name)) return unknown(`No ${kind}${whose} matches ${shown}`);
    const other = explain(name);
    if (other !== undefined) return this.#fault(other, 'unknown');
    return unknown(`There is no ${kind} "${shorten(name, MAX_SHOWN_CHARS)}"${whose}`);
  }
}

/** Of what one person may know: what is not there, and what is not theirs to know, is the same to them. */
const WHOSE: Readonly<Record<Kind, string>> = {
  host: ' that a rule of yours is for',
  group: ' with hosts that a rule of yours is for',
};

const MAX_FAULTS = 10;

/** Of what was typed, in an answer. */
const MAX_SHOWN_CHARS = 100;
/** Some tens of milliseconds, whatever the expression. Twenty patterns that begin with `*` on ten thousand hosts. */
const MAX_STEPS = 5_000_000;
/** What making and looking up a name costs, adding a host to a set, and comparing a letter with near ones. */
const STEPS_PER_NAME = 100;
const STEPS_PER_HOST = 10;
const STEPS_PER_LETTER = 4;

/** Of machines that have several names. */
const MAX_SAME = 3;

/** Two names for one login would run the command twice on that machine: legal, but worth saying. */
function sameMachineNotes(hosts: readonly Host[]): readonly string[] {
  const byLogin = Map.groupBy(hosts, ({ ip, port, user }) => `${user}@${ip.toLowerCase()}:${port}`);
  const several = [...byLogin].filter(([, same]) => same.length > 1);
  const told = several.slice(0, MAX_SAME).map(([login, same]) => {
    const names = same.map(({ name }) => name);
    const shown = same.length === 2 ? names.join(' and ') : shorten(formatHostSet(names), MAX_SHOWN_CHARS);
    return `${shown} are the same login (${login}): it is used once for each name.`;
  });
  const rest = several.length - told.length;
  return rest === 0
    ? told
    : [...told, `So are the hosts of ${rest} more ${rest === 1 ? 'login' : 'logins'}.`];
}
