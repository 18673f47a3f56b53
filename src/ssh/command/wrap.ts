import { randomBytes } from 'node:crypto';
import type { Host } from '../../inventory/inventory.ts';
import type { EnvironmentVariable } from '../../run/plan.ts';
import { MARK_NAME, type Wrapping } from './mark-filter.ts';
import { place, receive, throughSh } from './wrapping/line.ts';
import { execScript, receiveScript, removeScript, type ScriptStart } from './wrapping/script.ts';
import { innerStart, SUDO_WORDS, type SudoLogin, sudoLine } from './wrapping/sudo.ts';
import { RUN_VARIABLE, watchScript } from './wrapping/watch.ts';

/** What is done for a command besides starting it. */
export interface WrapOptions {
  /** After so long the host ends it by itself. */
  readonly hostLimitMs: number;
  readonly sudo?: SudoLogin;
  readonly env?: readonly EnvironmentVariable[];
  /** In place of the command. */
  readonly script?: ScriptStart;
  /** What comes on the channel is the command's to read. */
  readonly hasStdin?: boolean;
}

/**
 * What is sent for a command. Undefined for a raw host: it gets what was typed and nothing else.
 *
 * - `auto`: only words in single quotes reach the login shell, and only `sh` reads our part. The account's own
 *   shell is started by it with the command as typed, so exit code, signal, `$0`, quoting and line numbers are
 *   what they would be without us. Start-up files that every shell reads are read twice.
 * - `posix`: the login shell reads our part itself, and goes on with the command. Any other shell stops at it.
 *
 * Through sudo, with variables or for a script both are sent alike: the account's own shell, as the other user, or what
 * reads the script is started by `sh`. Either way the command begins only where our mark could be said, and after it.
 */
export function wrapCommand(
  command: string,
  shell: Host['shell'],
  options: WrapOptions,
): Wrapping | undefined {
  if (shell === 'raw') return undefined;
  const { hostLimitMs, sudo, env = [], script, hasStdin = false } = options;
  const id = randomBytes(9).toString('hex');
  const noInput = hasStdin ? '' : NO_INPUT;
  if (shell === 'posix' && sudo === undefined && env.length === 0 && script === undefined) {
    // To csh `$?HOME` is 1: it goes before it makes a file of `>&2`, and knows no other way to go than `exec`.
    // fish refuses a line with a `$?` as a whole.
    const prefix =
      `:;test $?HOME = 0HOME||exec false;sh -c '${watchScript(id, hostLimitMs, '$1')}' ${MARK_NAME} $$;export ${RUN_VARIABLE}=${id};` +
      `echo ${MARK_NAME}-"${id}"-e$$ >&2||exit 126;echo ${MARK_NAME}-"${id}"-e$$||exit 126;${noInput} `;
    return { id, text: prefix + command, ours: prefix, theirs: '', isStartedTwice: false };
  }
  const watch = watchScript(id, hostLimitMs, '$$', script && removeScript(id));
  const more = [...env.map(([, value]) => value), ...(script?.interpreter ?? []), ...(script?.args ?? [])];
  const from = sudo === undefined ? PLAIN_WORDS : SUDO_WORDS.more;
  const places = more.map((_, i) => `"${place(from + i)}"`);
  const exported = env.map(([name], i) => `export ${name}=${places[i]};`).join('');
  const own = places.slice(env.length);
  const interpreters = script?.interpreter.length ?? 0;
  const received = script ? receiveScript(id, script.bytes, own[0] ?? '') : '';
  const started = script ? execScript(id, own.slice(0, interpreters), own.slice(interpreters)) : EXEC_SHELL;
  const theirs = script ? 'the script' : command;
  if (sudo !== undefined) {
    const start = innerStart(watch, from - 1 + more.length, env);
    const inner = `${exported}${start}${received}${SAY_INNER_MARK}${noInput}${started}`;
    const text = sudoLine(id, sudo, inner, command, ...more);
    return { id, text, ours: text, theirs, isStartedTwice: false };
  }
  const { sent, script: beginning } = receive([command, ...more]);
  const text = throughSh(
    `${beginning}${exported}${watch}${received}${EXPORT_RUN}${RESTORE_LEVEL}${SAY_MARK}${noInput}${started}`,
    id,
    ...sent,
  );
  return { id, text, ours: text, theirs, isStartedTwice: script === undefined };
}

/** Where what comes after id, how it was started, shell and command stands. */
const PLAIN_WORDS = 5;
const NO_INPUT = 'exec </dev/null;';

/** A shell that refused `exec` complained of it on stderr alone. */
const SAY_MARK = 'echo "$0-$1-$2$$">&2||exit 126;echo "$0-$1-e$$"||exit 126;';
/** In a terminal both streams are one. */
const SAY_INNER_MARK = '[ -t 2 ]||echo "$0-$1-e$$">&2||exit 126;echo "$0-$1-e$$"||exit 126;';
/** With its name as `$0`, as sshd gives it, where a shell takes it so: the others would make an argument of it. */
const EXEC_SHELL =
  `case \${3##*/} in sh|bash|rbash|dash|ash|ksh*|rksh*|mksh|zsh|rzsh)exec "$3" -c "$4" "\${3##*/}";;` +
  '*)exec "$3" -c "$4";;esac';
/** As the first shell found it: ash counts itself and does not take that back, nor does a shell that stays. */
const RESTORE_LEVEL = `case \${3##*/}$2 in ashe|*r)unset SHLVL;;esac;`;
const EXPORT_RUN = `export ${RUN_VARIABLE}="$1";`;
