import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MarkFilter } from '../../src/ssh/command/mark-filter.ts';
import { wrapCommand } from '../../src/ssh/command/wrap.ts';
import { encodeWord, throughSh } from '../../src/ssh/command/wrapping/line.ts';
import { hasShell, openShell, type Ran, SHELL_NAMES, type ShellName, type ShellRig } from '../rigs/shells.ts';

/** What people see of a wrapped command. */
async function runWrapped(
  rig: ShellRig,
  command: string,
  how: 'auto' | 'posix',
): Promise<Ran & { leader?: number }> {
  const wrapping = wrapCommand(command, how, { hostLimitMs: 60_000 });
  if (wrapping === undefined) throw new Error('It is not wrapped');
  const ran = await rig.run(wrapping.text);
  const [out, err] = [new MarkFilter(wrapping), new MarkFilter(wrapping)];
  const filter = (by: MarkFilter, text: string) =>
    Buffer.concat([by.push(Buffer.from(text, 'latin1')), by.end()]).toString('latin1');
  const seen = { ...ran, stdout: filter(out, ran.stdout), stderr: filter(err, ran.stderr) };
  const leader = err.leader ?? out.leader;
  return leader === undefined ? seen : { ...seen, leader };
}

const ANY_SHELL = [
  'exit 3',
  'true',
  'false',
  'no-such-command',
  'echo out; no-such-command; exit 4',
  'echo "a  b" \'c d\' | tr a-z A-Z',
  'echo $HOME',
  'cat',
  'echo )',
  'env | sort | grep -v "^_=" | grep -v -e BATCHOPS_RUN= -e _AST_FEATURES=',
  'sh -c "kill -9 \\$PPID"; sleep 5',
  'printf "no newline"',
  'echo one\necho two\nno-such-command\nexit 5',
  "echo 'äöü 报 !'; echo \\!",
  'sh -c "exit 7"; echo done',
  'exec sh -c "kill -TERM \\$\\$"',
];

const POSIX_SHELLS: readonly ShellName[] = ['sh', 'bash', 'dash', 'ksh', 'zsh', 'rbash'];
const POSIX = [
  'echo out; echo err >&2; exit 3',
  'echo "$0" "$#" "$*"',
  'echo $LINENO; no-such-command',
  `echo 'a"b' "c'd" \\$HOME $(echo sub) \`echo tick\` ; printf '%s\\n' 'x  y'`,
  'cat; echo "read: $?"',
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
  'echo $PPID | tr -d 0-9; echo -n; echo "\\\\ * ? ~" "*"',
  '(exit 4); echo $?; exit 5',
  'sleep 0 & wait; echo done',
];

/** Two names are not to be had: csh has its path as `$0`, and ash says it more fully where it is told it. */
function plain(name: ShellName, ran: Ran): Ran {
  return name === 'ash' ? { ...ran, stderr: ran.stderr.replaceAll(/^ash: (line \d+: )?/gm, 'ash: ') } : ran;
}

describe.each(SHELL_NAMES)('a command through the login shell %s', (name) => {
  let rig: ShellRig;
  beforeAll(async () => {
    rig = await openShell(name);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  test.skipIf(!hasShell(name)).each([...ANY_SHELL, ...(POSIX_SHELLS.includes(name) ? POSIX : [])])(
    'ends, says and is what it would be without us: %s',
    async (command) => {
      const { leader, ...ran } = await runWrapped(rig, command, 'auto');
      expect(plain(name, ran)).toEqual(plain(name, await rig.run(command)));
      expect(leader).toBeGreaterThan(1);
    },
  );

  test.skipIf(!hasShell(name))('leaves no file in the home', async () => {
    expect((await readdir(rig.home)).filter((file) => !file.startsWith('.'))).toEqual([]);
  });

  test.skipIf(!hasShell(name))('arrives to the byte, whatever text it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.constantFrom('', "\n'!\\\n", '!', '\\'),
        async (text, more) => {
          const word = text + more;
          fc.pre(!word.includes('\0') && word.isWellFormed());
          const line = throughSh('printf %s "$(printf %b_ "$3")" "$3"', 'id', encodeWord(word));
          const { stdout } = await rig.run(line);
          const bytes = Buffer.from(word).toString('latin1');
          expect(stdout.slice(0, bytes.length + 1)).toBe(`${bytes}_`);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.skipIf(!hasShell(name))('reaches that shell as one word, though it is 12,000 letters', async () => {
    const command = `echo ${"'äb !' ".repeat(12_000 / 7)}`;
    expect((await runWrapped(rig, command, 'auto')).stdout).toBe((await rig.run(command)).stdout);
  });
});

describe.each(POSIX_SHELLS)('a command sent to %s as a POSIX shell', (name) => {
  test.skipIf(!hasShell(name)).each([...ANY_SHELL, ...POSIX])(
    'ends, says and is what it would be without us: %s',
    async (command) => {
      await using rig = await openShell(name);
      const { leader, ...ran } = await runWrapped(rig, command, 'posix');
      expect(ran).toEqual(await rig.run(command));
      if (ran.code !== 2 && !/yntax|parse error/.test(ran.stderr)) expect(leader).toBeGreaterThan(1);
    },
  );
});

describe.each(['csh', 'tcsh', 'fish'] as const)('a command sent as POSIX to %s', (name) => {
  test.skipIf(!hasShell(name))('does not begin, and makes no file', async () => {
    await using rig = await openShell(name);
    for (const command of ['touch ran', '# comment\ntouch ran', '|| touch ran']) {
      expect(await runWrapped(rig, command, 'posix')).not.toHaveProperty('leader');
    }
    expect((await readdir(rig.home)).filter((file) => !file.startsWith('.'))).toEqual([]);
  });
});

describe('the account’s start-up files', () => {
  test.skipIf(!hasShell('tcsh')).each([
    ['tcsh', '.tcshrc', 'echo hello; setenv FROM_RC yes'],
    ['zsh', '.zshenv', 'echo hello; export FROM_RC=yes'],
    ['bash', '.bashrc', 'echo hello; echo there >&2; export FROM_RC=yes; f() { echo in f; }'],
  ] as const)('of %s are shown once and in force', async (name, file, text) => {
    await using rig = await openShell(name, { SSH_CLIENT: '127.0.0.1 1 2' });
    await writeFile(join(rig.home, file), `${text}\n`);
    const command = `echo $FROM_RC $SHLVL${name === 'bash' ? '; f' : ''}`;
    const { leader, ...ran } = await runWrapped(rig, command, 'auto');
    expect(leader).toBeGreaterThan(1);
    expect(ran).toEqual(await rig.run(command));
    expect(ran.stdout).toContain('hello\nyes 1\n');
  });

  test('may name a shell that is not there: sh takes its place', async () => {
    for (const shell of ['', '/no/such/shell', 'bash']) {
      await using rig = await openShell('sh', { SHELL: shell });
      expect(await runWrapped(rig, 'echo "$0"; exit 3', 'auto')).toMatchObject({ stdout: 'sh\n', code: 3 });
    }
  });

  test('and nothing of ours but the mark is in the environment of the command', async () => {
    await using rig = await openShell('sh');
    const command = 'cat /proc/self/environ | tr "\\0" "\\n" | sort';
    const ours = (await runWrapped(rig, command, 'auto')).stdout;
    expect(ours.replace(/^BATCHOPS_RUN=[0-9a-f]{18}\n/m, '')).toBe((await rig.run(command)).stdout);
    expect(ours).toContain('BATCHOPS_RUN=');
  });
});

test('our part holds nothing that one login shell reads otherwise than another', () => {
  const line = wrapCommand("it's", 'auto', { hostLimitMs: 60_000 })?.text ?? '';
  expect(line).toMatch(/^exec sh -c '[ -&(-~]*' batchops [0-9a-f]{18} e '[^']*';sh -c '[ -&(-~]*' batchops/);
  expect(line.replaceAll(/\\0[0-7]{3}/g, '')).not.toMatch(/[!\\\n]/);
});
