import { randomBytes } from 'node:crypto';
import type { Host } from '../../inventory/inventory.ts';
import { MARK_NAME, type Wrapping } from './mark-filter.ts';
import { receive, throughSh } from './wrapping/line.ts';
import { innerStart, type SudoLogin, sudoLine } from './wrapping/sudo.ts';
import { RUN_VARIABLE, watchScript } from './wrapping/watch.ts';

/** What is done for a command besides starting it. */
export interface WrapOptions {
  /** After so long the host ends it by itself. */
  readonly hostLimitMs: number;
  readonly sudo?: SudoLogin;
}

/**
 * What is sent for a command. Undefined for a raw host: it gets what was typed and nothing else.
 *
 * - `auto`: only words in single quotes reach the login shell, and only `sh` reads our part. The account's own
 *   shell is started by it with the command as typed, so exit code, signal, `$0`, quoting and line numbers are
 *   what they would be without us. Start-up files that every shell reads are read twice.
 * - `posix`: the login shell reads our part itself, and goes on with the command. Any other shell stops at it.
 *
 * Through sudo both are sent alike: the account's own shell is started as the other user. Either way the command begins
 * only where our mark could be said, and after it.
 */
export function wrapCommand(
  command: string,
  shell: Host['shell'],
  options: WrapOptions,
): Wrapping | undefined {
  if (shell === 'raw') return undefined;
  const id = randomBytes(9).toString('hex');
  const watch = watchScript(id, options.hostLimitMs, '$$');
  if (options.sudo !== undefined) {
    const inner = `${innerStart(watch, INNER_WORDS)}${SAY_INNER_MARK}${EXEC_SHELL}`;
    const text = sudoLine(id, options.sudo, inner, command);
    return { id, text, ours: text, theirs: command, isStartedTwice: false };
  }
  if (shell === 'posix') {
    // To csh `$?HOME` is 1: it goes before it makes a file of `>&2`, and knows no other way to go than `exec`.
    // fish refuses a line with a `$?` as a whole.
    const prefix =
      `:;test $?HOME = 0HOME||exec false;sh -c '${watchScript(id, options.hostLimitMs, '$1')}' ${MARK_NAME} $$;export ${RUN_VARIABLE}=${id};` +
      `echo ${MARK_NAME}-"${id}"-e$$ >&2||exit 126;echo ${MARK_NAME}-"${id}"-e$$||exit 126;exec </dev/null; `;
    return { id, text: prefix + command, ours: prefix, theirs: '', isStartedTwice: false };
  }
  const { sent, script } = receive([command]);
  const text = throughSh(
    `${script}${watch}${EXPORT_RUN}${RESTORE_LEVEL}${SAY_MARK}${EXEC_SHELL}`,
    id,
    ...sent,
  );
  return { id, text, ours: text, theirs: command, isStartedTwice: true };
}

/** Id, how it was started, shell, command, user, the script itself. */
const INNER_WORDS = 6;

/** A shell that refused `exec` complained of it on stderr alone. */
const SAY_MARK = 'echo "$0-$1-$2$$">&2||exit 126;echo "$0-$1-e$$"||exit 126;exec </dev/null;';
/** In a terminal both streams are one. */
const SAY_INNER_MARK = '[ -t 2 ]||echo "$0-$1-e$$">&2||exit 126;echo "$0-$1-e$$"||exit 126;exec </dev/null;';
/** With its name as `$0`, as sshd gives it, where a shell takes it so: the others would make an argument of it. */
const EXEC_SHELL =
  `case \${3##*/} in sh|bash|rbash|dash|ash|ksh*|rksh*|mksh|zsh|rzsh)exec "$3" -c "$4" "\${3##*/}";;` +
  '*)exec "$3" -c "$4";;esac';
/** As the first shell found it: ash counts itself and does not take that back, nor does a shell that stays. */
const RESTORE_LEVEL = `case \${3##*/}$2 in ashe|*r)unset SHLVL;;esac;`;
const EXPORT_RUN = `export ${RUN_VARIABLE}="$1";`;
