import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { FleetFiles } from './fleet.ts';
import type { Contender, Taken } from './rounds.ts';

/** A peer may hang; the others want their turn. */
const LIMIT_MS = 90_000;
/** Debian's own: its python3-* packages are not seen by another Python that may come first in PATH. */
const PYTHON = '/usr/bin/python3';
const PARAMIKO_POOL = new URL('paramiko-pool.py', import.meta.url).pathname;

const CLIENTS = new URL('ssh2-clients.ts', import.meta.url).pathname;

// ── other tools ──────────────────────────────────────────────────────────────────────────────────────────

interface Peer {
  readonly name: string;
  readonly debianPackage: string;
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly maxRounds?: number;
}

/** The other tools, over OpenSSH's ssh or, for paramiko, over their own SSH; each as its manual has it. */
export function coldPeers(files: FleetFiles, fanOut: number): readonly Peer[] {
  const config = `-F ${files.sshConfigPath}`;
  return [
    clush(files, fanOut, config),
    {
      name: 'pdsh',
      debianPackage: 'pdsh',
      argv: ['pdsh', '-R', 'ssh', '-f', `${fanOut}`, '-w', `^${files.hostsPath}`, 'df -h'],
      env: { PDSH_SSH_ARGS_APPEND: config },
    },
    {
      name: 'pssh',
      debianPackage: 'pssh',
      argv: ['parallel-ssh', '-i', '-p', `${fanOut}`, '-h', files.hostsPath, '-x', config, 'df -h'],
    },
    { ...ansible(files, fanOut, config), maxRounds: 1 },
    {
      name: 'paramiko, a pool of threads',
      debianPackage: 'python3-paramiko',
      argv: [PYTHON, PARAMIKO_POOL, join(files.folder, 'fleet.json'), `${fanOut}`],
    },
  ];
}

/** Those that can keep connections: by OpenSSH's ControlPersist, whose masters both share. */
export function warmPeers(files: FleetFiles, fanOut: number): readonly Peer[] {
  const config = `-F ${files.persistConfigPath}`;
  return [
    { ...clush(files, fanOut, config), name: 'clush + ControlPersist' },
    { ...ansible(files, fanOut, config), name: 'ansible raw + ControlPersist' },
  ];
}

function clush(files: FleetFiles, fanOut: number, sshOptions: string): Peer {
  return {
    name: 'clush',
    debianPackage: 'clustershell',
    argv: ['clush', '-n', '--hostfile', files.hostsPath, '-f', `${fanOut}`, '-o', sshOptions, 'df -h'],
  };
}

function ansible(files: FleetFiles, fanOut: number, sshArgs: string): Peer {
  return {
    name: 'ansible raw',
    debianPackage: 'ansible',
    argv: ['ansible', 'all', '-i', files.hostsPath, '-f', `${fanOut}`, '-m', 'raw', '-a', 'df -h'],
    env: { ANSIBLE_SSH_ARGS: sshArgs, ANSIBLE_NOCOLOR: '1' },
  };
}

/** A sentence instead where its package is not installed. */
export async function openPeer(peer: Peer, files: FleetFiles): Promise<Contender | string> {
  const missing = `not installed (apt install ${peer.debianPackage})`;
  if (!isProgram(peer.argv[0])) return missing;
  if (peer.argv[0] === PYTHON) {
    const probe = await run([PYTHON, '-c', 'import paramiko; print("Filesystem")'], {}, files.folder);
    if (probe.answers !== 1) return missing;
  }
  return {
    name: peer.name,
    ...(peer.maxRounds !== undefined && { maxRounds: peer.maxRounds }),
    async take() {
      const mastersBefore = mastersCpuMs(files);
      const taken = await run(peer.argv, peer.env ?? {}, files.folder);
      return { ...taken, cpuMs: taken.cpuMs + mastersCpuMs(files) - mastersBefore };
    },
  };
}

function isProgram(name: string): boolean {
  const folders = name.startsWith('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Wall time from start to end of the program, and what it and all its children used, as bash counts it. */
async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  folder: string,
): Promise<Taken> {
  const timing = join(folder, 'timing');
  const stderr = join(folder, 'stderr');
  await writeFile(timing, '');
  const script = `TIMEFORMAT='%R %U %S'; { time "$@" 2>${stderr}; } 2>${timing}`;
  const child = spawn('bash', ['-c', script, 'bench', ...argv], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own, so that one that hangs can be ended with its children.
    detached: true,
  });
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, LIMIT_MS);
  let output = '';
  for await (const text of child.stdout.setEncoding('utf8')) output += text;
  clearTimeout(timer);
  const [seconds = Number.NaN, user = 0, system = 0] = (await readFile(timing, 'utf8'))
    .trim()
    .split(' ')
    .map(Number);
  const answers = output.match(/Filesystem/g)?.length ?? 0;
  const complaint = (await readFile(stderr, 'utf8')).split('\n')[0] ?? '';
  return { ms: seconds * 1_000, cpuMs: (user + system) * 1_000, answers, complaint };
}

// ── ControlPersist ───────────────────────────────────────────────────────────────────────────────────────

/** They are nobody's children, but show the path of their socket as their title. */
function masters(files: FleetFiles): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readProc(pid, 'cmdline').includes(`${files.mastersDir}/`))
    .filter((pid) => readProc(pid, 'cmdline').includes('[mux]'));
}

function mastersCpuMs(files: FleetFiles): number {
  let ticks = 0;
  for (const pid of masters(files)) {
    // From behind the name, which may hold anything: utime and stime are the 12th and 13th (proc(5)).
    const fields = readProc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks * 10;
}

export function endMasters(files: FleetFiles): void {
  for (const pid of masters(files)) process.kill(pid, 'SIGTERM');
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

// ── ours, and the bare loop ──────────────────────────────────────────────────────────────────────────────

/**
 * - `bare`: what ssh2 takes by itself: connect, exec, end; nothing checked, no time limit, nothing kept.
 * - `transport`: ours in its place.
 * - `engine`: a run as the bot does it: stored and audited, approved, dispatched, every outcome in the database.
 *   Only Slack is missing.
 */
export type Kind = 'bare' | 'transport' | 'engine';
export type Temperature = 'cold' | 'warm';

export interface Order {
  readonly do: 'round' | 'let-go';
  readonly temperature: Temperature;
  readonly hosts: number;
}

export interface OwnProcess extends AsyncDisposable {
  as(name: string, temperature: Temperature): Contender;
}

/** Cold rounds are on few hosts before they count: the code is compiled then, as in a bot that is up. */
const WARM_UP_HOSTS = 40;

/**
 * A client over ssh2 in a process of its own, which lives through all rounds, as a bot does: its start is not
 * measured, a round is. A Node profile of it: `NODE_OPTIONS="--cpu-prof --cpu-prof-dir=DIR" npm run bench`.
 */
export function startOwn(kind: Kind, fleetPath: string, fanOut: number, hosts: number): OwnProcess {
  const child = fork(CLIENTS, [kind, fleetPath, `${fanOut}`], { execArgv: ['--expose-gc'] });
  const gone = new AbortController();
  child.once('exit', (code) => gone.abort(new Error(`the ${kind} client ended with ${code}`)));

  const ask = async (order: Order): Promise<Taken> => {
    gone.signal.throwIfAborted();
    const answer = once(child, 'message', { signal: gone.signal });
    child.send(order);
    const [taken] = await answer;
    return taken as Taken;
  };
  return {
    as: (name, temperature) => {
      const letGo = () => ask({ do: 'let-go', temperature, hosts });
      return {
        name,
        async warmUp() {
          const few = temperature === 'cold' ? Math.min(hosts, WARM_UP_HOSTS) : hosts;
          for (let i = 0; i < 2; i++) {
            await ask({ do: 'round', temperature, hosts: few });
            if (temperature === 'cold') await letGo();
          }
        },
        take: () => ask({ do: 'round', temperature, hosts }),
        settle: () => (temperature === 'cold' ? letGo() : Promise.resolve()),
      };
    },
    async [Symbol.asyncDispose]() {
      if (gone.signal.aborted) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
