import { closeSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, showCode } from '../../errors.ts';

/** What one place of `BATCHOPS_INVENTORY` is. */
export interface InventorySource {
  readonly kind: 'file' | 'script';
  readonly path: string;
}

const OTHERS_WRITE = 0o002;

/**
 * The places as named: a file, a folder, of which it is each `*.ini` in the order of their names, or a program, which
 * nobody else on the machine may be able to write to.
 */
export function findInventorySources(paths: readonly string[]): readonly InventorySource[] {
  const problems: string[] = [];
  const sources = paths.flatMap((path): readonly InventorySource[] => {
    const found = statOf(path);
    // Whoever reads it says what is wrong.
    if (found === undefined) return [{ kind: 'file', path }];
    if (found.isDirectory()) {
      const files = filesOf(path, problems);
      if (files.length === 0) problems.push(`${path}: there is no .ini file in this folder`);
      return files.map((name) => ({ kind: 'file', path: join(path, name) }));
    }
    if (!isProgram(path, found)) return [{ kind: 'file', path }];
    if ((found.mode & OTHERS_WRITE) !== 0) {
      problems.push(
        `${path}: everybody on this machine can write to it, so it is not run; chmod o-w ${path}`,
      );
    }
    return [{ kind: 'script', path }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return sources;
}

/** Whether it is run rather than read. */
export function isScript(path: string): boolean {
  const found = statOf(path);
  return found !== undefined && isProgram(path, found);
}

/**
 * A file that may be executed and begins as programs do, and is not called `*.ini`. Anything else with that mode the C
 * library would give to a shell, line for line (execvp).
 */
function isProgram(path: string, found: Stats): boolean {
  if (path.endsWith('.ini') || !found.isFile() || (found.mode & 0o111) === 0) return false;
  const start = Buffer.alloc(4);
  try {
    const file = openSync(path, 'r');
    try {
      readSync(file, start);
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
  return start.toString('latin1', 0, 2) === '#!' || start.toString('latin1') === '\x7fELF';
}

/** All of these, and the folders: what is to be looked at for a change. */
export function watchedPaths(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    const isFolder = statOf(path)?.isDirectory() === true;
    return isFolder ? [path, ...filesOf(path, []).map((name) => join(path, name))] : [path];
  });
}

function filesOf(folder: string, problems: string[]): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.ini') && !name.startsWith('.'))
      .toSorted();
  } catch (error) {
    problems.push(`${folder}: the folder cannot be read (${showCode(error)})`);
    return [];
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
