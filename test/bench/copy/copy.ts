import { fork, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeyPair, type Sshd, startSshd } from '../../rigs/sshd.ts';
import { atMost, fixed, table } from '../report.ts';
import { type Contender, median, type Rounds, race, ratio, type Taken } from '../rounds.ts';
import { startDelayProxy } from './delay-proxy.ts';

/** What the clients are told. JSON. */
export interface CopyFiles {
  readonly folder: string;
  readonly user: string;
  readonly keyPath: string;
  readonly bytes: number;
}

export interface CopyOrder {
  readonly action: 'put' | 'get';
  /** Of a put, before the number of the host. */
  readonly remote: string;
  /** A host each. */
  readonly ports: readonly number[];
}

export interface CopyWish {
  readonly megabytes: number;
  readonly rounds: number;
  readonly hosts: number;
  readonly hasPeers: boolean;
  say(line: string): void;
}

interface Part {
  readonly title: string;
  readonly bytes: number;
  readonly rounds: Rounds;
}

const OURS = 'Batchops, verified';
const BARE = 'bare ssh2 loop';
const SFTP = 'sftp';
const RTT_MS = 20;
const CLIENT = new URL('copy-client.ts', import.meta.url).pathname;

/** One file, one host; the same over a long line; and one file to many hosts. All in the folder for temporary files. */
export async function measureCopies(wish: CopyWish): Promise<readonly Part[]> {
  const { megabytes, hosts, say } = wish;
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'batchops-bench-copy-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const key = makeKeyPair();
  const sshds: Sshd[] = [];
  for (let i = 0; i < hosts; i++) {
    sshds.push(opened.use(await startSshd({ authorizedKeys: [key.public] })));
  }
  const [first] = sshds;
  if (first === undefined) throw new Error('no host');
  const proxy = opened.use(await startDelayProxy(first.port, RTT_MS));
  await mkdir(join(folder, 'transfers'));
  const keyPath = join(folder, 'key');
  await writeFile(keyPath, `${key.private.trimEnd()}\n`, { mode: 0o600 });
  const parts: Part[] = [];
  const shape = { folder, user: first.user, keyPath };

  for (const [title, size, action, ports] of [
    ['put of one file', megabytes, 'put', [first.port]],
    ['get of one file', megabytes, 'get', [first.port]],
    [`put of one file, ${RTT_MS} ms away`, Math.ceil(megabytes / 4), 'put', [proxy.port]],
    [`get of one file, ${RTT_MS} ms away`, Math.ceil(megabytes / 4), 'get', [proxy.port]],
    [`put to ${hosts} hosts`, Math.ceil(megabytes / 8), 'put', sshds.map(({ port }) => port)],
  ] as const) {
    const files: CopyFiles = { ...shape, bytes: size * 2 ** 20 };
    say(`copy: ${title}, ${size} MiB`);
    parts.push({
      title,
      bytes: files.bytes,
      rounds: await measure(files, { action, remote: join(folder, 'remote'), ports }, wish),
    });
  }
  return parts;
}

async function measure(files: CopyFiles, order: CopyOrder, wish: CopyWish): Promise<Rounds> {
  const source = join(files.folder, 'transfers', 'source');
  await fill(source, files.bytes);
  const filesPath = join(files.folder, 'copy.json');
  await writeFile(filesPath, JSON.stringify(files));
  const sent = { ...order, remote: order.action === 'put' ? order.remote : source };
  await using ours = await startClient('ours', filesPath);
  await using bare = await startClient('bare', filesPath);
  const contenders: Contender[] = [
    { name: OURS, take: () => ours.take(sent), warmUp: () => ours.take(sent) },
    { name: BARE, take: () => bare.take(sent), warmUp: () => bare.take(sent) },
    ...(wish.hasPeers ? peers(files, sent) : []),
  ];
  return await race(contenders, {
    rounds: wish.rounds,
    hosts: order.ports.length,
    until: Date.now() + 3 * 60_000,
    say: wish.say,
  });
}

/** Content that nothing can make smaller. */
async function fill(path: string, bytes: number): Promise<void> {
  const block = Buffer.alloc(2 ** 20);
  const file = await open(path, 'w');
  for (let done = 0; done < bytes; done += block.length) await file.write(randomFillSync(block));
  await file.close();
}

function peers(files: CopyFiles, { action, remote, ports }: CopyOrder): Contender[] {
  const { folder, keyPath, user } = files;
  const source = join(folder, 'transfers', 'source');
  const options = [
    '-F',
    '/dev/null',
    '-i',
    keyPath,
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'StrictHostKeyChecking=no',
  ];
  const quiet = [...options, '-o', `UserKnownHostsFile=${join(folder, 'known')}`, '-o', 'LogLevel=ERROR'];
  const at = (port: number): string[] => [...quiet, '-P', `${port}`];
  const each =
    (argv: (port: number, nth: number) => readonly string[], input = '') =>
    async () =>
      together(await Promise.all(ports.map((port, nth) => run(argv(port, nth), input))));
  const batch = action === 'put' ? `put ${source} ${remote}-peer\n` : `get ${remote} ${folder}/peer\n`;
  const scp = (port: number): string[] =>
    action === 'put'
      ? ['scp', '-q', ...at(port), source, `${user}@127.0.0.1:${remote}-peer`]
      : ['scp', '-q', ...at(port), `${user}@127.0.0.1:${remote}`, `${folder}/peer`];
  const one: Contender[] = [
    { name: SFTP, take: each((port) => ['sftp', '-q', '-b', '-', ...at(port), `${user}@127.0.0.1`], batch) },
    { name: 'scp', take: each(scp) },
  ];
  if (action === 'get') return one;
  const names = ports.map((port) => `p${port}`);
  const config = join(folder, 'peer_config');
  const settle = () =>
    writeFile(
      config,
      `${names.map((name, i) => `Host ${name}\n  HostName 127.0.0.1\n  Port ${ports[i]}\n`).join('')}Host *\n  User ${user}\n  IdentityFile ${keyPath}\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile ${join(folder, 'known')}\n  LogLevel ERROR\n`,
    );
  const many = (argv: readonly string[]) => async (): Promise<Taken> => {
    const taken = await run(argv);
    return { ...taken, answers: taken.answers * ports.length };
  };
  return [
    ...one,
    {
      name: 'clush --copy',
      warmUp: settle,
      take: many([
        'clush',
        '-S',
        '-w',
        names.join(','),
        '-o',
        `-F ${config}`,
        '--copy',
        source,
        '--dest',
        `${remote}-peer`,
      ]),
    },
    {
      name: 'parallel-scp',
      warmUp: settle,
      take: many([
        'parallel-scp',
        ...names.flatMap((name) => ['-H', name]),
        ...['-x', `-F ${config}`, '-t', '300', source, `${remote}-peer`],
      ]),
    },
  ];
}

function together(all: readonly Taken[]): Taken {
  const complaint = all.find((one) => one.answers === 0)?.complaint;
  return {
    ms: Math.max(...all.map(({ ms }) => ms)),
    cpuMs: all.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    answers: all.reduce((sum, { answers }) => sum + answers, 0),
    ...(complaint === undefined ? {} : { complaint }),
  };
}

/** Time of the wall and of the processor, as bash counts it for the program and its children. */
async function run(argv: readonly string[], input = ''): Promise<Taken> {
  const child = spawn('bash', ['-c', `TIMEFORMAT='%R %U %S'; time "$@"`, 'bench', ...argv], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, HOME: tmpdir(), LC_ALL: 'C.UTF-8' },
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  // What the program itself says may end without an end of line.
  const [, seconds, user, system] = /(\d+\.\d+) (\d+\.\d+) (\d+\.\d+)\s*$/.exec(said) ?? [];
  return {
    ms: Number(seconds) * 1_000,
    cpuMs: (Number(user) + Number(system)) * 1_000,
    answers: code === 0 ? 1 : 0,
    complaint: said.split('\n')[0] ?? '',
  };
}

async function startClient(kind: 'ours' | 'bare', filesPath: string) {
  const child = fork(CLIENT, [kind, filesPath], { execArgv: ['--expose-gc', '--max-semi-space-size=4'] });
  const gone = new AbortController();
  child.once('exit', (code) => gone.abort(new Error(`the ${kind} client ended with ${code}`)));
  await once(child, 'message', { signal: gone.signal });
  return {
    async take(order: CopyOrder): Promise<Taken> {
      gone.signal.throwIfAborted();
      const answer = once(child, 'message', { signal: gone.signal });
      child.send(order);
      const [taken] = await answer;
      return taken as Taken;
    },
    async [Symbol.asyncDispose]() {
      if (gone.signal.aborted) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

export function formatCopies(parts: readonly Part[], roundCount: number): string[] {
  return parts.flatMap(({ title, bytes, rounds }) => [
    '',
    `${title}, ${Math.round(bytes / 2 ** 20)} MiB; medians of ${roundCount}, ratios within a round`,
    ...table([
      ['', 'seconds', 'MiB/s', `× ${SFTP}`, `× ${BARE}`, 'CPU s'],
      ...[...rounds].map(([name, all]) => {
        const sound = all.filter((one) => one !== undefined);
        const seconds = median(sound.map(({ ms }) => ms / 1_000));
        return [
          name,
          fixed(seconds, 2),
          fixed(seconds === undefined ? undefined : bytes / 2 ** 20 / seconds, 0),
          fixed(ratio(rounds, name, SFTP), 2),
          fixed(ratio(rounds, name, BARE), 2),
          fixed(median(sound.map(({ cpuMs }) => cpuMs / 1_000)), 2),
        ];
      }),
    ]),
    atMost(`${title}: against ${SFTP}`, ratio(rounds, OURS, SFTP), 1.15, '×'),
  ]);
}
