import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import {
  ADA,
  type Bot,
  EVERYTHING,
  type Home,
  inventoryOf,
  makeHome,
  OPS,
  openTeamSlack,
  startBot,
} from '../rigs/bot.ts';
import { HAS_SSHD, startSshd } from '../rigs/sshd.ts';

interface Stage extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly home: Home;
  readonly bot: Bot;
  /** Runs it on these hosts and waits for so many files in the thread. */
  run(words: string, files: number): Promise<{ root: StoredMessage; thread: readonly StoredMessage[] }>;
}

/** `hosts` hosts on addresses of one sshd, h1 the first. */
async function openStage(hosts: number, prepare?: (home: Home) => Promise<unknown>): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const addresses = Array.from({ length: hosts }, (_, i) => `127.0.6.${i + 1}`);
  const slack = stack.use(await openTeamSlack());
  const sshd = stack.use(await startSshd({ addresses }));
  const home = stack.use(await makeHome({ key: `${sshd.key.private.trimEnd()}\n` }));
  const secret = '\n[vault]\nip = 127.0.6.1\nuser = nobody\npassword = hunter2-long\nenable = False\n';
  const inventory = inventoryOf(sshd, addresses, home.path('key')) + secret;
  await writeFile(home.path('inventory.ini'), inventory, { mode: 0o600 });
  await writeFile(home.path('allowlist.ini'), EVERYTHING);
  await prepare?.(home);
  const bot = stack.use(await startBot(home, slack));
  return {
    slack,
    home,
    bot,
    async run(words, files) {
      await slack.command({ user: ADA, channel: OPS, command: '/batch_run', text: words });
      const root = await slack.waitFor(
        () => slack.messages(OPS).find((message) => message.isFromApp && / of \d+ in /.test(message.text)),
        30_000,
      );
      const thread = await slack.waitFor(() => {
        const all = slack.thread(OPS, root.ts);
        return all.flatMap((message) => message.files).length >= files && all;
      }, 30_000);
      return { root, thread };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function filesOf({ slack }: Stage, thread: readonly StoredMessage[]): ReadonlyMap<string, string> {
  return new Map(
    thread
      .flatMap((message) => message.files)
      .flatMap((id) => slack.workspace.files.get(id) ?? [])
      .map((file) => [
        file.name.replace(/^r-\w+-/, '').replace(/^r-\w+/, 'run'),
        new TextDecoder().decode(file.bytes),
      ]),
  );
}

const seq = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}\n`).join('');

describe.skipIf(!HAS_SSHD)('long output, over a strict Slack and a real sshd', () => {
  test('all of it is in the file in the thread, to the last byte, and without secrets', async () => {
    await using stage = await openStage(1);
    const { thread } = await stage.run(
      "-h h1 -cmd \"seq 1 400000; echo pw hunter2-long; printf 'hunter2\\033[1m-long\\n'; yes x | tr -d '\\n' | head -c 20000000 >&2\"",
      1,
    );
    const file = filesOf(stage, thread).get('h1.txt') ?? '';
    const [stdout = '', stderr = ''] = file.split(/── std(?:out|err): .* ──\n/).slice(1);
    expect(stdout === `${seq(400_000)}pw [secret]\n[secret]\n\n\n`).toBe(true);
    const [first = '', last = ''] = stderr.split(/\n── so far the first 10\.0 MiB of 19\.1 MiB: .* ──\n/);
    expect(first === 'x'.repeat(10 * 1024 * 1024)).toBe(true);
    expect(last).toMatch(/^x{98304}\n$/);
    const words = JSON.stringify(thread);
    expect(words).toContain('all 2.6 MiB are in the file in this thread');
    expect(words).toContain('the first 10.0 MiB of 19.1 MiB are in the file in this thread');
    expect(stage.slack.violations).toEqual([]);
    expect(stage.bot.output()).not.toMatch(/"level":(40|50|60)/);

    const [runId = ''] = await readdir(stage.home.path('data/spool'));
    // The colour in the middle of the second is gone only once it is made fit to be read.
    const spooled = await readFile(stage.home.path('data/spool', runId, 'h1.stdout'), 'utf8');
    expect(spooled === `${seq(400_000)}pw [secret]\nhunter2\u001b[1m-long\n`).toBe(true);
  });

  test('of many hosts the log says where each is; the first ten are in the thread', async () => {
    await using stage = await openStage(12);
    const { thread } = await stage.run(
      '-g web -cmd "seq 1 40000; hostname -I >&2; echo $SSH_CONNECTION"',
      12,
    );
    const files = filesOf(stage, thread);
    const names = ['run.txt', 'run.jsonl', ...Array.from({ length: 10 }, (_, i) => `h${i + 1}.txt`)];
    expect([...files.keys()].sort()).toEqual(names.sort());
    for (const name of ['h1.txt', 'h10.txt']) expect(files.get(name)).toContain(`\n${seq(40_000)}`);
    const log = files.get('run.txt') ?? '';
    expect(log).toMatch(/── stdout: all 223\.\d KiB are in r-\w+-h10\.txt in this thread ──/);
    expect(log).toMatch(/── stdout: all 223\.\d KiB are on the bot's disk: spool\/r-\w+\/h11\.stdout beside/);
    expect(log.match(/in this thread ──/g)).toHaveLength(10);
    expect(stage.slack.violations).toEqual([]);
  });

  test('a disk that takes no file costs the file only', async () => {
    await using stage = await openStage(1, (home) => writeFile(home.path('data/spool'), ''));
    const { root, thread } = await stage.run('-h h1 -cmd "seq 1 400000"', 1);
    expect(root.text).toMatch(/: 1 ok of 1 in /);
    expect(JSON.stringify(thread)).toContain('of 2.6 MiB left out here: too much to keep');
    expect(filesOf(stage, thread).get('h1.txt')).toMatch(
      /\n1\n2\n[\s\S]*MiB left out here: too much to keep[\s\S]*\n400000\n/,
    );
    expect(stage.bot.output()).toContain('output beyond the cap could not be kept on disk');
  });

  test('what is older than a week is gone after the start', async () => {
    const old = new Date(Date.now() - 8 * 24 * 60 * 60_000);
    await using stage = await openStage(1, async (home) => {
      await mkdir(home.path('data/spool/r-0000'), { recursive: true });
      await mkdir(home.path('data/spool/r-1111'));
      await utimes(home.path('data/spool/r-0000'), old, old);
    });
    await vi.waitFor(() => expect(existsSync(stage.home.path('data/spool/r-0000'))).toBe(false));
    expect(await readdir(stage.home.path('data/spool'))).toEqual(['r-1111']);
  });
});
