import type { ClientChannel, Connection as ServerConnection } from 'ssh2';
import { expect, test } from 'vitest';
import { startSshServer } from '../rigs/ssh-server.ts';
import { openConnection } from './rig.ts';

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
    await using host = await startSshServer({
      onConnection: (server) => takeNoMoreThan(server, bytes),
      onCommand: () => {},
    });
    const connection = await openConnection(host.port);
    const opened = Promise.withResolvers<ClientChannel>();
    await connection.exec('cat', opened.resolve);
    const channel = await opened.promise;
    // Where it was cut into packets of nothing, this never came back.
    channel.write('a line\n');
    expect(connection.isOpen).toBe(true);
    await connection.close();
  },
);
