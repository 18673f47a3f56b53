import { nearNames, Refusal } from '../errors.ts';
import { resolveTerms, splitTerms } from '../inventory/expression.ts';
import { findEntry, type IniEntry, type IniFile, type IniSection, parseIni } from '../inventory/ini.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { didYouMean, Problems, showName, showSection } from '../inventory/problems.ts';
import { parseBoolean } from '../inventory/section/host-values.ts';
import {
  type CommandPattern,
  type CommandPatterns,
  parseCommandPattern,
  widerPattern,
} from './command-pattern.ts';
import { type PathPattern, type PathPatterns, parsePathPattern } from './path-pattern.ts';

/**
 * Who may do what, where. Every section of the file is one rule, and what it grants is one tuple: this person,
 * in this channel, on this host, this action, this command or path. Parts of two rules never add up to a third
 * (rundeck#7961 shows what happens else). No rule, no right.
 */
export interface Allowlist {
  /** In file order. */
  readonly rules: readonly Rule[];
  /** What can be meant so, but may not be: `file:line: …`. */
  readonly warnings: readonly string[];
}

export interface Rule {
  readonly name: string;
  /** Slack ids of people. */
  readonly users: ReadonlySet<string>;
  /** And of user groups (`S…`). */
  readonly groups: ReadonlySet<string>;
  /** Guests of the workspace too. */
  readonly guests: boolean;
  /** In channels that are shared with another organisation too. */
  readonly shared: boolean;
  readonly channels: '*' | ReadonlySet<string>;
  /** Lower-case names: what the rule's expression stood for in the inventory it was read with. */
  readonly hosts: ReadonlySet<string>;
  /** `hosts = all`: also those that have left the inventory, where a run on them is to be stopped. */
  readonly isForAllHosts: boolean;
  readonly actions: ReadonlySet<RuleAction>;
  /** Empty where the rule does not speak of `run`. */
  readonly commands: CommandPatterns;
  /** Empty where it speaks neither of `put` nor of `get`. */
  readonly paths: PathPatterns;
}

export const RULE_ACTIONS = ['run', 'put', 'get', 'cancel', 'audit', 'trust', 'sudo'] as const;
export type RuleAction = (typeof RULE_ACTIONS)[number];

const RULE_KEYS = ['users', 'channels', 'hosts', 'actions', 'commands', 'paths', 'guests', 'shared'] as const;
type RuleKey = (typeof RULE_KEYS)[number];

/**
 * allowlist.ini → rules, or a `ConfigError` with everything that is wrong. Read it anew with each inventory.
 * Without one (it has faults of its own) the rest is still checked, and no rule is for any host.
 */
export function parseAllowlist(text: string, fileName: string, inventory: Inventory | undefined): Allowlist {
  const problems = new Problems(fileName);
  const file = parseIni(text, problems);
  checkKeys(file.defaults, problems);
  const warnings: string[] = [];
  const rules = file.sections.map((section) => {
    checkKeys(section, problems);
    return new RuleReader(file, section, inventory, problems, (line, text) =>
      warnings.push(`${fileName}:${line}: ${text}`),
    ).read();
  });
  problems.throwIfAny();
  return { rules, warnings };
}

function checkKeys(section: IniSection, problems: Problems): void {
  for (const [key, { line }] of section.entries) {
    if (RULE_KEYS.some((known) => known === key)) continue;
    problems.at(line, `unknown key ${showName(key)} of a rule.${didYouMean(nearNames(key, RULE_KEYS))}`);
  }
}

/** Reads one section; where something is wrong the rule has less in it, and the problem stops it anyway. */
class RuleReader {
  readonly #file: IniFile;
  readonly #section: IniSection;
  readonly #inventory: Inventory | undefined;
  readonly #problems: Problems;
  readonly #suspect: (line: number, text: string) => void;

  constructor(
    file: IniFile,
    section: IniSection,
    inventory: Inventory | undefined,
    problems: Problems,
    suspect: (line: number, text: string) => void,
  ) {
    this.#suspect = suspect;
    this.#file = file;
    this.#section = section;
    this.#inventory = inventory;
    this.#problems = problems;
  }

  read(): Rule {
    const actions = this.#readActions();
    const isCopy = actions.has('put') || actions.has('get');
    const hostTerms = this.#list('hosts');
    return {
      name: this.#section.name,
      ...this.#readUsers(),
      guests: this.#readFlag('guests'),
      shared: this.#readFlag('shared'),
      channels: this.#readChannels(),
      hosts: this.#readHosts(hostTerms),
      isForAllHosts: hostTerms.length === 1 && hostTerms[0]?.toLowerCase() === 'all',
      actions,
      commands: this.#readCommands(actions.has('run')),
      paths: this.#readPaths(isCopy),
    };
  }

  #entry(key: RuleKey): IniEntry | undefined {
    return findEntry(this.#file, this.#section, key);
  }

  #fault(key: RuleKey, problem: string): void {
    this.#problems.at(this.#entry(key)?.line ?? this.#section.line, `${key}: ${problem}`);
  }

  /** The value at its commas and line ends. A key that must be there and is not, or is empty, is a problem. */
  #list(key: RuleKey, isRequired = true): readonly string[] {
    const entry = this.#entry(key);
    const items = entry === undefined ? [] : splitTerms(joinLines(entry.value));
    if (entry === undefined && isRequired) {
      this.#problems.at(this.#section.line, `${showSection(this.#section.name)} has no ${key}`);
    } else if (entry?.value === '') this.#fault(key, 'it is empty');
    else if (items.includes('')) this.#fault(key, 'a comma has nothing beside it; take it out');
    if (items.some((item) => /\s[#;]/.test(item))) {
      this.#fault(key, 'comments stand on lines of their own');
    }
    return items;
  }

  /** A boolean as in the inventory; no where it is left out. */
  #readFlag(key: 'guests' | 'shared'): boolean {
    const entry = this.#entry(key);
    if (entry === undefined) return false;
    const value = parseBoolean(entry.value);
    if (value === undefined) this.#fault(key, 'expected yes or no');
    return value ?? false;
  }

  #readUsers(): Pick<Rule, 'users' | 'groups'> {
    const users = this.#list('users');
    if (users.includes('*')) {
      this.#fault('users', '* is not possible: a right belongs to a person; list the ids');
    } else if (!users.every((user) => /^[UWS][A-Z0-9]+$/.test(user))) {
      this.#fault(
        'users',
        'expected ids such as U024BE7LH (in a profile: ⋮, "Copy member ID") or, of a user group, S0614TZR7; not names',
      );
    }
    const groups = users.filter((user) => user.startsWith('S'));
    return { users: new Set(users.filter((user) => !user.startsWith('S'))), groups: new Set(groups) };
  }

  #readChannels(): '*' | ReadonlySet<string> {
    const channels = this.#list('channels');
    if (channels.includes('*')) return '*';
    if (!channels.every((channel) => /^[CGD][A-Z0-9]+$/.test(channel))) {
      this.#fault('channels', 'expected ids such as C0OPS12 (at the end of "View channel details"), or *');
    }
    return new Set(channels);
  }

  #readHosts(terms: readonly string[]): ReadonlySet<string> {
    if (terms.length === 0 || this.#inventory === undefined) return new Set();
    try {
      return new Set(resolveTerms(this.#inventory, terms).map(({ name }) => name.toLowerCase()));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      for (const sentence of error.message.split('\n')) this.#fault('hosts', sentence);
      return new Set();
    }
  }

  #readActions(): ReadonlySet<RuleAction> {
    const actions = new Set<RuleAction>();
    for (const word of this.#list('actions')) {
      const action = RULE_ACTIONS.find((known) => known === word.toLowerCase());
      if (action !== undefined) actions.add(action);
      else {
        const near = didYouMean(nearNames(word, RULE_ACTIONS));
        this.#fault('actions', `${showName(word)} is none of ${RULE_ACTIONS.join(', ')}.${near}`);
      }
    }
    return actions;
  }

  #readCommands(isRequired: boolean): CommandPatterns {
    const items = this.#list('commands', isRequired);
    if (items.includes('*')) {
      // Whoever meant a pattern would get every text that a shell takes, and whoever meant all has written too much.
      if (items.some((item) => item !== '*')) {
        this.#fault('commands', '* stands alone, for any text at all; leave it out, or all the others');
      }
      return '*';
    }
    const patterns = items.map(parseCommandPattern).filter((pattern): pattern is CommandPattern => {
      if (pattern === undefined) {
        this.#fault(
          'commands',
          'a pattern is plain words with *, ** and ? (letters, digits, _ - . / : = + @), or *',
        );
      }
      return pattern !== undefined;
    });
    const line = this.#entry('commands')?.line ?? this.#section.line;
    for (const pattern of patterns) {
      if (pattern.text.startsWith('*') || pattern.text.startsWith('?')) {
        this.#suspect(line, `commands: "${pattern.text}" begins with any program at all; name the program`);
      }
      const wider = widerPattern(pattern);
      if (wider === undefined) continue;
      this.#suspect(
        line,
        `commands: "${pattern.text}" covers no options; if they are meant, write "${wider}"`,
      );
    }
    return patterns;
  }

  #readPaths(isRequired: boolean): PathPatterns {
    const items = this.#list('paths', isRequired);
    if (items.some((item) => item === '*' || item === '**')) return '*';
    return items.map(parsePathPattern).filter((pattern): pattern is PathPattern => {
      if ('fault' in pattern) this.#fault('paths', pattern.fault);
      return !('fault' in pattern);
    });
  }
}

/** A line end is as good as a comma, and a comma at the end of a line is no other one. */
function joinLines(value: string): string {
  const lines = value.split('\n').filter((line) => line !== '');
  return lines.map((line, i) => (i < lines.length - 1 && !line.endsWith(',') ? `${line},` : line)).join('');
}
