import { access, chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { describeChanges } from '../../src/process/fleet/changes.ts';
import { fleetPaths, readFleet } from '../../src/process/fleet/fleet-files.ts';
import { InventoryScripts, type ScriptLimits } from '../../src/process/fleet/scripts.ts';
import { WatchedFleet, type WatchPace } from '../../src/process/fleet/watched-fleet.ts';
import { EVERYTHING, makeHome } from '../rigs/bot.ts';

const UP = { timeout: 20_000, interval: 20 };
const hostOf = (name: string) => `[${name}]\nip = 10.0.0.1\nuser = ops\nagent = /agent\n`;
const listOf = (...names: readonly string[]) =>
  JSON.stringify({
    _meta: {
      hostvars: Object.fromEntries(
        names.map((name) => [name, { ansible_host: '10.0.0.1', ansible_user: 'u', ansible_password: 'pw' }]),
      ),
    },
  });

async function openSources(
  places: readonly string[],
  files: Readonly<Record<string, string>>,
  more: {
    readonly pace?: Partial<WatchPace>;
    readonly limits?: Partial<ScriptLimits>;
    readonly ssh?: string;
  } = {},
) {
  const home = await makeHome({ 'allowlist.ini': EVERYTHING });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(home.path(name)), { recursive: true });
    await writeFile(home.path(name), text);
  }
  for (const name of Object.keys(files)) if (name.endsWith('.sh')) await chmod(home.path(name), 0o755);
  const paths = {
    inventoryPaths: places.map((name) => home.path(name)),
    sshConfigPath: more.ssh === undefined ? undefined : home.path(more.ssh),
    allowlistPath: home.path('allowlist.ini'),
  };
  const env = { PATH: process.env.PATH, HOME: '/home/ops', SLACK_BOT_TOKEN: 'xoxb-secret' };
  const scripts = new InventoryScripts(paths.inventoryPaths, env, more.limits);
  const said: string[] = [];
  const stack = new AsyncDisposableStack();
  stack.use(home);
  const short = (problems: readonly string[]) => problems.join('; ').replaceAll(`${home.folder}/`, '');
  return {
    home,
    scripts,
    said,
    /** What is wrong with it; empty where nothing is. */
    async faults() {
      try {
        await scripts.run();
        readFleet(paths, {}, KEYS, scripts);
      } catch (error) {
        if (error instanceof ConfigError) return short(error.problems);
        throw error;
      }
      return '';
    },
    async open() {
      await scripts.run();
      const fleet = new WatchedFleet(
        {
          paths: (now) => fleetPaths(paths, now),
          fetch: (signal) => scripts.run(signal),
          read: () => readFleet(paths, {}, KEYS, scripts),
        },
        { pollMs: 50, settleMs: 40, ...more.pace },
      );
      const following = fleet.follow({
        beforeChange() {},
        onChange: (changes) => said.push(describeChanges(changes) || 'nothing'),
        onFailure: (problems) => said.push(`failed: ${short(problems)}`),
      });
      stack.defer(() => following.close());
      return fleet;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const KEYS = { findKeyFault: () => undefined, findCertificateFault: () => undefined };

const namesOf = (fleet: WatchedFleet) => [...fleet.inventory.hosts.keys()];

describe('BATCHOPS_INVENTORY', () => {
  test('is several files, folders and programs, in the order named; a folder is its .ini in theirs', async () => {
    await using it = await openSources(
      ['last.ini', 'more', 'list.sh'],
      {
        'last.ini': hostOf('z'),
        'more/b.ini': hostOf('b'),
        'more/a.ini': hostOf('a'),
        'more/.hidden.ini': hostOf('h'),
        'more/notes.txt': 'not read',
        'list.sh': `#!/bin/sh\n[ "$1" = --list ] && echo '${listOf('s1', 's2')}'\n`,
        config: 'Host c\n User u\n IdentityAgent /agent\n',
      },
      { ssh: 'config' },
    );
    expect(namesOf(await it.open())).toEqual(['z', 'a', 'b', 's1', 's2', 'c']);
  });

  test('of a folder is read again when one of its files changes, comes or goes', async () => {
    await using it = await openSources(['more'], { 'more/a.ini': hostOf('a') });
    const fleet = await it.open();
    await writeFile(it.home.path('more/b.ini'), hostOf('b'));
    await vi.waitFor(() => expect(namesOf(fleet)).toEqual(['a', 'b']), UP);
    await writeFile(it.home.path('more/b.ini'), hostOf('c'));
    await vi.waitFor(() => expect(namesOf(fleet)).toEqual(['a', 'c']), UP);
    await rm(it.home.path('more/a.ini'));
    await vi.waitFor(() => expect(namesOf(fleet)).toEqual(['c']), UP);
  });

  test('with a place that is not there, or a folder with nothing in it, is told with its path', async () => {
    await using it = await openSources(['nowhere', 'empty'], {});
    await mkdir(it.home.path('empty'));
    expect(await it.faults()).toBe('empty: there is no .ini file in this folder');
    await writeFile(it.home.path('empty/a.ini'), hostOf('a'));
    expect(await it.faults()).toContain('nowhere: cannot be read (ENOENT)');
  });
});

test('a certificate that is renewed is taken over by itself', async () => {
  await using it = await openSources(['a.ini'], {
    'a.ini': `${hostOf('a')}cert = CERT\n`,
    cert: 'first',
  });
  const file = it.home.path('a.ini');
  await writeFile(file, `${hostOf('a')}cert = ${it.home.path('cert')}\n`);
  const fleet = await it.open();
  expect(fleet.inventory.hosts.get('a')?.certificate).toBe('first');
  await writeFile(it.home.path('cert'), 'second');
  await vi.waitFor(() => expect(fleet.inventory.hosts.get('a')?.certificate).toBe('second'), UP);
  expect(it.said).toEqual(['hosts: changed a (certificate)']);
});

describe('a program of BATCHOPS_INVENTORY', () => {
  test('gets nothing of ours but where it is and what language is spoken', async () => {
    await using it = await openSources(['list.sh'], {
      'list.sh': `#!/bin/sh\nenv > seen\necho "$@" >> seen\necho '${listOf('a')}'\n`,
    });
    expect(await it.faults()).toBe('');
    const seen = await readFile(it.home.path('seen'), 'utf8');
    expect(seen).not.toContain('xoxb');
    expect(seen).toContain('HOME=/home/ops');
    expect(seen).toMatch(/--list\n$/);
  });

  test.each([
    [
      'ends with a fault',
      'echo password >&2; exit 3',
      'list.sh: it ended with exit code 3; run it by hand to see why: list.sh --list',
    ],
    ['is killed', 'kill -9 $$', 'list.sh: it ended with SIGKILL; run it by hand to see why: list.sh --list'],
    [
      'never ends, nor what it started',
      'sleep 600 & echo $! > child; sleep 600',
      'list.sh: it was not done after 0.7 s',
    ],
    [
      'ends, and leaves its output open',
      'sleep 600 & echo $! > child',
      'list.sh: it was not done after 0.7 s',
    ],
    ['prints without an end', 'yes', 'list.sh: it printed more than 1 MiB'],
    [
      'prints what is no text',
      "printf '\\377\\376x'",
      'list.sh: what it printed is UTF-16 or no text at all; save it as UTF-8',
    ],
    ['prints nothing', ':', 'list.sh: its output: it is no JSON'],
  ])('that %s is told, and is gone', async (_how, script, fault) => {
    await using it = await openSources(
      ['list.sh'],
      { 'list.sh': `#!/bin/sh\n${script}\n` },
      // Over only for those who are to run into it.
      { limits: { timeMs: fault.includes('0.7 s') ? 700 : 20_000, maxBytes: 1024 * 1024 } },
    );
    expect(await it.faults()).toBe(fault);
    const child = Number(await readFile(it.home.path('child'), 'utf8').catch(() => '0'));
    if (child > 0) await vi.waitFor(() => expect(() => process.kill(child, 0)).toThrow('ESRCH'), UP);
  });

  test('that cannot be started, or that everybody can write to, is not run', async () => {
    await using it = await openSources(['list.sh'], { 'list.sh': '#!/nowhere/sh\n' });
    expect(await it.faults()).toBe('list.sh: it cannot be run (ENOENT)');
    await chmod(it.home.path('list.sh'), 0o777);
    expect(await it.faults()).toContain('everybody on this machine can write to it, so it is not run');
    await chmod(it.home.path('list.sh'), 0o644);
    expect(await it.faults()).toContain('there is no host in this file');
  });

  test('begins as one: no shell gets the lines of an inventory that somebody made executable', async () => {
    const lines = 'touch ran\n[web:vars]\nansible_user=u\nansible_password=x\n[web]\ntouch\n';
    await using it = await openSources(['hosts.sh'], { 'hosts.sh': lines });
    expect(await it.faults()).toContain('hosts.sh:1: expected name=value behind the name of a host');
    expect(await readdir(it.home.folder)).not.toContain('ran');
  });

  test('a file that ends in .ini is never run, whatever its mode', async () => {
    await using it = await openSources(['a.ini'], { 'a.ini': `#!/bin/sh\n${hostOf('a')}` });
    await chmod(it.home.path('a.ini'), 0o755);
    expect(namesOf(await it.open())).toEqual(['a']);
  });

  test('is run again now and then, and on a reload; where it fails the last good output stays, and it is said once', async () => {
    await using it = await openSources(
      ['list.sh'],
      { 'list.sh': '#!/bin/sh\necho x >> runs\ncat out.json\n', 'out.json': listOf('a') },
      { pace: { everyMs: 100 } },
    );
    const fleet = await it.open();
    await writeFile(it.home.path('out.json'), listOf('a', 'b'));
    await vi.waitFor(() => expect(namesOf(fleet)).toEqual(['a', 'b']), UP);
    expect(it.said.at(-1)).toContain('hosts: added b');
    await writeFile(it.home.path('out.json'), '{');
    await vi.waitFor(() => expect(it.said.at(-1)).toBe('failed: list.sh: its output: it is no JSON'), UP);
    expect(namesOf(fleet)).toEqual(['a', 'b']);
    const runs = async () => (await readFile(it.home.path('runs'), 'utf8')).length;
    const before = await runs();
    await vi.waitFor(async () => expect(await runs()).toBeGreaterThan(before + 6), UP);
    expect(it.said.filter((words) => words.startsWith('failed'))).toHaveLength(1);
    await writeFile(it.home.path('out.json'), listOf('c'));
    await vi.waitFor(() => expect(namesOf(fleet)).toEqual(['c']), UP);
    fleet.readAgain();
    await vi.waitFor(() => expect(it.said.at(-1)).toBe('nothing'), UP);
  });

  test('is not waited for by what is asked meanwhile: the loop goes on', async () => {
    await using it = await openSources(['list.sh'], {
      'list.sh': `#!/bin/sh\n[ -e slow ] && { touch begun; while [ -e slow ]; do sleep 0.05; done; }\necho '${listOf('a')}'\n`,
    });
    const fleet = await it.open();
    await writeFile(it.home.path('slow'), '');
    fleet.readAgain();
    await vi.waitFor(() => access(it.home.path('begun')), UP);
    expect(namesOf(fleet)).toEqual(['a']);
    await rm(it.home.path('slow'));
    await vi.waitFor(() => expect(it.said).toEqual(['nothing']), UP);
  });
});
