import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: string | null;
}

/** Every kind of login shell that the tests try, by the program that it is. `ash` is a name of busybox. */
const PROGRAMS = {
  sh: '/bin/sh',
  bash: '/bin/bash',
  dash: '/bin/dash',
  ksh: '/bin/ksh',
  zsh: '/bin/zsh',
  ash: '/bin/busybox',
  rbash: '/bin/rbash',
  csh: '/bin/csh',
  tcsh: '/bin/tcsh',
  fish: '/usr/bin/fish',
} as const;
export type ShellName = keyof typeof PROGRAMS;

export const SHELL_NAMES: readonly ShellName[] = [
  'sh',
  'bash',
  'dash',
  'ksh',
  'zsh',
  'ash',
  'rbash',
  'csh',
  'tcsh',
  'fish',
];

export const shellProgram = (name: ShellName): string => PROGRAMS[name];
export const hasShell = (name: ShellName): boolean => existsSync(PROGRAMS[name]);

export interface ShellRig extends AsyncDisposable {
  readonly shell: string;
  /** A home of its own, empty at first. */
  readonly home: string;
  /** As sshd does it: the login shell under its own name, with `-c` and the text as one word. */
  run(text: string): Promise<Ran>;
}

export async function openShell(name: ShellName, env: NodeJS.ProcessEnv = {}): Promise<ShellRig> {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-shell-'));
  const home = await mkdtemp(join(folder, 'home-'));
  const shell = name === 'ash' ? join(folder, 'ash') : PROGRAMS[name];
  if (name === 'ash') await symlink(PROGRAMS.ash, shell);
  return {
    shell,
    home,
    run(text) {
      return new Promise((resolve, reject) => {
        const child = spawn(shell, ['-c', text], {
          argv0: basename(shell),
          cwd: home,
          env: { HOME: home, PATH: '/usr/local/bin:/usr/bin:/bin', USER: 'ops', SHELL: shell, ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true,
        });
        let stdout = '';
        let stderr = '';
        child.stdout.setEncoding('latin1').on('data', (chunk: string) => (stdout += chunk));
        child.stderr.setEncoding('latin1').on('data', (chunk: string) => (stderr += chunk));
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ stdout, stderr, code, signal }));
      });
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
