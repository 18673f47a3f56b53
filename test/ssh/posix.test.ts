import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LeaderFilter, wrapCommand } from '../../src/ssh/command/posix.ts';
import { quoteWord } from '../../src/ssh/copy/remote-digest.ts';

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: string | null;
}

/** As sshd does it: the login shell under its own name, with `-c` and the text as one word. */
function runShell(shell: string, text: string, filter?: LeaderFilter): Promise<Ran & { leader?: number }> {
  return new Promise((resolve, reject) => {
    const name = shell.split('/').at(-1) ?? shell;
    const child = spawn(shell, ['-c', text], {
      argv0: name,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(filter ? filter.push(chunk) : chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (filter) err.push(filter.end());
      resolve({
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        code,
        signal,
        ...(filter?.leader === undefined ? {} : { leader: filter.leader }),
      });
    });
  });
}

const SHELLS = ['/bin/sh', '/bin/bash', '/bin/dash', '/bin/ksh', '/bin/zsh'].filter((shell) =>
  existsSync(shell),
);

describe.each(SHELLS)('a command wrapped for %s', (shell) => {
  test.each([
    'echo out; echo err >&2; exit 3',
    'echo "$0" "$#" "$*"',
    'echo $LINENO; no-such-command',
    `echo 'a"b' "c'd" \\$HOME $(echo sub) \`echo tick\` ; printf '%s\\n' 'x  y'`,
    'cat; echo "read: $?"',
    'echo )',
    'if true; then',
    'for i in 1 2 3; do\n  echo $i\ndone\nfalse',
    'cat <<EOF\nhere $((1+1))\nEOF',
    '# nothing but a comment',
    'kill -9 $$',
    '; echo x',
    '| cat',
    '&& echo x',
    'set -e; false; echo not here',
    'set -u; echo "$UNSET_VARIABLE"',
    'echo $?',
    'exec echo replaced',
    'trap "echo bye" EXIT; echo hi',
    'printf "no newline"',
    'echo $PPID | tr -d 0-9; echo -n; echo "\\\\ * ? ~" "*"',
    '(exit 4); echo $?; exit 5',
    'sleep 0 & wait; echo done',
  ])('sees what it would see without us: %s', async (command) => {
    const wrapped = wrapCommand(command);
    const { leader, ...ran } = await runShell(shell, wrapped.text, wrapped.filter);
    expect(ran).toEqual(await runShell(shell, command));
    if (ran.code !== 2 && !/yntax|parse error/.test(ran.stderr)) expect(leader).toBeGreaterThan(1);
  });

  test('any word that we quote arrives as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (word) => {
        fc.pre(!word.includes('\0') && word.isWellFormed());
        expect((await runShell(shell, `printf %s ${quoteWord(word)}`)).stdout).toBe(word);
      }),
      { numRuns: 30 },
    );
  });
});

describe('the line with the process number', () => {
  const line = 'mark-4711\n';
  const filtered = (text: string, cuts: readonly number[]) => {
    const filter = new LeaderFilter('mark-', 'PREFIX;');
    const bytes = Buffer.from(text);
    const parts: Buffer[] = [];
    let from = 0;
    for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
      parts.push(filter.push(bytes.subarray(from, cut)));
      from = Math.max(from, cut);
    }
    parts.push(filter.end());
    return { text: Buffer.concat(parts).toString(), leader: filter.leader };
  };

  test('is taken out wherever it stands and however it is cut', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.nat(60)), (before, after, cuts) => {
        expect(filtered(`${before}${line}${after}`, cuts)).toEqual({ text: before + after, leader: 4711 });
      }),
    );
  });

  test('is not waited for for ever, and nothing is lost where it never comes', () => {
    const text = 'x'.repeat(100_000);
    expect(filtered(text, [70_000])).toEqual({ text, leader: undefined });
    expect(filtered('sh: 1: Syntax error\n', [])).toEqual({
      text: 'sh: 1: Syntax error\n',
      leader: undefined,
    });
  });
});
