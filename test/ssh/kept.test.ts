import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { IdleConnections } from '../../src/ssh/connection/pool.ts';
import { openHostKeys } from '../../src/ssh/host-keys/host-keys.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { openConnection, openRig, passwordHost, unrecorded } from './rig.ts';

const UP = { timeout: 10_000 };

describe('how many connections are kept', () => {
  test('of more than may be kept, those go that are unused for longest', async () => {
    await using server = await startSshServer();
    await using rig = await openRig({ mostKept: () => 2 });
    const run = (name: string) => rig.run(passwordHost(server.port, { name }), 'true');
    for (const name of ['a', 'b', 'a', 'c']) await run(name);
    await vi.waitFor(() => expect(server.open()).toBe(2), UP);
    expect(server.dials()).toBe(3);
    for (const name of ['a', 'c']) await run(name);
    expect(server.dials()).toBe(3);
    await run('b');
    expect(server.dials()).toBe(4);
  });

  test('a job on the wire may need the room of others, and never that of its own connection', async () => {
    const asked = Promise.withResolvers<() => void>();
    await using server = await startSshServer({
      onCommand(channel, command) {
        const end = () => {
          channel.exit(0);
          channel.end();
        };
        if (command === 'long') asked.resolve(end);
        else end();
      },
    });
    await using rig = await openRig({ mostKept: (jobs) => (jobs === 0 ? 3 : 0) });
    const [one, other] = ['one', 'other'].map((name) => passwordHost(server.port, { name }));
    if (one === undefined || other === undefined) throw new Error('two hosts');
    await rig.run(one, 'true');
    const running = rig.run(one, 'long');
    const end = await asked.promise;
    expect(server.dials()).toBe(1);
    await rig.run(other, 'true');
    await vi.waitFor(() => expect(server.open()).toBe(1), UP);
    end();
    expect((await running).kind).toBe('ok');
    await rig.run(one, 'true');
    expect(server.dials()).toBe(2);
  });

  test('one that was made for another way to send commands is not used for this one, and a ping leaves none besides', async () => {
    await using server = await startSshServer();
    await using rig = await openRig();
    const run = (shell: Host['shell']) => rig.run(passwordHost(server.port, { shell }), 'true');
    await run('raw');
    await run('raw');
    expect(server.dials()).toBe(1);
    await run('posix');
    expect(server.dials()).toBe(2);
    await vi.waitFor(() => expect(server.open()).toBe(1), UP);
  });

  test('one that has become too old since its login is not kept, however much it is used', async () => {
    await using server = await startSshServer();
    const connections = new IdleConnections(60_000, 0);
    const connection = await openConnection(server.port);
    connections.give(connection);
    expect(connections.size).toBe(0);
    await vi.waitFor(() => expect(server.open()).toBe(0), UP);
  });
});

describe('what was connected by a line of known_hosts that somebody has taken out since', () => {
  const without = (file: string, port: number): void => {
    const lines = readFileSync(file, 'utf8').split('\n');
    const left = lines.filter((line) => !line.startsWith(`[127.0.0.1]:${port} `));
    expect(left).not.toHaveLength(lines.length);
    writeFileSync(file, left.join('\n'));
  };

  test('is not used again: the host is asked for its key anew', async () => {
    await using server = await startSshServer();
    await using rig = await openRig();
    const run = () => rig.run(passwordHost(server.port), 'true');
    await run();
    await run();
    expect(server.dials()).toBe(1);
    without(join(rig.folder, 'known_hosts'), server.port);
    await vi.waitFor(async () => {
      expect(await run()).toMatchObject({ kind: 'ok' });
      expect(server.dials()).toBe(2);
    }, UP);
    expect(await run()).not.toHaveProperty('firstKeys');
  });

  test('nor is one on the way', async () => {
    await using bastion = await startSshServer();
    await using inner = await startSshServer();
    const hosts = new Map<string, Host>([['bastion', passwordHost(bastion.port, { name: 'bastion' })]]);
    await using rig = await openRig({ findHost: (name) => hosts.get(name) });
    const run = (name = 'web01') => rig.run(passwordHost(inner.port, { name, jump: ['bastion'] }), 'true');
    expect(await run()).toMatchObject({ kind: 'ok' });
    without(join(rig.folder, 'known_hosts'), bastion.port);
    await vi.waitFor(async () => {
      expect(await run()).toMatchObject({ kind: 'ok' });
      expect(bastion.dials()).toBe(2);
    }, UP);
  });

  test('other lines change nothing for it', async () => {
    await using server = await startSshServer();
    const folder = mkdtempSync(join(tmpdir(), 'batchops-kept-'));
    const file = join(folder, 'known_hosts');
    const hostKeys = await openHostKeys(file, 'accept-new', unrecorded);
    await using rig = await openRig({ hostKeys });
    const run = () => rig.run(passwordHost(server.port), 'true');
    await run();
    const line = readFileSync(file, 'utf8').replace('127.0.0.1', '127.0.0.77');
    appendFileSync(file, line);
    // Until the file was read again.
    await vi.waitFor(async () => {
      await run();
      expect(hostKeys.file.keysOf(`[127.0.0.77]:${server.port}`)).toHaveLength(1);
    }, UP);
    await run();
    expect(server.dials()).toBe(1);
    rmSync(folder, { recursive: true });
  });
});
