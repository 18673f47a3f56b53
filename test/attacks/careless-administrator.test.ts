import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ADDRESSES,
  ada,
  EVERYTHING,
  type Home,
  inventoryOf,
  MAIN,
  makeHome,
  OPS,
  openTeamSlack,
  startBot,
} from '../rigs/bot.ts';
import { HAS_SSHD, makeKeyPair, startSshd } from '../rigs/sshd.ts';

const OTHERS = 0o077;

async function modesIn(folder: string): Promise<ReadonlyMap<string, number>> {
  const modes = new Map<string, number>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    modes.set(relative(folder, path), (await lstat(path)).mode & 0o7777);
  }
  return modes;
}

describe.skipIf(!HAS_SSHD)('an administrator who starts the bot with umask 0', () => {
  test('lets nobody else on the machine read what it keeps; a fetched file is never wider than on its host', async () => {
    await using slack = await openTeamSlack();
    await using sshd = await startSshd({ addresses: ADDRESSES });
    await using home = await makeHome({
      key: `${sshd.key.private.trimEnd()}\n`,
      'allowlist.ini': EVERYTHING,
    });
    await writeFile(home.path('inventory.ini'), inventoryOf(sshd, ADDRESSES, home.path('key')));
    await rename(home.path('data'), home.path('was-there'));
    await using bot = await startBot(
      home,
      slack,
      {},
      {
        program: 'sh',
        args: ['-c', 'umask 0; exec "$0" "$1"', process.execPath, MAIN],
      },
    );
    const there: Readonly<Record<string, number>> = { all: 0o777, set: 0o6755, none: 0o000, group: 0o640 };
    for (const [name, mode] of Object.entries(there)) {
      await writeFile(home.path(name), name);
      await chmod(home.path(name), mode);
    }
    let runs = 0;
    /** All at once, until each has ended well. */
    const run = async (asked: readonly ReturnType<typeof ada>[]): Promise<void> => {
      for (const one of asked) await slack.command(one);
      runs += asked.length;
      await slack.waitFor(
        () => slack.messages(OPS).filter(({ text }) => / 1 ok of 1 /.test(text)).length === runs,
        30_000,
      );
    };
    const get = (name: string) => ada(`-h h1 -action get ${home.path(name)} took`, '/batch_scp');
    // What one says is more than fits a reply: it is kept on disk.
    await run([...Object.keys(there).map(get), ada('-h h2 -cmd "seq 1 100000"')]);
    // Fetched when it was narrower, it does not get wider by being fetched again.
    await chmod(home.path('group'), 0o777);
    await run([get('group')]);

    const modes = await modesIn(home.path('data'));
    for (const [name, mode] of Object.entries(there)) {
      const here = modes.get(`transfers/took/h1/${name}`) ?? 0o7777;
      expect(here & ~(mode | 0o600) & 0o7777, `${name} is ${here.toString(8)} here`).toBe(0);
      expect(here & 0o7022, name).toBe(0);
    }
    const open = [...modes]
      .filter(([path, mode]) => !path.startsWith('transfers/took/h1/') && (mode & OTHERS) !== 0)
      .map(([path, mode]) => `${path} is ${mode.toString(8)}`);
    expect(open).toEqual([]);
    expect(modes.has('spool')).toBe(true);
    expect((await lstat(home.path('data'))).mode & OTHERS).toBe(0);
    expect(await bot.stop()).toBe(0);
  }, 90_000);
});

/** As an administrator asks, without any token. */
function check(home: Home, env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'check-config'], {
    cwd: home.folder,
    env: { PATH: process.env.PATH, HOME: home.folder, ...env },
    encoding: 'utf8',
  });
  return { code: status, lines: `${stdout}${stderr}`.trimEnd().split('\n') };
}

const FILES = {
  '.env': 'BATCHOPS_LOG_LEVEL=info\n',
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};

describe('an administrator who leaves files open', () => {
  test('is told what everybody on the machine can read or write, and what a copy could carry off', async () => {
    await using home = await makeHome(FILES);
    await chmod(home.path('inventory.ini'), 0o644);
    await chmod(home.path('.env'), 0o606);
    await chmod(home.path('allowlist.ini'), 0o646);
    const suspicions = [
      'is this meant? inventory.ini: everybody on this machine can read it; chmod o-r inventory.ini',
      'is this meant? .env: everybody on this machine can read and write it; chmod o-rw .env',
      'is this meant? allowlist.ini: everybody on this machine can write it; chmod o-w allowlist.ini',
    ];
    expect(check(home)).toEqual({ code: 0, lines: [...suspicions, '0 problems, 3 suspicions'] });
    // The bot says so as it starts.
    await using slack = await openTeamSlack();
    await using bot = await startBot(home, slack);
    const said = bot
      .output()
      .split('\n')
      .filter((line) => line.includes('is this meant?'));
    expect(said.map((line) => JSON.parse(line).msg)).toEqual(suspicions);

    await chmod(home.path('inventory.ini'), 0o640);
    await chmod(home.path('.env'), 0o600);
    await chmod(home.path('allowlist.ini'), 0o644);
    // By a link it is there all the same.
    await rename(home.path('inventory.ini'), home.path('data/transfers/real.ini'));
    await symlink('data/transfers/real.ini', home.path('inventory.ini'));
    expect(check(home).lines[0]).toBe(
      'is this meant? inventory.ini: it is inside the transfer folder (data/transfers), where copies read and write',
    );
    await mkdir(home.path('data/elsewhere'));
    expect(check(home, { BATCHOPS_TRANSFER_DIR: 'data/elsewhere' }).lines).toEqual([
      '0 problems, 0 suspicions',
    ]);
  }, 60_000);

  test('is told the same of the files that keys, passwords and tokens are in, and of folders that everybody can write to', async () => {
    const key = makeKeyPair().private;
    await using home = await makeHome({
      ...FILES,
      'inventory.ini':
        '[h1]\nip = 127.0.0.1\nuser = ops\nkey = keys/id\n[h2]\nip = 127.0.0.2\nuser = ops\npassword = file:data/transfers/pw\n',
      'data/transfers/pw': 'hunter2hunter2\n',
      'data/transfers/token': 'xoxb-1-hunter2\n',
    });
    await mkdir(home.path('keys'));
    await writeFile(home.path('keys/id'), `${key.trimEnd()}\n`);
    await chmod(home.path('keys/id'), 0o644);
    await chmod(home.path('keys'), 0o777);
    const { code, lines } = check(home, { SLACK_BOT_TOKEN_FILE: 'data/transfers/token' });
    expect(code).toBe(0);
    expect(lines).toEqual([
      'is this meant? keys/id: everybody on this machine can read it; chmod o-r keys/id',
      'is this meant? keys: everybody on this machine can write to this folder, and so replace keys/id; chmod o-w keys',
      'is this meant? data/transfers/pw: it is inside the transfer folder (data/transfers), where copies read and write',
      'is this meant? data/transfers/token: it is inside the transfer folder (data/transfers), where copies read and write',
      '0 problems, 4 suspicions',
    ]);
    // Where nobody can replace what is another's, it is well.
    await chmod(home.path('keys'), 0o1777);
    await chmod(home.path('keys/id'), 0o600);
    expect(check(home, { SLACK_BOT_TOKEN_FILE: 'data/transfers/token' }).lines).toHaveLength(3);
    expect(lines.join('\n')).not.toContain('hunter2');
  }, 60_000);
});
