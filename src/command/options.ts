import { COPY_FLAGS, COPY_PLACES } from './copy-options.ts';
import { type CHANNEL, type Field, RESULTS } from './fields.ts';
import { ROLLOUT_OPTIONS } from './rollout/options.ts';
import { RUN_OPTIONS } from './run-options.ts';

/**
 * Every option of `/batch_run` and `/batch_scp`, once. The grammar, the lines of use, the help, what a refusal
 * suggests and where in a form it stands, the form and what the audit says of it are all made from this table.
 */
export interface Option {
  readonly name: string;
  /** Which commands have it. */
  readonly of: readonly ('run' | 'copy')[];
  /** What it says of a request: a part of the help, and of the form. */
  readonly tells: Part;
  readonly takes: 'list' | 'word' | 'path' | 'nothing' | 'user' | 'variable' | 'command' | 'action';
  /** As the line of use shows it. */
  readonly usage: string;
  /** What is missing where it has no value. */
  readonly expected: string;
  readonly example: string;
  /** What people who come from other tools write for it. */
  readonly synonyms: readonly string[];
  readonly help: string;
  /** What stands for it on the form. */
  readonly fields?: readonly Field[];
}

export type Part = 'which hosts' | 'what' | 'how' | 'rollout';

const BOTH = ['run', 'copy'] as const;

/** In the order of the line of use. */
export const OPTIONS = [
  {
    name: 'h',
    of: BOTH,
    tells: 'which hosts',
    takes: 'list',
    usage: '-h HOSTS',
    expected: 'a host',
    example: '-h web01,web02',
    synonyms: ['host', 'hosts', 'w'],
    help: 'names, ranges, globs: web01, web[01-20], web*, all, @group, !web07',
    fields: [
      {
        kind: 'search',
        block: 'hosts',
        about: 'hosts',
        label: 'Hosts and groups',
        optional: true,
        placeholder: 'web01, @web …',
        maxItems: 100,
      },
      {
        kind: 'text',
        block: 'terms',
        about: 'hosts',
        label: 'Or an expression',
        hint: 'Ranges, globs, groups; ! takes out',
        optional: true,
        placeholder: 'web[01-20],@db,!db01',
        maxChars: 2_000,
      },
    ],
  },
  {
    name: 'g',
    of: BOTH,
    tells: 'which hosts',
    takes: 'list',
    usage: '-g GROUPS',
    expected: 'a group',
    example: '-g web_clusters',
    synonyms: ['group', 'groups'],
    help: 'groups: web_clusters, db_servers',
  },
  {
    name: 'x',
    of: BOTH,
    tells: 'which hosts',
    takes: 'list',
    usage: '[-x EXPR]',
    expected: 'a host to leave out',
    example: '-x web07',
    synonyms: ['exclude'],
    help: 'leaves these out: web07, @standby',
  },
  {
    name: 'c',
    of: BOTH,
    tells: 'how',
    takes: 'word',
    usage: '[-c N]',
    expected: 'a number',
    example: '-c 10',
    synonyms: ['fanout', 'concurrency', 'f'],
    help: 'at most this many hosts at once',
    fields: [
      {
        kind: 'text',
        block: 'fanout',
        about: 'fan-out',
        label: 'Hosts at once',
        optional: true,
        placeholder: '64',
        maxChars: 10,
      },
    ],
  },
  {
    name: 't',
    of: BOTH,
    tells: 'how',
    takes: 'word',
    usage: '[-t DURATION]',
    expected: 'a duration',
    example: '-t 30s',
    synonyms: ['timeout', 'time'],
    help: 'time limit for each host: 30s, 5m, 1h',
    fields: [
      {
        kind: 'text',
        block: 'limit',
        about: 'time-limit',
        label: 'Time limit for each host',
        optional: true,
        placeholder: '30s, 5m, 1h',
        maxChars: 10,
      },
    ],
  },
  ...ROLLOUT_OPTIONS,
  {
    name: 'idle',
    of: ['run'],
    tells: 'how',
    takes: 'word',
    usage: '[-idle DURATION]',
    expected: 'a duration',
    example: '-idle 60s',
    synonyms: ['silence'],
    help: 'ends it on a host where it says nothing for so long: 60s',
  },
  {
    name: 'fold',
    of: ['run'],
    tells: 'how',
    takes: 'word',
    usage: '[-fold exact|similar]',
    expected: 'exact or similar',
    example: '-fold similar',
    synonyms: [],
    help: "similar counts results as one that differ in the host's own name only",
    fields: [RESULTS],
  },
  {
    name: 'diff',
    of: ['run'],
    tells: 'how',
    takes: 'nothing',
    usage: '[-diff]',
    expected: 'nothing',
    example: '-diff',
    synonyms: [],
    help: 'shows how the other results differ from the commonest one',
  },
  {
    name: 'follow',
    of: ['run'],
    tells: 'how',
    takes: 'nothing',
    usage: '[-follow]',
    expected: 'nothing',
    example: '-follow',
    synonyms: ['live', 'tail'],
    help: 'of one host: its reply shows what it says while it says it',
  },
  {
    name: 'n',
    of: BOTH,
    tells: 'how',
    takes: 'nothing',
    usage: '[-n]',
    expected: 'nothing',
    example: '-n',
    synonyms: ['preview', 'dry-run', 'dryrun'],
    help: 'preview: shows the hosts and whether you may, and does nothing',
  },
  ...COPY_FLAGS,
  ...RUN_OPTIONS,
  ...COPY_PLACES,
] as const satisfies readonly Option[];

export type KnownOption = (typeof OPTIONS)[number];
type Taking<T extends Option['takes']> = Extract<KnownOption, { readonly takes: T }>['name'];
export type ListName = Taking<'list'>;
export type WordName = Taking<'word' | 'path'>;
/** The fields of the form, by their blocks. */
export type FormField =
  | Extract<KnownOption, { readonly fields: unknown }>['fields'][number]['block']
  | (typeof CHANNEL)['block'];

/** The options of one command. */
export function optionsOf(command: 'run' | 'copy'): readonly KnownOption[] {
  return OPTIONS.filter(({ of }) => (of as readonly string[]).includes(command));
}

/** The fields of one command, or of a part of it. */
export function fieldsOf(command: 'run' | 'copy', part?: Part): readonly Field[] {
  return optionsOf(command)
    .filter(({ tells }) => part === undefined || tells === part)
    .flatMap((option): readonly Field[] => ('fields' in option ? option.fields : []));
}
