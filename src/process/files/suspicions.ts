import { realpathSync, statSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';
import { type Config, unknownVariables } from '../../config/config.ts';
import type { Fleet } from '../fleet/fleet-files.ts';
import { isScript, watchedPaths } from '../fleet/inventory-sources.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What is legal and most likely not meant, one `place: sentence` each. Asks only the disk; never holds a secret. */
export function findSuspicions(config: Config, env: Environment, fleet: Partial<Fleet>): readonly string[] {
  const secretFiles = [
    ...new Set((fleet.inventory?.secrets ?? []).flatMap(({ file }) => (file === undefined ? [] : [file]))),
  ];
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const inventories = watchedPaths(config.inventoryPaths).filter((path) => !isFolder(path));
  // No secrets are in these, and whoever can write to them has all rights.
  const open = [config.allowlistPath, config.knownHostsPath, config.sshConfigPath ?? []].flat();
  const own = [...inventories, '.env', ...open];
  return [
    ...unknownVariables(env).map((name) => `${name}: no such setting; is it misspelt?`),
    // What a program is good for, its reader cannot do.
    ...inventories.flatMap((path) => suspectMode(path, isScript(path) ? 'write' : 'read or write')),
    ...['.env', ...secretFiles].flatMap((path) => suspectMode(path, 'read or write')),
    ...open.flatMap((path) => suspectMode(path, 'write')),
    ...suspectFolders([...own, ...secretFiles]),
    ...suspectPlaces(config, [
      ...own,
      config.databaseUrl.replace(/^file:/, ''),
      ...secretFiles,
      ...TOKENS.flatMap((name) => env[`${name}_FILE`]?.trim() || []),
    ]),
    ...(fleet.inventory?.warnings ?? []),
    ...(fleet.allowlist?.warnings ?? []),
  ];
}

const OTHERS = { read: 0o004, write: 0o002 };
const STICKY = 0o1000;
/** Settings that are secrets, and may be in files of their own. */
const TOKENS = ['SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN', 'SLACK_SIGNING_SECRET', 'BATCHOPS_DATABASE_URL'];

/** Everybody on the machine, that is; a group may be meant. */
function suspectMode(path: string, what: 'read or write' | 'write'): readonly string[] {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  const can = (['read', 'write'] as const).filter(
    (verb) => what.includes(verb) && (mode & OTHERS[verb]) !== 0,
  );
  if (can.length === 0) return [];
  const modes = can.map((verb) => verb[0]).join('');
  return [`${path}: everybody on this machine can ${can.join(' and ')} it; chmod o-${modes} ${path}`];
}

/** Whoever can write to its folder can put another file in a file's place, whatever its own mode. */
function suspectFolders(paths: readonly string[]): readonly string[] {
  const folders = new Set(paths.filter((path) => realPath(path) !== undefined).map(dirname));
  return [...folders].flatMap((folder) => {
    const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
    // In a folder such as /tmp nobody can replace what is another's.
    if ((mode & OTHERS.write) === 0 || (mode & STICKY) !== 0) return [];
    const names = paths.filter((path) => dirname(path) === folder).join(', ');
    return [
      `${folder}: everybody on this machine can write to this folder, and so replace ${names}; chmod o-w ${folder}`,
    ];
  });
}

/** What `-local` can name, a copy can carry off or replace. */
function suspectPlaces(config: Config, paths: readonly string[]): readonly string[] {
  const folder = realPath(config.transferDir);
  if (folder === undefined) return [];
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
