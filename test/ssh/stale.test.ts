import { expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { openRig, passwordHost } from './rig.ts';

const UP = { timeout: 10_000 };

test('connections to hosts that are changed, removed or taken out are closed, the others are kept', async () => {
  await using server = await startSshServer();
  const hosts = new Map<string, Host>(
    ['stays', 'moves', 'leaves', 'off'].map((name) => [name, passwordHost(server.port, { name })]),
  );
  await using rig = await openRig({ findHost: (name) => hosts.get(name) });
  for (const host of hosts.values()) await rig.run(host, 'true');
  const kept = server.open();
  expect(kept).toBe(4);
  rig.transport.closeStale();
  await rig.run(passwordHost(server.port, { name: 'stays' }), 'true');
  expect(server.open()).toBe(4);
  hosts.set('moves', passwordHost(server.port, { name: 'moves', user: 'root' }));
  hosts.delete('leaves');
  hosts.set('off', passwordHost(server.port, { name: 'off', enabled: false }));
  rig.transport.closeStale();
  await vi.waitFor(() => expect(server.open()).toBe(1), UP);
});

test('a connection that is busy when its host leaves the inventory is closed after its job', async () => {
  const asked = Promise.withResolvers<() => void>();
  await using server = await startSshServer({
    onCommand: (channel) =>
      asked.resolve(() => {
        channel.exit(0);
        channel.end();
      }),
  });
  const host = passwordHost(server.port);
  const hosts = new Map([['web01', host]]);
  await using rig = await openRig({ findHost: (name) => hosts.get(name) });
  const outcome = rig.run(host, 'true');
  const answer = await asked.promise;
  hosts.clear();
  rig.transport.closeStale();
  expect(server.open()).toBe(1);
  answer();
  expect(await outcome).toMatchObject({ kind: 'ok' });
  await vi.waitFor(() => expect(server.open()).toBe(0), UP);
});

test('a connection on the way takes nobody new once its host is changed, and is closed after the last', async () => {
  await using bastion = await startSshServer();
  await using inner = await startSshServer();
  const hosts = new Map([['bastion', passwordHost(bastion.port, { name: 'bastion' })]]);
  await using rig = await openRig({ findHost: (name) => hosts.get(name) });
  const host = passwordHost(inner.port, { jump: ['bastion'] });
  hosts.set('web01', host);
  expect(await rig.run(host, 'true')).toMatchObject({ kind: 'ok' });
  expect(bastion.open()).toBe(1);
  hosts.clear();
  rig.transport.closeStale();
  await vi.waitFor(() => expect([inner.open(), bastion.open()]).toEqual([0, 0]), UP);
});
