import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * What a host of the fleet is on disk: one folder that stands for its `/`. SFTP serves it, and commands see the
 * same files under the same names, in one of two ways:
 *
 * - `namespace` (Linux that lets a user make namespaces): the host's `/home`, `/tmp` and `/var/log` are mounted
 *   over the machine's, the rest of `/` is made read-only, and `hostname` is the host's own. Nothing in the
 *   command is touched.
 * - `rewritten` (macOS, containers without namespaces): a path below one of those three in the command's text is
 *   pointed into the host's folder. Programs then show the long, real path, and may write elsewhere: they run
 *   with the rights of whoever started the sandbox.
 */
export type Confinement = 'namespace' | 'rewritten';

export interface HostFolder {
  readonly name: string;
  readonly root: string;
  readonly confinement: Confinement;
}

export interface HostCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Where a login lands, as the host names it. */
export const HOME = '/home/deploy';
const OWN_FOLDERS = ['/home', '/tmp', '/var/log'] as const;

const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin';

/** Mounts come first: a host whose folders are not in place must run nothing. Read-only `/` is an extra. */
const ENTER_NAMESPACE = `
  for folder in $3; do mount --bind "$1$folder" "$folder" || exit 125; done
  hostname "$2" || exit 125
  mount -o remount,bind,ro / 2>/dev/null
  cd ${HOME} && shift 3 && exec "$@"`;

export async function openHostFolder(
  root: string,
  name: string,
  confinement: Confinement,
): Promise<HostFolder> {
  for (const folder of [HOME, '/tmp', '/var/log', '/bin']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await chmod(join(root, 'tmp'), 0o1777);
  await writeFile(join(root, 'bin/hostname'), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 });
  return { name, root, confinement };
}

/** Tries it once in `folder`: whether this machine lets us make namespaces is not to be read anywhere. */
export async function probeConfinement(folder: string): Promise<Confinement> {
  const probe = await openHostFolder(folder, 'probe', 'namespace');
  const { file, args, cwd, env } = formatHostCommand(probe, `hostname && : > ${HOME}/seen`);
  try {
    const { stdout } = await promisify(execFile)(file, [...args], { cwd, env, timeout: 5_000 });
    return stdout.trim() === 'probe' ? 'namespace' : 'rewritten';
  } catch {
    return 'rewritten';
  }
}

export function formatHostCommand(host: HostFolder, command: string): HostCommand {
  const env = { LANG: 'C.UTF-8', SHELL: '/bin/sh', USER: 'deploy', LOGNAME: 'deploy', HOSTNAME: host.name };
  if (host.confinement === 'namespace') {
    return {
      file: 'unshare',
      args: [
        ...['--map-root-user', '--mount', '--uts', '/bin/sh', '-c', ENTER_NAMESPACE, 'enter'],
        ...[host.root, host.name, sortMounts(host.root), '/bin/sh', '-c', command],
      ],
      cwd: host.root,
      env: { ...env, HOME, PATH: SYSTEM_PATH },
    };
  }
  const home = join(host.root, HOME);
  return {
    file: '/bin/sh',
    args: ['-c', rewritePaths(command, host.root)],
    cwd: home,
    env: { ...env, HOME: home, PATH: `${join(host.root, 'bin')}:${SYSTEM_PATH}` },
  };
}

/** The folder that holds `root` itself goes last: once it is covered, nothing of `root` can be reached. */
function sortMounts(root: string): string {
  const holdsRoot = (folder: string): number => Number(root.startsWith(`${folder}/`));
  return OWN_FOLDERS.toSorted((left, right) => holdsRoot(left) - holdsRoot(right)).join(' ');
}

/** `cat '/tmp/x' >/tmp/y` → the same files below `root`. Words that merely contain `/tmp` stay as they are. */
function rewritePaths(command: string, root: string): string {
  const own = OWN_FOLDERS.map((folder) => folder.slice(1)).join('|');
  return command.replace(
    new RegExp(`(^|[\\s'"=:(<>;|&])/(${own})(?=$|[\\s/'":;|&)<>])`, 'g'),
    (_whole, before: string, folder: string) => `${before}${root}/${folder}`,
  );
}
