import { Refusal } from '../errors.ts';
import { DIRECTION, type Field, RESULTS } from './fields.ts';
import { checkUser, checkVariable, isDashes, readRest, splitList } from './fleet-options.ts';
import { type FormField, type KnownOption, optionsOf } from './options.ts';
import { checkPath, parseCopyOptions, parseDuration, parseFanOut } from './parse-command.ts';
import { COPY_FLAGS, type FleetRequest, type RequestedRun, type RequestedWork } from './request.ts';
import {
  checkRollout,
  parseHosts,
  parseMaxFail,
  parseOrder,
  parseSerial,
  type RequestedRollout,
  rolloutOf,
} from './rollout/parse.ts';
import { checkCommand, noteOddities, unwrapCommand } from './typed-command.ts';
import { plainDashes, readWord, shown } from './words.ts';

/** The fields of the form, by block; those that were left empty are not there. */
export type FormFields = Readonly<Partial<Record<FormField, readonly string[]>>>;
export type FieldFaults = Readonly<Partial<Record<FormField, string>>>;

/** What the form says → what is meant, or what is wrong with each field. */
export function parseFormFields(
  kind: 'run' | 'copy',
  fields: FormFields,
): { readonly request: FleetRequest } | { readonly faults: FieldFaults } {
  const faults: Partial<Record<FormField, string>> = {};
  const attempt = <T>(field: FormField, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      faults[field] = [error.message, error.remedy].filter((part) => part !== undefined).join(' ');
      return undefined;
    }
  };
  const text = (field: FormField): string => fields[field]?.[0] ?? '';

  const terms = text('terms').trim();
  const typed =
    terms === '' ? [] : (attempt('terms', () => splitList('The expression', plainDashes(terms))) ?? []);
  const hosts = [...(fields.hosts ?? []), ...typed];
  if (hosts.length === 0 && faults.terms === undefined) {
    faults.hosts = 'Choose hosts or groups here, or write an expression below; every host is all.';
  }
  const work = kind === 'run' ? parseCommandFields(text, attempt) : parseCopyFields(text, attempt);
  const fanOut = text('fanout').trim();
  const limit = text('limit').trim();
  const results = RESULTS.choices.find(({ value }) => value === text('results'))?.value;
  const rollout = parseRolloutFields(text, attempt);
  const read = {
    ...(fanOut === '' ? {} : { fanOut: attempt('fanout', () => parseFanOut(fanOut)) ?? 1 }),
    ...(limit === '' ? {} : { timeLimitMs: attempt('limit', () => parseDuration('t', limit)) ?? 1 }),
    ...(rollout === undefined ? {} : { rollout }),
    ...(results === 'similar' ? { fold: results } : {}),
    ...(results === 'diff' ? { diff: true as const } : {}),
    ...(results === 'follow' ? { follow: true as const } : {}),
  };
  if (work === undefined || Object.keys(faults).length > 0) return { faults };
  const notes =
    work.action === 'run' ? [...unwrapCommand(text('command')).notes, ...noteOddities(work.command)] : [];
  return { request: { kind: 'fleet', hosts, groups: [], exclude: [], work, ...read, preview: false, notes } };
}

/** Undefined where all of its fields were left empty. */
function parseRolloutFields(
  text: (field: FormField) => string,
  attempt: Attempt,
): RequestedRollout | undefined {
  const read = <T>(field: FormField, parse: (word: string) => T): T | undefined => {
    const word = text(field).trim();
    return word === '' ? undefined : attempt(field, () => parse(word));
  };
  const serial = read('serial', (word) => parseSerial(splitList('-serial', plainDashes(word))));
  const canary = read('canary', (word) => parseHosts('canary', word));
  const maxFail = read('maxfail', parseMaxFail);
  const waitMs = read('wait', (word) => parseDuration('wait', word));
  const order = read('order', parseOrder);
  const pick = read('pick', (word) => parseHosts('pick', word));
  const rollout = rolloutOf({
    serial,
    canary,
    maxFail,
    waitMs,
    order: order === 'inventory' ? undefined : order,
    pick,
  });
  // Sizes that do not parse are told at their field.
  if (text('serial').trim() === '') attempt('wait', () => checkRollout(rollout));
  return Object.keys(rollout).length === 0 ? undefined : rollout;
}

type Attempt = <T>(field: FormField, read: () => T) => T | undefined;

function parseCommandFields(text: (field: FormField) => string, attempt: Attempt): RequestedWork | undefined {
  const typed = text('command');
  const filled = <T>(
    field: 'sudo' | 'script' | 'stdin' | 'env',
    read: (words: string) => T,
  ): T | undefined => {
    const words = text(field).trim();
    return words === '' ? undefined : attempt(field, () => read(words));
  };
  const sudo = filled('sudo', checkUser);
  const script = filled('script', parseScript);
  const stdin = filled('stdin', (words) => ({ local: checkPath('stdin', words, 'put') }));
  const env = filled('env', parseVariables);
  const isScript = text('script').trim() !== '';
  const command = attempt('command', () => {
    if (typed.trim() === '') {
      if (isScript) return '';
      throw new Refusal('usage', 'Write the command to run, or name a script below.');
    }
    if (isScript) {
      throw new Refusal('usage', 'A command and a script do not go together.', { remedy: 'Leave one out.' });
    }
    const bare = unwrapCommand(typed);
    checkCommand(bare.command);
    return bare.command;
  });
  if (command === undefined) return undefined;
  const more = { ...(sudo !== undefined && { sudo }), ...(script && { script }), ...(stdin && { stdin }) };
  return { action: 'run', command, ...more, ...(env && { env }) };
}

/** `deploy.sh -- web 3`. */
function parseScript(words: string): NonNullable<RequestedRun['script']> {
  const file = readWord(words, 0);
  const dashes = file && readWord(words, file.end);
  if (file !== undefined && dashes !== undefined && !isDashes(dashes)) {
    throw new Refusal('usage', `${shown(dashes.raw)} stands behind the script's name.`, {
      remedy: 'Arguments stand behind --, as in deploy.sh -- web 3; a name with spaces stands in quotes.',
    });
  }
  const args = dashes === undefined ? [] : readRest(words, dashes.end);
  return { local: checkPath('script', file?.text, 'put'), args };
}

/** One a line. */
function parseVariables(words: string): NonNullable<RequestedRun['env']> {
  const env: (readonly [name: string, value: string])[] = [];
  for (const line of linesOf(words)) env.push(checkVariable(line, env));
  return env;
}

function linesOf(words: string): readonly string[] {
  return words
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function parseCopyFields(text: (field: FormField) => string, attempt: Attempt): RequestedWork | undefined {
  const action = attempt('action', () => {
    const chosen = DIRECTION.choices.find(({ value }) => value === text('action'));
    if (chosen === undefined) throw new Refusal('usage', 'Choose whether to send or to fetch.');
    return chosen.value;
  });
  if (action === undefined) return undefined;
  const path = (field: 'local' | 'remote') =>
    attempt(field, () => checkPath(field, text(field).trim() || undefined, action));
  const local = path('local');
  const remote = path('remote');
  const more = attempt('copy-options', () => parseCopyOptions(action, parseFlags(text('copy-options'))));
  if (local === undefined || remote === undefined || more === undefined) return undefined;
  return { action, local, remote, ...more };
}

/** `-r -p`, in any order, also without the dashes. */
function parseFlags(words: string): ReadonlySet<string> {
  const names = plainDashes(words)
    .split(/[\s,]+/)
    .map((word) => word.replace(/^-+/, ''))
    .filter((name) => name !== '');
  const known: readonly string[] = COPY_FLAGS.map(([name]) => name);
  const stranger = names.find((name) => !known.includes(name));
  if (stranger === undefined) return new Set(names);
  throw new Refusal('usage', `${shown(stranger)} is no option of a copy.`, {
    remedy: `They are ${known.map((name) => `-${name}`).join(' ')}.`,
  });
}

/** The slash command that says the same, for people to read: what the audit has of a form. */
export function describeFields(kind: 'run' | 'copy', fields: FormFields): string {
  const described = optionsOf(kind).map((option) => describeOption(option, fields));
  return [kind === 'run' ? 'form: /batch_run' : 'form: /batch_scp', ...described]
    .filter((part) => part !== '')
    .join(' ');
}

function describeOption(option: KnownOption, filled: FormFields): string {
  if (!('fields' in option)) return '';
  const fields: readonly Field<FormField>[] = option.fields;
  const words = fields.flatMap(({ block }) => filled[block] ?? []);
  const [field] = fields;
  const terms = words.map((word) => word.trim()).filter((word) => word !== '');
  const text = option.takes === 'list' ? terms.join() : (words[0] ?? '');
  if (field?.kind === 'choice') return field.choices.find(({ value }) => value === text)?.typed ?? '';
  if (text === '' && field?.optional) return '';
  if (option.takes === 'nothing') return text;
  if (option.takes === 'variable')
    return linesOf(text)
      .map((one) => `-env ${shown(one)}`)
      .join(' ');
  // Behind it its arguments.
  if (option.name === 'script') return `-script ${text}`;
  return `-${option.name} ${option.takes === 'path' ? shown(text) : text}`;
}
