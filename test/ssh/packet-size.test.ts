import type { Connection as ServerConnection } from 'ssh2';
import { expect, test } from 'vitest';
import { startSshServer } from '../rigs/ssh-server.ts';
import { openRig, passwordHost } from './rig.ts';

/** From now on it tells each channel that it takes packets of so many bytes. */
function takeNoMoreThan(server: ServerConnection, bytes: number): void {
  const protocol: object = Reflect.get(server, '_protocol');
  const confirm: (...words: readonly unknown[]) => void = Reflect.get(protocol, 'channelOpenConfirm');
  Reflect.set(protocol, 'channelOpenConfirm', (remote: number, local: number, window: number) =>
    Reflect.apply(confirm, protocol, [remote, local, window, bytes]),
  );
}

test.each([0, 1, 1_023])(
  'a host that takes packets of %i bytes keeps nobody busy for ever',
  async (bytes) => {
    await using host = await startSshServer({ onConnection: (server) => takeNoMoreThan(server, bytes) });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(host.port), 'true')).toMatchObject({ kind: 'ok' });
  },
);
