import type { Duplex } from 'node:stream';
import ssh2, { type Algorithms, type KexAlgorithm, type ServerHostKeyAlgorithm } from 'ssh2';
import type { Host } from '../../inventory/inventory.ts';
import type { HostKeyCheck } from '../host-keys.ts';
import { type Deadlines, formatAddress } from '../settings.ts';
import { brokenHandshake, levelOf, stopTrouble, Trouble } from '../trouble.ts';
import { takeTurn } from '../turns.ts';
import { formatSeconds } from '../within.ts';
import { Connection } from './connection.ts';
import { openLogin } from './login.ts';

/**
 * Makes an SSH session of a socket: keys exchanged, host trusted, logged in. A new client for each try: a
 * used one keeps old listeners and state (pitfall 35). The socket is torn down where it fails.
 */
export function logIn(
  host: Host,
  socket: Duplex,
  hostKey: HostKeyCheck,
  deadlines: Deadlines,
  signal: AbortSignal,
): Promise<Connection> {
  const address = formatAddress(host);
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let isOver = false;
    let offeredKey: Buffer | undefined;

    const timer = setTimeout(
      () =>
        fail(
          new Trouble(
            'unreachable',
            `${address} did not finish the login within ${formatSeconds(deadlines.handshakeMs)}`,
          ),
        ),
      deadlines.handshakeMs,
    );
    const onAbort = () => fail(stopTrouble(signal, 'before the command was sent'));
    const end = () => {
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (trouble: Trouble) => {
      if (isOver) return;
      end();
      reject(trouble);
      socket.destroy();
    };
    const failLogin = (reason: string) => fail(new Trouble('auth-failed', reason));
    const distrust = (reason: string) => fail(new Trouble('host-key-failed', `${address}: ${reason}`));

    const login = openLogin(
      host,
      async () => {
        const reason = offeredKey ? await hostKey.accept(offeredKey) : 'it showed no host key';
        if (reason !== null) distrust(reason);
        return reason === null;
      },
      failLogin,
    );

    client.on('error', (error) => {
      if (levelOf(error) === 'agent') login.agentFailed(error);
      else if (
        levelOf(error) === 'client-authentication' ||
        (login.wasAsked && /authentication/i.test(error.message))
      )
        failLogin(`${host.user}@${address}: ${error.message}`);
      else fail(brokenHandshake(error, address, login.wasAsked));
    });
    client.once('close', () => fail(brokenHandshake(new Error('the host hung up'), address, login.wasAsked)));
    client.once('change password', () => failLogin(`the password of ${host.user}@${address} has expired`));
    client.once('ready', () => {
      if (isOver) return;
      end();
      resolve(new Connection(host, client, socket, deadlines.disconnectMs));
    });

    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    takeTurn(() => {
      if (isOver) return;
      try {
        client.connect({
          sock: socket,
          username: host.user,
          algorithms: algorithmsFor(hostKey.types),
          authHandler: login.handler,
          hostVerifier: (key: Buffer, done: (isTrusted: boolean) => void) => {
            const reason = hostKey.judge(key);
            if (reason !== null) distrust(reason);
            offeredKey = key;
            takeTurn(() => done(reason === null));
          },
          // Ours are the timers: this one would cover everything at once.
          readyTimeout: 0,
          keepaliveInterval: deadlines.keepaliveMs,
          keepaliveCountMax: 3,
        });
      } catch (error) {
        fail(brokenHandshake(error, address, false));
      }
    });
  });
}

/** ssh2's own order, which is fastest first, but for the ones that block the process for a second and more. */
const KEX: KexAlgorithm[] = [
  'ecdh-sha2-nistp256',
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
];

const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** Asks first for the type of key that the host is known by: another of its keys would look like a change. */
function algorithmsFor(types: readonly string[]): Algorithms {
  if (types.length === 0) return { kex: KEX, serverHostKey: [...HOST_KEYS] };
  const isKnown = (algorithm: string) =>
    types.includes(algorithm.startsWith('rsa-sha2') ? 'ssh-rsa' : algorithm);
  return {
    kex: KEX,
    serverHostKey: [
      ...HOST_KEYS.filter((algorithm) => isKnown(algorithm)),
      ...HOST_KEYS.filter((algorithm) => !isKnown(algorithm)),
    ],
  };
}
