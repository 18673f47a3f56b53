/**
 * Every option of `/batch_run` and `/batch_scp`, once. The grammar, the lines of use, the help, what a refusal
 * suggests, and the words on the form are all made from this table.
 */
export interface Option {
  readonly name: string;
  /** Which commands have it. */
  readonly of: readonly ('run' | 'copy')[];
  readonly takes: 'list' | 'word' | 'nothing' | 'command' | 'action';
  /** As the line of use shows it. */
  readonly usage: string;
  /** What is missing where it has no value. */
  readonly expected: string;
  readonly example: string;
  /** What people who come from other tools write for it. */
  readonly synonyms: readonly string[];
  readonly help: string;
  /** As it stands on the form: its field, and the words around it. */
  readonly field?: FieldWords;
}

export interface FieldWords {
  readonly block: string;
  readonly label: string;
  readonly hint?: string;
  readonly placeholder: string;
}

const BOTH = ['run', 'copy'] as const;

/** In the order of the line of use. */
export const OPTIONS = [
  {
    name: 'h',
    of: BOTH,
    takes: 'list',
    usage: '-h HOSTS',
    expected: 'a host',
    example: '-h web01,web02',
    synonyms: ['host', 'hosts', 'w'],
    help: 'names, ranges, globs: web01, web[01-20], web*, all, @group, !web07',
    field: {
      block: 'terms',
      label: 'Or an expression',
      hint: 'Ranges, globs, groups; ! takes out',
      placeholder: 'web[01-20],@db,!db01',
    },
  },
  {
    name: 'g',
    of: BOTH,
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
    takes: 'word',
    usage: '[-c N]',
    expected: 'a number',
    example: '-c 10',
    synonyms: ['fanout', 'concurrency', 'f'],
    help: 'at most this many hosts at once',
    field: { block: 'fanout', label: 'Hosts at once', placeholder: '64' },
  },
  {
    name: 't',
    of: BOTH,
    takes: 'word',
    usage: '[-t DURATION]',
    expected: 'a duration',
    example: '-t 30s',
    synonyms: ['timeout', 'time'],
    help: 'time limit for each host: 30s, 5m, 1h',
    field: { block: 'limit', label: 'Time limit for each host', placeholder: '30s, 5m, 1h' },
  },
  {
    name: 'fold',
    of: ['run'],
    takes: 'word',
    usage: '[-fold exact|similar]',
    expected: 'exact or similar',
    example: '-fold similar',
    synonyms: [],
    help: "similar counts results as one that differ in the host's own name only",
  },
  {
    name: 'diff',
    of: ['run'],
    takes: 'nothing',
    usage: '[-diff]',
    expected: 'nothing',
    example: '-diff',
    synonyms: [],
    help: 'shows how the other results differ from the commonest one',
  },
  {
    name: 'n',
    of: BOTH,
    takes: 'nothing',
    usage: '[-n]',
    expected: 'nothing',
    example: '-n',
    synonyms: ['preview', 'dry-run', 'dryrun'],
    help: 'preview: shows the hosts and whether you may, and does nothing',
  },
  {
    name: 'cmd',
    of: ['run'],
    takes: 'command',
    usage: '-cmd "COMMAND"',
    expected: 'a command',
    example: '-cmd "df -h"',
    synonyms: ['command'],
    help: 'the command, in quotes; or without, as the last option: all that follows is the command',
    field: {
      block: 'command',
      label: 'Command',
      hint: 'What reaches the remote shell is exactly this',
      placeholder: 'df -h',
    },
  },
  {
    name: 'action',
    of: ['copy'],
    takes: 'action',
    usage: '-action put|get',
    expected: 'put or get',
    example: '-action put',
    synonyms: [],
    help: 'put sends -local to every host, get fetches -remote from every host',
  },
  {
    name: 'local',
    of: ['copy'],
    takes: 'word',
    usage: '-local L',
    expected: 'a file',
    example: '-local test.py',
    synonyms: [],
    help: 'a file of the transfer folder; for get the name to keep it under',
    field: {
      block: 'local',
      label: 'File here',
      hint: 'A file of the transfer folder; for get the name to keep it under',
      placeholder: 'test.py',
    },
  },
  {
    name: 'remote',
    of: ['copy'],
    takes: 'word',
    usage: '-remote R',
    expected: 'a path',
    example: '-remote /tmp/',
    synonyms: [],
    help: 'a path on the hosts; ending in / it is a folder',
    field: {
      block: 'remote',
      label: 'Path on the hosts',
      hint: 'Ending in / it is a folder',
      placeholder: '/tmp/',
    },
  },
] as const satisfies readonly Option[];

export type OptionName = (typeof OPTIONS)[number]['name'];
type Taking<T extends Option['takes']> = Extract<(typeof OPTIONS)[number], { readonly takes: T }>['name'];
export type ListName = Taking<'list'>;
export type WordName = Taking<'word'>;

/** The options of one command. */
export function optionsOf(command: 'run' | 'copy'): readonly (typeof OPTIONS)[number][] {
  return OPTIONS.filter(({ of }) => (of as readonly string[]).includes(command));
}

/** The words of an option's field on the form. */
export function fieldWords(block: FieldWords['block']): FieldWords {
  const found = OPTIONS.find((option) => 'field' in option && option.field.block === block);
  if (found === undefined || !('field' in found)) throw new Error(`no option has the field ${block}`);
  return found.field;
}
