import { realpathSync, statSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { type Config, unknownVariables } from '../../config.ts';
import type { Fleet } from '../fleet/fleet-files.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What is legal and most likely not meant, one `place: sentence` each. Asks only the disk; never holds a secret. */
export function findSuspicions(config: Config, env: Environment, fleet: Partial<Fleet>): readonly string[] {
  return [
    ...unknownVariables(env).map((name) => `${name}: no such setting; is it misspelt?`),
    ...[config.inventoryPath, '.env'].flatMap((path) => suspectMode(path, 'read or write')),
    ...[config.allowlistPath, config.knownHostsPath].flatMap((path) => suspectMode(path, 'write')),
    ...suspectPlaces(config),
    ...(fleet.inventory?.warnings ?? []),
    ...(fleet.allowlist?.warnings ?? []),
  ];
}

const OTHERS = { read: 0o004, write: 0o002 };

/** Everybody on the machine, that is; a group may be meant. */
function suspectMode(path: string, what: 'read or write' | 'write'): readonly string[] {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  const can = (['read', 'write'] as const).filter(
    (verb) => what.includes(verb) && (mode & OTHERS[verb]) !== 0,
  );
  if (can.length === 0) return [];
  return [`${path}: everybody on this machine can ${can.join(' and ')} it; chmod o-rw ${path}`];
}

/** What `-local` can name, a copy can carry off or replace. */
function suspectPlaces(config: Config): readonly string[] {
  const folder = realPath(config.transferDir);
  if (folder === undefined) return [];
  const paths = [
    config.inventoryPath,
    config.allowlistPath,
    '.env',
    config.knownHostsPath,
    config.databaseUrl.replace(/^file:/, ''),
  ];
  return paths.flatMap((path) => {
    const real = realPath(path);
    if (real === undefined || !isInside(folder, real)) return [];
    return [`${path}: it is inside the transfer folder (${config.transferDir}), where copies read and write`];
  });
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/** Links followed; undefined where nothing is there. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
