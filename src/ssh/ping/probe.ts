import type { SudoKind } from '../../run/ping/ping.ts';

/**
 * What an account is asked in `sh`. `sudo -n` never asks for a password, so none can be wrong and no failed login is
 * counted; `-l` runs nothing and sends no mail to anybody, and with `-k` neither uses nor renews a ticket (sudo(8)). Where a
 * password would be needed the host's log has a line that says so.
 */
export const PROBE = `printf 'batchops-shell %s\\n' "\${SHELL:-}"
if [ "$(id -u)" = 0 ]; then echo batchops-sudo root
elif command -v sudo >/dev/null 2>&1; then echo batchops-sudo asked; LC_ALL=C sudo -k -n -l 2>&1 </dev/null
else echo batchops-sudo absent; fi`;

/** Longer is no path of a shell. */
const MAX_SHELL_CHARS = 100;

export interface Probed {
  readonly shell: string;
  readonly sudo: SudoKind;
}

/** What came of it, in whatever the host says. */
export function readProbe(said: string): Probed {
  const lines = said.split('\n');
  const after = (word: string): string =>
    lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
  const shell = after('batchops-shell').trim().slice(0, MAX_SHELL_CHARS);
  switch (after('batchops-sudo').trim()) {
    case 'root':
      return { shell, sudo: 'free' };
    case 'absent':
      return { shell, sudo: 'absent' };
    case 'asked':
      return { shell, sudo: readSudo(lines) };
    default:
      return { shell, sudo: 'unknown' };
  }
}

/** The words of sudo in C: its list of what may be run, or its no. */
function readSudo(lines: readonly string[]): SudoKind {
  const has = (part: string): boolean => lines.some((line) => line.includes(part));
  if (has('password is required') || has('must have a tty')) return 'asks';
  if (has('may not run sudo') || has('not in the sudoers') || has('is not allowed to')) return 'barred';
  const rights = lines.filter((line) => line.trimStart().startsWith('('));
  if (rights.length === 0) return 'unknown';
  if (has('!authenticate')) return 'free';
  const isFree = rights.some((line) => isAllFree(line.split('NOPASSWD:')));
  if (isFree) return 'free';
  return has('NOPASSWD:') ? 'some' : 'asks';
}

/** Behind the last `NOPASSWD:` stand other tags, and ALL: no pattern, as a host may say it without an end. */
function isAllFree(parts: readonly string[]): boolean {
  const words = parts.at(-1)?.trim().split(' ') ?? [];
  return (
    parts.length > 1 &&
    words.at(-1) === 'ALL' &&
    words.slice(0, -1).every((word) => word.endsWith(':') && word !== 'PASSWD:')
  );
}
