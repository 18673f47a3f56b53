import type { EnvironmentVariable } from '../../../run/plan.ts';
import { MARK_NAME } from '../mark-filter.ts';
import { place, receive, throughSh } from './line.ts';
import { RUN_VARIABLE } from './watch.ts';

/** As whom a command is run through sudo, and what that is asked with. */
export interface SudoLogin {
  readonly user: string;
  readonly password: string | undefined;
}

/** Sudo's question for the password, as we have it ask: nobody else's words, and no other command's. */
export function promptOf(id: string): string {
  return `${MARK_NAME}-${id}-p:`;
}

/** From here on up to the command's mark, sudo speaks. In a terminal both streams are one. */
const SAY_CALL = '[ -t 2 ]||echo "$0-$1-s$2">&2||exit 126;echo "$0-$1-se"||exit 126;';
const FIND_SUDO =
  'command -v sudo >/dev/null 2>&1||{ echo "sudo: it is not installed on this host">&2;exit 127;};';
/** Sudo's words are read by us. The command gets back what was there before. */
const SPEAK_ENGLISH = 'LC_ALL=C;export LC_ALL;';

/**
 * `-k`: asked the same each time, whatever somebody did before, and nothing is left for who comes after. With a
 * password, it is read from stdin (`-S`), a line, one byte at a time; without one sudo is not to ask (`-n`).
 */
function sudoCall(login: SudoLogin, userAt: number): string {
  const how = login.password === undefined ? '-n' : '-S';
  return `exec sudo -k ${how} -p "$0-$1-p:" -u "$${userAt}" -- `;
}

/** Where the inner script finds its words; what follows them is the command's environment. */
export const SUDO_WORDS = { command: 4, user: 5, self: 6, more: 7 } as const;

/**
 * A line that has sudo start `sh` with the inner script, which gets all words of the outer one (the command in `$4`,
 * the account's own shell in `$3`) and `LC_ALL` as it was (`=value`, empty where it was not set) as the last.
 */
export function sudoLine(
  id: string,
  login: SudoLogin,
  inner: string,
  command: string,
  ...more: readonly string[]
): string {
  const { sent, script } = receive([command, login.user, inner, ...more]);
  const outer =
    `${script}${SAY_CALL}${FIND_SUDO}set -- "$@" "\${LC_ALL+=$LC_ALL}";${SPEAK_ENGLISH}` +
    `${sudoCall(login, SUDO_WORDS.user)}sh -c "$${SUDO_WORDS.self}" "$0" "$@"`;
  return throughSh(outer, id, ...sent);
}

/**
 * The inner script's beginning. It starts itself anew with the mark in its environment, by which its processes are
 * found from the first moment on; `watch` goes before that. `words`: how many there are, less `LC_ALL`. `env`: what was
 * set before; a language that was asked for is kept.
 */
export function innerStart(watch: string, words: number, env: readonly EnvironmentVariable[]): string {
  const language = place(words + 1);
  const restored = `[ "\${LC_ALL-}" = C ]&&case "${language}" in =*)LC_ALL="${language}";LC_ALL=\${LC_ALL#=};;*)unset LC_ALL;;esac;`;
  return (
    `[ "\${${RUN_VARIABLE}-}" = "$1" ]||{ ${watch}${RUN_VARIABLE}="$1";export ${RUN_VARIABLE};` +
    `exec sh -c "$${SUDO_WORDS.self}" "$0" "$@";};` +
    (env.some(([name]) => name === 'LC_ALL') ? '' : restored)
  );
}

/** The same for a script that says nothing of its own before sudo, as the one that stops. Its words are plain. */
export function plainSudoLine(
  id: string,
  login: SudoLogin,
  script: string,
  words: readonly string[],
): string {
  const userAt = words.length + 3;
  const passed = words.map((_, i) => `"$${i + 3}"`).join(' ');
  const outer = `${SPEAK_ENGLISH}${sudoCall(login, userAt)}sh -c "$${userAt + 1}" "$0" "$1" "$2" ${passed}`;
  return throughSh(outer, id, ...words, `'${login.user}'`, `'${script}'`);
}
