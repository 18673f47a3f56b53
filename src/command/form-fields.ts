import { Refusal } from '../errors.ts';
import { splitList } from './fleet-options.ts';
import { checkPath, parseDuration, parseFanOut } from './parse-command.ts';
import type { FleetRequest, RequestedWork } from './request.ts';
import { checkCommand, noteOddities, unwrapCommand } from './typed-command.ts';
import { plainDashes, shown } from './words.ts';

/** The fields of the form; those that were left empty are not there. */
export type FormField =
  | 'hosts'
  | 'terms'
  | 'command'
  | 'action'
  | 'local'
  | 'remote'
  | 'fanout'
  | 'limit'
  | 'results'
  | 'channel';
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
  const work = kind === 'run' ? parseCommandField(text('command'), attempt) : parseCopyFields(text, attempt);
  const fanOut = text('fanout').trim();
  const limit = text('limit').trim();
  const read = {
    ...(fanOut === '' ? {} : { fanOut: attempt('fanout', () => parseFanOut(fanOut)) ?? 1 }),
    ...(limit === '' ? {} : { timeLimitMs: attempt('limit', () => parseDuration(limit)) ?? 1 }),
    ...(text('results') === 'similar' ? { fold: 'similar' as const } : {}),
    ...(text('results') === 'diff' ? { diff: true as const } : {}),
  };
  if (work === undefined || Object.keys(faults).length > 0) return { faults };
  const notes =
    work.action === 'run' ? [...unwrapCommand(text('command')).notes, ...noteOddities(work.command)] : [];
  return { request: { kind: 'fleet', hosts, groups: [], exclude: [], work, ...read, preview: false, notes } };
}

type Attempt = <T>(field: FormField, read: () => T) => T | undefined;

function parseCommandField(command: string, attempt: Attempt): RequestedWork | undefined {
  return attempt('command', () => {
    if (command.trim() === '') throw new Refusal('usage', 'Write the command to run.');
    const bare = unwrapCommand(command);
    checkCommand(bare.command);
    return { action: 'run', command: bare.command };
  });
}

function parseCopyFields(text: (field: FormField) => string, attempt: Attempt): RequestedWork | undefined {
  const action = attempt('action', () => {
    const known = ['put' as const, 'get' as const].find((one) => one === text('action'));
    if (known === undefined) throw new Refusal('usage', 'Choose whether to send or to fetch.');
    return known;
  });
  if (action === undefined) return undefined;
  const path = (field: 'local' | 'remote') =>
    attempt(field, () => checkPath(field, text(field).trim() || undefined, action));
  const local = path('local');
  const remote = path('remote');
  return local === undefined || remote === undefined ? undefined : { action, local, remote };
}

/** The slash command that says the same, for people to read: what the audit has of a form. */
export function describeFields(kind: 'run' | 'copy', fields: FormFields): string {
  const text = (field: FormField): string => fields[field]?.[0] ?? '';
  const hosts = [...(fields.hosts ?? []), ...(text('terms').trim() === '' ? [] : [text('terms').trim()])];
  return [
    kind === 'run' ? 'form: /batch_run' : 'form: /batch_scp',
    ...(hosts.length === 0 ? [] : [`-h ${hosts.join(',')}`]),
    ...(text('fanout') === '' ? [] : [`-c ${text('fanout')}`]),
    ...(text('limit') === '' ? [] : [`-t ${text('limit')}`]),
    ...(text('results') === 'similar' ? ['-fold similar'] : text('results') === 'diff' ? ['-diff'] : []),
    ...(kind === 'run'
      ? [`-cmd ${text('command')}`]
      : [`-action ${text('action')}`, `-local ${shown(text('local'))}`, `-remote ${shown(text('remote'))}`]),
  ].join(' ');
}
