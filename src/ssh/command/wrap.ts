import { randomBytes } from 'node:crypto';
import type { Host } from '../../inventory/inventory.ts';
import { MARK_NAME, type Wrapping } from './mark-filter.ts';

/** The variable by which the processes of a command are found again: its value is the command's own. */
export const RUN_VARIABLE = 'BATCHOPS_RUN';

/**
 * What is sent for a command. Undefined for a raw host: it gets what was typed and nothing else.
 *
 * - `auto`: only words in single quotes reach the login shell, and only `sh` reads our part. The account's own
 *   shell is started by it with the command as typed, so exit code, signal, `$0`, quoting and line numbers are
 *   what they would be without us. Start-up files that every shell reads are read twice.
 * - `posix`: the login shell reads our part itself, and goes on with the command. Any other shell stops at it.
 *
 * Either way the command begins only where our mark could be said, and after it.
 */
export function wrapCommand(command: string, shell: Host['shell']): Wrapping | undefined {
  if (shell === 'raw') return undefined;
  const id = randomBytes(9).toString('hex');
  if (shell === 'posix') {
    // To csh `$?HOME` is 1: it goes before it makes a file of `>&2`, and knows no other way to go than `exec`.
    // fish refuses a line with a `$?` as a whole.
    const prefix =
      `:;test $?HOME = 0HOME||exec false;export ${RUN_VARIABLE}=${id};` +
      `echo ${MARK_NAME}-"${id}"-e$$ >&2||exit 126;echo ${MARK_NAME}-"${id}"-e$$||exit 126;exec </dev/null; `;
    return { id, text: prefix + command, ours: prefix, theirs: '', isStartedTwice: false };
  }
  const word = encodeWord(command);
  const text = throughSh(word.includes('\\') ? RUN_CODED : RUN_PLAIN, id, word);
  return { id, text, ours: text, theirs: command, isStartedTwice: true };
}

/** A shell that is not there any more is no reason to run nothing: `sh` takes its place, as sshd does it. */
const CHOOSE_SHELL = '[ -x "$3" ]||set -- "$1" "$2" sh "$4";';
/** A shell that refused `exec` complained of it on stderr alone. */
const SAY_MARK = 'echo "$0-$1-$2$$">&2||exit 126;echo "$0-$1-e$$"||exit 126;exec </dev/null;';
/** With its name as `$0`, as sshd gives it, where a shell takes it so: the others would make an argument of it. */
const EXEC_SHELL =
  `case \${3##*/} in sh|bash|rbash|dash|ash|ksh*|rksh*|mksh|zsh|rzsh)exec "$3" -c "$4" "\${3##*/}";;` +
  '*)exec "$3" -c "$4";;esac';
/** As the first shell found it: ash counts itself and does not take that back, nor does a shell that stays. */
const RESTORE_LEVEL = `case \${3##*/}$2 in ashe|*r)unset SHLVL;;esac;`;
const EXPORT_RUN = `export ${RUN_VARIABLE}="$1";`;

/** Only `$1` and the like are set: a variable of ours could be one that the account exports. */
const RUN_PLAIN = `set -- "$1" "$2" "\${SHELL:-sh}" "$3";${CHOOSE_SHELL}${EXPORT_RUN}${RESTORE_LEVEL}${SAY_MARK}${EXEC_SHELL}`;
/** `$( )` would take newlines from the end; the `_` keeps them. */
const RUN_CODED =
  `set -- "$1" "$2" "\${SHELL:-sh}" "$(printf %b_ "$3")";set -- "$1" "$2" "$3" "\${4%_}";` +
  `${CHOOSE_SHELL}${EXPORT_RUN}${RESTORE_LEVEL}${SAY_MARK}${EXEC_SHELL}`;

/** Longer than this, a line is one argument too long for Linux (128 KiB), and is not sent in two versions. */
const MAX_LINE_BYTES = 128 * 1024 - 1;

/**
 * A line for any login shell that has `sh` read the script, with `$0` the mark's name, `$1` the id, `$2` how it
 * was started (`e`, `r`), and the words after that. It takes the login shell's place; a restricted shell refuses
 * `exec` with a line of its own, and goes on with what follows.
 */
export function throughSh(script: string, id: string, ...words: readonly string[]): string {
  const start = (how: 'e' | 'r') => `sh -c '${script}' ${[MARK_NAME, id, how, ...words].join(' ')}`;
  const both = `exec ${start('e')};${start('r')}`;
  return both.length <= MAX_LINE_BYTES ? both : `exec ${start('e')}`;
}

/**
 * Text → one word that every shell reads alike: in single quotes, without what is something else there to one of
 * them (`'`, `!` and newlines to csh, `\\` and `\'` to fish, bytes that are no ASCII to some locale). Those stand as
 * octal escapes for `printf %b`, of which the word then has at least one.
 */
export function encodeWord(text: string): string {
  const plain = /^[ -&(-[\]-~]*$/.test(text) && !text.includes('!');
  if (plain) return `'${text}'`;
  let word = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte < 0x7f && !"'!\\".includes(String.fromCharCode(byte));
    word += isPlain ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`;
  }
  return `'${word}'`;
}
