import type { Readable } from 'node:stream';
import type { ClientChannel, Connection as ServerConnection } from 'ssh2';
import { expect, test } from 'vitest';
import { Trouble } from '../../src/ssh/trouble.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { openConnection } from './rig.ts';

/** On the channel that the client numbered 0: its end, then more on both of its streams. */
function speakBehindTheEnd(server: ServerConnection): void {
  const protocol: object = Reflect.get(server, '_protocol');
  const send = (name: string, ...words: readonly unknown[]): void =>
    void Reflect.apply(Reflect.get(protocol, name), protocol, words);
  send('channelEOF', 0);
  send('channelData', 0, Buffer.from('late'));
  send('channelExtData', 0, Buffer.from('late'), 1);
}

/** Without a listener for errors of its own, as `once` would be. */
const closed = (stream: Readable): Promise<void> =>
  new Promise((resolve) => void stream.once('close', () => resolve()));

test.each(['a command', 'a forward'] as const)(
  'a host that goes on to speak behind the end of %s ends nobody but that channel',
  async (what) => {
    let server: ServerConnection | undefined;
    await using host = await startSshServer({
      onConnection(connection) {
        server = connection;
      },
      onCommand: () => {},
    });
    const connection = await openConnection(host.port);
    const opened = Promise.withResolvers<ClientChannel>();
    if (what === 'a forward') opened.resolve(await connection.forward('127.0.0.1', host.port));
    else await connection.exec('true', opened.resolve);
    const channel = await opened.promise;
    channel.resume();
    channel.stderr.resume();
    const both = Promise.all([closed(channel), closed(channel.stderr)]);
    if (server !== undefined) speakBehindTheEnd(server);
    // An 'error' that nobody hears would have ended the process before it came to this.
    await both;
    expect(connection.isOpen).toBe(true);
    await connection.close();
  },
);

test('nor does one that speaks behind the end of a command that it has not taken', async () => {
  await using host = await startSshServer({
    onExecRequest(_command, connection) {
      speakBehindTheEnd(connection);
      return 'ignore';
    },
  });
  const connection = await openConnection(host.port);
  const refused = expect(connection.exec('true', () => {})).rejects.toThrow(Trouble);
  // All that it said was read when it has answered this.
  await expect(
    connection.sftp(
      () => {},
      () => new Trouble('transfer-failed', 'none'),
    ),
  ).rejects.toThrow('none');
  expect(connection.isOpen).toBe(true);
  await connection.close();
  await refused;
});
