import type { Subject } from '../errors.ts';

/** How an option stands on the form: the words around its field, and what can be filled in. */
export type Field<Block extends string = string> = FieldWords<Block> &
  (
    | { readonly kind: 'search'; readonly placeholder: string; readonly maxItems: number }
    | {
        readonly kind: 'text';
        readonly placeholder: string;
        readonly maxChars: number;
        readonly multiline?: true;
      }
    /** The first choice is made already where one has to be. */
    | { readonly kind: 'choice'; readonly choices: readonly Choice[] }
  );

export interface FieldWords<Block extends string = string> {
  readonly block: Block;
  /** Which part of a request, where a refusal can be about it. */
  readonly about?: Subject;
  readonly label: string;
  readonly hint?: string;
  readonly optional?: true;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
  /** What a command says for it. */
  readonly typed: string;
}

/** Stands for `-fold`, `-diff` and `-follow`: on the form they exclude each other. */
export const RESULTS = {
  kind: 'choice',
  block: 'results',
  label: 'Results',
  optional: true,
  choices: [
    { value: 'equal', label: 'Equal ones together', typed: '' },
    { value: 'similar', label: "Also those that differ in the host's name only", typed: '-fold similar' },
    { value: 'diff', label: 'As differences from the usual one', typed: '-diff' },
    { value: 'follow', label: 'Of one host: live, while it speaks', typed: '-follow' },
  ],
} as const satisfies Field;

export const DIRECTION = {
  kind: 'choice',
  block: 'action',
  about: 'action',
  label: 'Direction',
  choices: [
    { value: 'put', label: 'put: send a file to the hosts', typed: '-action put' },
    { value: 'get', label: 'get: fetch a file from the hosts', typed: '-action get' },
  ],
} as const satisfies Field;

/** Stands for the options of a copy that are there or not. */
export const COPY_OPTIONS = {
  kind: 'text',
  block: 'copy-options',
  label: 'Options of the copy',
  hint: '-r folders, -p keeps mode and time, -mkdir makes missing folders, -backup keeps what is replaced, -resume goes on',
  optional: true,
  placeholder: '-r -p',
  maxChars: 100,
} as const satisfies Field;

/** Of the form only: a command is asked for in the channel where it is typed. */
export const CHANNEL = {
  block: 'channel',
  about: 'channel',
  label: 'Channel for the results',
  hint: 'What you may do depends on it, and the bot has to be in it',
} as const satisfies FieldWords;
