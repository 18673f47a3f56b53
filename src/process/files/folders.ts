import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError, showCode } from '../../errors.ts';

/** The folder that a setting needs, made where it is missing. */
export function makeFolder(variable: string, path: string): void {
  try {
    makeEach(path);
    if (!statSync(path).isDirectory()) throw new ConfigError([`${variable}: ${path} is not a folder`]);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`${variable}: the folder ${path} cannot be made (${showCode(error)})`]);
  }
}

/** Not mkdir's own `recursive`: that never returns where the file system says ENOENT to every mkdir (/proc). */
function makeEach(path: string): void {
  if (existsSync(path)) return;
  makeEach(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
