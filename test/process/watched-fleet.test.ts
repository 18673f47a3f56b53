import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { describeChanges, type FleetChanges } from '../../src/process/fleet/changes.ts';
import { fleetPaths, readFleet } from '../../src/process/fleet/fleet-files.ts';
import { InventoryScripts } from '../../src/process/fleet/scripts.ts';
import { type FleetSource, WatchedFleet, type WatchPace } from '../../src/process/fleet/watched-fleet.ts';
import { EVERYTHING, makeHome } from '../rigs/bot.ts';

const hostOf = (n: number, more = ''): string =>
  `[h${n}]\nip = 10.0.0.${n}\nuser = ops\nagent = /agent\n${more}`;
const UP = { timeout: 15_000, interval: 20 };
const PACE = { pollMs: 50, settleMs: 40 };

function sourceOf(home: { path(name: string): string }): FleetSource {
  const paths = {
    inventoryPaths: [home.path('inventory.ini')],
    sshConfigPath: undefined,
    allowlistPath: home.path('allowlist.ini'),
  };
  const scripts = new InventoryScripts([], {});
  return {
    paths: (now) => fleetPaths(paths, now),
    read: () => readFleet(paths, {}, { findKeyFault: () => undefined }, scripts),
  };
}

async function openFleet(pace: Partial<WatchPace> = PACE, files: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack();
  const home = stack.use(
    await makeHome({ 'inventory.ini': hostOf(1), 'allowlist.ini': EVERYTHING, ...files }),
  );
  const fleet = new WatchedFleet(sourceOf(home), pace);
  const said: string[] = [];
  const beforehand: number[] = [];
  const following = fleet.follow({
    beforeChange: (next) => beforehand.push(next.inventory.hosts.size),
    onChange: (changes: FleetChanges) => said.push(describeChanges(changes) || 'nothing'),
    onFailure: (problems) => said.push(`failed: ${problems.join('; ').replaceAll(home.folder, '')}`),
  });
  stack.defer(() => following.close());
  return { home, fleet, said, beforehand, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('inventory and allowlist are read again', () => {
  test('after many quick writes once, as they are in the end, and never as they were half-way', async () => {
    // Longer than a machine may hold this process up between two writes.
    await using it = await openFleet({ pollMs: 50, settleMs: 3_200 });
    for (let n = 2; n <= 40; n += 1) {
      // As an editor that writes in place: for a moment the file is empty, which would be a fleet of no hosts.
      await writeFile(it.home.path('inventory.ini'), '');
      await writeFile(it.home.path('inventory.ini'), `${hostOf(1)}${hostOf(n)}`);
    }
    await vi.waitFor(() => expect(it.said).toEqual(['rules: changed oncall (hosts) · hosts: added h40']), UP);
    expect([...it.fleet.inventory.hosts.keys()]).toEqual(['h1', 'h40']);
  });

  test('and what changed is named by the words of the files, also where all hosts become the same ones by name', async () => {
    await using it = await openFleet();
    await writeFile(it.home.path('allowlist.ini'), EVERYTHING.replace('hosts = all', 'hosts = h1'));
    await vi.waitFor(() => expect(it.said).toEqual(['rules: changed oncall (hosts)']), UP);
  });

  test.each([
    ['by the system telling of it', { pollMs: 3_600_000, settleMs: 40 }],
    ['by looking, where it does not', PACE],
  ])('where a new file is moved over the old one: %s', async (_how, pace) => {
    await using it = await openFleet(pace);
    for (const n of [2, 3]) {
      await writeFile(it.home.path('new'), hostOf(n));
      await rename(it.home.path('new'), it.home.path('inventory.ini'));
      await vi.waitFor(() => expect([...it.fleet.inventory.hosts.keys()]).toEqual([`h${n}`]), UP);
    }
  });

  test('where a link leads elsewhere, as a mounted volume of Kubernetes does it', async () => {
    await using it = await openFleet();
    const { home } = it;
    for (const n of [2, 3]) {
      await mkdir(home.path(`..${n}`));
      await writeFile(home.path(`..${n}`, 'inventory.ini'), hostOf(n));
      await symlink(`..${n}`, home.path('..tmp'));
      await rename(home.path('..tmp'), home.path('..data'));
      if (n === 2) {
        await symlink(join('..data', 'inventory.ini'), home.path('link'));
        await rename(home.path('link'), home.path('inventory.ini'));
      }
      await vi.waitFor(() => expect([...it.fleet.inventory.hosts.keys()]).toEqual([`h${n}`]), UP);
    }
  });

  test('both or neither: while one is wrong the last good ones are in force, each fault is said once', async () => {
    await using it = await openFleet();
    const before = { inventory: it.fleet.inventory, allowlist: it.fleet.allowlist };
    await writeFile(it.home.path('allowlist.ini'), EVERYTHING.replace('users', 'user'));
    await vi.waitFor(() => expect(it.said).toHaveLength(1), UP);
    await writeFile(it.home.path('inventory.ini'), hostOf(1) + hostOf(2, 'port = no\n'));
    await vi.waitFor(() => expect(it.said).toHaveLength(2), UP);
    expect(it.said[0]).toMatch(/^failed: \/allowlist\.ini:2: .*; \/allowlist\.ini:3: unknown key "user"/);
    expect(it.said[1]).toMatch(/^failed: \/inventory\.ini:9: .*\/allowlist\.ini:\d+: unknown key/);
    expect(it.fleet.inventory).toBe(before.inventory);
    expect(it.fleet.allowlist).toBe(before.allowlist);

    await rm(it.home.path('inventory.ini'));
    await vi.waitFor(() => expect(it.said[2]).toContain('inventory.ini: cannot be read (ENOENT)'), UP);
    await writeFile(it.home.path('inventory.ini'), hostOf(1));
    await vi.waitFor(() => expect(it.said).toHaveLength(4), UP);
    // That they are well again is said also where all is as it was.
    await writeFile(it.home.path('allowlist.ini'), EVERYTHING);
    await vi.waitFor(() => expect(it.said[4]).toBe('nothing'), UP);
  });

  test('when somebody asks, also where nothing changed: a file that they name may have', async () => {
    const password = (text: string) => hostOf(1, `password = ${text}\n`);
    await using it = await openFleet(PACE, { 'inventory.ini': password('one-secret') });
    it.fleet.readAgain();
    await vi.waitFor(() => expect(it.said).toEqual(['nothing']), UP);
    // What changed is said, what it was and is, never.
    await writeFile(it.home.path('inventory.ini'), password('two-secret'));
    await vi.waitFor(() => expect(it.said.slice(1)).toEqual(['hosts: changed h1 (password)']), UP);
    expect(it.beforehand).toEqual([1, 1]);
  });

  test('where they changed before anybody followed, and not where they did not', async () => {
    await using home = await makeHome({ 'inventory.ini': hostOf(1), 'allowlist.ini': EVERYTHING });
    const source = sourceOf(home);
    let reads = 0;
    const open = () =>
      new WatchedFleet(
        {
          ...source,
          read() {
            reads += 1;
            return source.read();
          },
        },
        PACE,
      );
    const follower = { beforeChange() {}, onChange() {}, onFailure() {} };
    const fleet = open();
    await writeFile(home.path('inventory.ini'), hostOf(2));
    const following = fleet.follow(follower);
    await vi.waitFor(() => expect([...fleet.inventory.hosts.keys()]).toEqual(['h2']), UP);
    await following.close();
    expect(reads).toBe(2);

    const unchanged = open();
    const quiet = unchanged.follow(follower);
    // The first look is over once a second one was asked for and has read.
    unchanged.readAgain();
    await vi.waitFor(() => expect(reads).toBe(4), UP);
    await quiet.close();
    expect(reads).toBe(4);
  });
});
