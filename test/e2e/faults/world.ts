import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { LocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import type { StoredMessage } from '../../../src/sandbox/slack/workspace/message.ts';
import {
  ada,
  type Bot,
  EVERYTHING,
  type Home,
  makeHome,
  OPS,
  openTeamSlack,
  startBot,
} from '../../rigs/bot.ts';
import { type HalfOpenProxy, startHalfOpenProxy } from '../../rigs/half-open-proxy.ts';
import { startMisbehavingHost } from '../../rigs/misbehaving-host.ts';
import { mountSmall } from '../../rigs/small-disk.ts';
import { makeKeyPair, startSshd } from '../../rigs/sshd.ts';

/** More than passes while somebody looks whether it has begun. */
const LARGE_BYTES = 400 * 1024 ** 2;
const MANY = 50;
const CROWD = 40;

/** One real host behind a line of its own for each thing that breaks, and one bot. */
export interface World extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly home: Home;
  readonly lines: Readonly<Record<string, HalfOpenProxy>>;
  start(): Promise<Bot>;
}

/** Those behind a line of their own; what follows the name is for the inventory. */
const BEHIND_LINES = {
  'dies-in-command': '',
  'dies-in-put': '',
  'dies-in-get': '',
  'freezes-in-command': '',
  'freezes-in-put': '',
  bastion: '',
  'killed-in-command': '',
  'killed-in-put': '',
  'killed-in-get': '',
  'killed-frozen': '',
  'killed-bastion': '',
} as const;
export type Line = keyof typeof BEHIND_LINES;

export async function openWorld(): Promise<World> {
  const stack = new AsyncDisposableStack();
  stack.defer(endCommands);
  const slack = stack.use(await openTeamSlack());
  const sshd = stack.use(await startSshd({ config: ['PasswordAuthentication yes'] }));
  const crowded = stack.use(await startSshd({ config: ['MaxStartups 10:30:100'] }));
  const dead = stack.use(await startMisbehavingHost({ at: 'greeting', does: 'die', seed: 1 }));
  const silent = stack.use(await startMisbehavingHost({ at: 'greeting', does: 'freeze', seed: 1 }));
  const home = stack.use(await makeHome({ key: `${sshd.key.private.trimEnd()}\n` }));
  await writeFile(home.path('crowd-key'), `${crowded.key.private.trimEnd()}\n`, { mode: 0o600 });
  const transfers = home.path('data/transfers');
  await mkdir(home.path('small'));
  stack.use(mountSmall(transfers, 512 * 1024));
  stack.use(mountSmall(home.path('small'), 4 * 1024));
  for (const name of [home.path('large'), join(transfers, 'large')]) {
    await writeFile(name, '');
    await truncate(name, LARGE_BYTES);
  }
  await writeFile(home.path('huge'), '');
  await truncate(home.path('huge'), 2 * LARGE_BYTES);
  await writeFile(join(transfers, 'medium'), Buffer.alloc(8 * 1024 ** 2));

  const lines: Record<string, HalfOpenProxy> = {};
  const sections = [`[DEFAULT]\nuser = ${sshd.user}\n`];
  const host = (name: string, port: number, more = `key = ${home.path('key')}`) =>
    sections.push(`[${name}]\nip = 127.0.0.1\nport = ${port}\n${more}\n`);
  for (const name of Object.keys(BEHIND_LINES)) {
    const line = stack.use(await startHalfOpenProxy(sshd.port));
    lines[name] = line;
    host(name, line.port);
    await mkdir(home.path(name));
  }
  host('full', sshd.port);
  host('real', sshd.port);
  host('behind', sshd.port, `key = ${home.path('key')}\njump = bastion`);
  host('killed-behind', sshd.port, `key = ${home.path('key')}\njump = killed-bastion`);
  host('dead', dead.port);
  host('silent', silent.port);
  const other = stack.use(await startHalfOpenProxy(sshd.port));
  host('changed', other.port);
  await writeFile(
    home.path('data/known_hosts'),
    `[127.0.0.1]:${other.port} ${makeKeyPair().public.split(' ').slice(0, 2).join(' ')}\n`,
  );
  for (let n = 1; n <= CROWD; n++) host(`crowd${n}`, crowded.port, `key = ${home.path('crowd-key')}`);
  for (let n = 1; n <= MANY; n++) host(`wrong${n}`, sshd.port, 'password = not the one');
  await writeFile(home.path('inventory.ini'), sections.join('\n'));
  await writeFile(home.path('allowlist.ini'), EVERYTHING);
  return {
    slack,
    home,
    lines,
    start: () => startBot(home, slack, { BATCHOPS_FREE_SPACE: '1M', BATCHOPS_PERSON_CONCURRENCY: '100' }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** One run, found by a word of its command. */
export class Run {
  readonly #world: World;
  readonly #word: string;
  #since = performance.now();

  private constructor(world: World, word: string) {
    this.#world = world;
    this.#word = word;
  }

  static async begin(world: World, word: string, text: string, command = '/batch_run'): Promise<Run> {
    const run = new Run(world, word);
    await world.slack.command(ada(text, command));
    return run;
  }

  /** What is measured begins here. */
  faultBegins(): void {
    this.#since = performance.now();
  }

  /** Its outcomes as its thread shows them, and after how many seconds. */
  async ending(): Promise<{ readonly outcome: string; readonly seconds: number }> {
    const root = await this.#world.slack.waitFor(
      () => this.#root((text) => / of \d+ in [\d.]+ (?:s|min)/.test(text)),
      90_000,
    );
    const words = /(\d+ [a-z -]+(?:, \d+ [a-z -]+)*) of \d+ in/.exec(root.text)?.[1] ?? root.text;
    return {
      outcome: words
        .split(', ')
        .map((one) => one.replace(/^1 /, '').replaceAll(/(?<=[a-z]) (?=[a-z])/g, '-'))
        .join(', '),
      seconds: (performance.now() - this.#since) / 1_000,
    };
  }

  #root(isIt: (text: string) => boolean): StoredMessage | undefined {
    return this.#world.slack
      .messages(OPS)
      .find((one) => one.isFromApp && JSON.stringify(one).includes(this.#word) && isIt(one.text));
  }
}

/** Of a half file, so many bytes: on a host, or in the transfer folder. */
export function halfBytes(folder: string): number {
  return Math.max(0, ...halves(folder).map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0));
}

function halves(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.batchops-.*\.part$/.test(name))
    .map((name) => join(folder, name));
}

/** What a fault has left, in README's words. */
export function lookAtLeft(world: World, folder: string, name: string, sleep?: number): string {
  const left: string[] = [];
  if (sleep !== undefined && isRunning(sleep)) left.push('the command runs on');
  if (halves(world.home.path(folder)).length > 0) left.push('a half file on the host');
  if (isOnRecord(world, name)) left.push('its name in the store');
  if (halves(world.home.path('data/transfers', '')).some((path) => path.includes(`/${name}/`)))
    left.push('a half file with the bot');
  return left.length === 0 ? 'nothing' : left.join(', ');
}

/** Seconds that nobody else sleeps: the command of a host is known by them. */
export const SLEEPS = Object.freeze({
  'dies-in-command': 8_000_000 + process.pid,
  'freezes-in-command': 16_000_000 + process.pid,
  behind: 24_000_000 + process.pid,
  'killed-in-command': 32_000_000 + process.pid,
  'killed-frozen': 40_000_000 + process.pid,
  'killed-behind': 48_000_000 + process.pid,
});

export function isRunning(sleep: number): boolean {
  return findSleeping(sleep).length > 0;
}

function findSleeping(sleep: number): readonly number[] {
  try {
    return execFileSync('pgrep', ['-fx', `sleep ${sleep}`], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
  } catch {
    return [];
  }
}

/** What the faults left running on the hosts. */
function endCommands(): void {
  for (const pid of Object.values(SLEEPS).flatMap(findSleeping)) {
    try {
      process.kill(pid);
    } catch {
      // It has ended by itself.
    }
  }
}

function isOnRecord({ home }: World, host: string): boolean {
  using store = new DatabaseSync(home.path('data/batchops.db'), { readOnly: true });
  return store.prepare('select 1 from leftover where host = ?').get(host) !== undefined;
}
