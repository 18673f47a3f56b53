import { type CHANNEL, COPY_OPTIONS, DIRECTION, type Field, RESULTS } from './fields.ts';
import { ROLLOUT_OPTIONS } from './rollout/options.ts';

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
  {
    name: 'r',
    of: ['copy'],
    tells: 'how',
    takes: 'nothing',
    usage: '[-r]',
    expected: 'nothing',
    example: '-r',
    synonyms: ['recursive', 'R'],
    help: 'a folder, with all that is in it; what is the same already is not sent again',
    fields: [COPY_OPTIONS],
  },
  {
    name: 'p',
    of: ['copy'],
    tells: 'how',
    takes: 'nothing',
    usage: '[-p]',
    expected: 'nothing',
    example: '-p',
    synonyms: ['preserve'],
    help: "keeps the source's mode and time, also over an older file",
  },
  {
    name: 'mkdir',
    of: ['copy'],
    tells: 'how',
    takes: 'nothing',
    usage: '[-mkdir]',
    expected: 'nothing',
    example: '-mkdir',
    synonyms: ['mkdirs', 'parents'],
    help: 'of a put: makes the folders that are missing on the way',
  },
  {
    name: 'backup',
    of: ['copy'],
    tells: 'how',
    takes: 'nothing',
    usage: '[-backup]',
    expected: 'nothing',
    example: '-backup',
    synonyms: [],
    help: 'of a put: keeps what it replaces, as NAME.r-7k3f~ (the id of the run)',
  },
  {
    name: 'resume',
    of: ['copy'],
    tells: 'how',
    takes: 'nothing',
    usage: '[-resume]',
    expected: 'nothing',
    example: '-resume',
    synonyms: ['continue'],
    help: 'of a put: goes on with what a broken one left on the host, where that is the same so far',
  },
  {
    name: 'sudo',
    of: ['run'],
    tells: 'how',
    takes: 'user',
    usage: '[-sudo [USER]]',
    expected: 'a user',
    example: '-sudo postgres',
    synonyms: ['become', 'root'],
    help: 'runs it as USER through sudo on the host; root where no user is named',
    fields: [
      {
        kind: 'text',
        block: 'sudo',
        about: 'sudo',
        label: 'As another user, through sudo',
        optional: true,
        placeholder: 'root',
        maxChars: 64,
      },
    ],
  },
  {
    name: 'env',
    of: ['run'],
    tells: 'how',
    takes: 'variable',
    usage: '[-env K=V]',
    expected: 'a variable',
    example: '-env STAGE=test',
    synonyms: ['setenv'],
    help: 'a variable of its environment; as many as there are: -env A=1 -env "B=two words"',
    fields: [
      {
        kind: 'text',
        block: 'env',
        about: 'env',
        label: 'Variables of its environment',
        hint: 'One a line, without quotes',
        optional: true,
        placeholder: 'STAGE=test',
        maxChars: 2_000,
        multiline: true,
      },
    ],
  },
  {
    name: 'stdin',
    of: ['run'],
    tells: 'how',
    takes: 'path',
    usage: '[-stdin FILE]',
    expected: 'a file',
    example: '-stdin dump.sql',
    synonyms: ['input'],
    help: 'a file of the transfer folder that the command reads',
    fields: [
      {
        kind: 'text',
        block: 'stdin',
        about: 'stdin',
        label: 'File that it reads',
        hint: 'A file of the transfer folder, or slack:NAME',
        optional: true,
        placeholder: 'dump.sql',
        maxChars: 1_000,
      },
    ],
  },
  {
    name: 'script',
    of: ['run'],
    tells: 'what',
    takes: 'path',
    usage: '-script FILE [-- ARGS]',
    expected: 'a file',
    example: '-script deploy.sh -- web 3',
    synonyms: [],
    help: 'in place of -cmd: a script of the transfer folder, or slack:NAME; behind -- its arguments',
    fields: [
      {
        kind: 'text',
        block: 'script',
        about: 'script',
        label: 'Or a script',
        hint: 'A file of the transfer folder, or slack:NAME; behind -- its arguments',
        optional: true,
        placeholder: 'deploy.sh -- web 3',
        maxChars: 2_000,
      },
    ],
  },
  {
    name: 'cmd',
    of: ['run'],
    tells: 'what',
    takes: 'command',
    usage: '-cmd "COMMAND"',
    expected: 'a command',
    example: '-cmd "df -h"',
    synonyms: ['command'],
    help: 'the command, in quotes; or without, as the last option: all that follows is the command',
    fields: [
      {
        kind: 'text',
        block: 'command',
        about: 'command',
        label: 'Command',
        hint: 'What reaches the remote shell is exactly this',
        optional: true,
        placeholder: 'df -h',
        maxChars: 3_000,
        multiline: true,
      },
    ],
  },
  {
    name: 'action',
    of: ['copy'],
    tells: 'what',
    takes: 'action',
    usage: '-action put|get',
    expected: 'put or get',
    example: '-action put',
    synonyms: [],
    help: 'put sends -local to every host, get fetches -remote from every host',
    fields: [DIRECTION],
  },
  {
    name: 'local',
    of: ['copy'],
    tells: 'what',
    takes: 'path',
    usage: '-local L',
    expected: 'a file',
    example: '-local test.py',
    synonyms: [],
    help: 'a file of the transfer folder; for get the name to keep it under',
    fields: [
      {
        kind: 'text',
        block: 'local',
        about: 'local',
        label: 'File here',
        hint: 'A file of the transfer folder; for get the name to keep it under',
        placeholder: 'test.py',
        maxChars: 1_000,
      },
    ],
  },
  {
    name: 'remote',
    of: ['copy'],
    tells: 'what',
    takes: 'path',
    usage: '-remote R',
    expected: 'a path',
    example: '-remote /tmp/',
    synonyms: [],
    help: 'a path on the hosts; ending in / it is a folder',
    fields: [
      {
        kind: 'text',
        block: 'remote',
        about: 'remote',
        label: 'Path on the hosts',
        hint: 'Ending in / it is a folder',
        placeholder: '/tmp/',
        maxChars: 1_000,
      },
    ],
  },
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
