import type { Duplex } from 'node:stream';
import type { Host } from '../../inventory/inventory.ts';
import { Connection } from '../connection/connection.ts';
import type { HostKeyCheck } from '../host-keys/host-keys.ts';
import { type Deadlines, formatAddress } from '../settings.ts';
import { Trouble } from '../trouble.ts';
import { Handshake } from './handshake.ts';
import { openLogin } from './login.ts';

/** Makes an SSH session of a socket, or a `Trouble`: the socket is torn down then. */
export function logIn(
  host: Host,
  socket: Duplex,
  hostKey: HostKeyCheck,
  deadlines: Deadlines,
  signal: AbortSignal,
): Promise<Connection> {
  const handshake = new Handshake<Connection>(host, socket, hostKey, deadlines, signal);
  const { client } = handshake;
  const fail = (reason: string) => handshake.fail(new Trouble('auth-failed', reason));
  const login = openLogin(host, {
    async prove() {
      const { shownKey } = handshake;
      const reason = shownKey ? await hostKey.accept(shownKey) : 'it showed no host key';
      if (reason !== null) handshake.distrust(reason);
      return reason === null;
    },
    fail,
    isOpen: () => handshake.isOpen,
  });
  const session = handshake.run(login);
  client.once('change password', () =>
    fail(`the password of ${host.user}@${formatAddress(host)} has expired`),
  );
  client.once('ready', () => {
    if (handshake.isOpen) handshake.succeed(new Connection(host, client, socket, deadlines.disconnectMs));
  });
  return session;
}
