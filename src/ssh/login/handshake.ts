import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import type { Host } from '../../inventory/inventory.ts';
import { Deadline } from '../../time/deadline.ts';
import { Connection } from '../connection/connection.ts';
import type { HostKeyCheck } from '../host-keys/host-keys.ts';
import { keyType } from '../host-keys/known-hosts.ts';
import { takeTurn } from '../loop-turns.ts';
import { type Deadlines, formatAddress, formatSeconds } from '../settings.ts';
import {
  brokenHandshake,
  isDisagreement,
  levelOf,
  type Phase,
  stopTrouble,
  Trouble,
  WrongHostKey,
} from '../trouble.ts';
import { algorithmsOf, findOldOnly, suiteFor } from './algorithms.ts';
import { LOGIN_BYTES } from './limits.ts';
import { openLogin } from './login.ts';
import { Opening } from './offer.ts';

/**
 * Makes an SSH session of a socket: keys exchanged, host trusted, logged in. A new client for each try: a
 * used one keeps old listeners and state (pitfall 35). The socket is torn down where it fails.
 *
 * The library throws at whoever answers it once its socket is gone, out of any `try`: from the first sign of
 * an end on, none of its callbacks is called any more.
 */
export function logIn(
  host: Host,
  socket: Duplex,
  hostKey: HostKeyCheck,
  deadlines: Deadlines,
  signal: AbortSignal,
): Promise<Connection> {
  const address = formatAddress(host);
  const wish = { types: hostKey.types, isOnly: hostKey.isOnly, isLegacy: host.legacy === true };
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    const opening = new Opening();
    let state: 'open' | 'ready' | 'over' = 'open';
    let hasKeys = false;
    let offeredKey: Buffer | undefined;

    const phase = (): Phase => (hasKeys ? 'the login' : opening.isSsh ? 'the key exchange' : 'its greeting');
    const onLate = () => {
      const limit = formatSeconds(deadlines.handshakeMs);
      fail(new Trouble('unreachable', `${address} did not finish ${phase()} within ${limit}`));
    };
    const deadline = new Deadline();
    deadline.set(deadlines.handshakeMs, onLate);
    const onAbort = () => fail(stopTrouble(signal, 'before the command was sent'));
    const keep = (chunk: Buffer) => opening.push(chunk);
    const onData = () => {
      if (opening.bytes <= LOGIN_BYTES) return;
      const limit = `${LOGIN_BYTES / 1024} KiB`;
      fail(new Trouble('unreachable', `${address} sent more than ${limit} before ${phase()} was done`));
    };
    const end = (next: 'ready' | 'over') => {
      state = next;
      deadline.clear();
      signal.removeEventListener('abort', onAbort);
      socket.off('data', keep);
      socket.off('data', onData);
    };
    const fail = (trouble: Trouble) => {
      if (state !== 'open') return;
      end('over');
      reject(trouble);
      socket.destroy();
    };
    const failLogin = (reason: string) => fail(new Trouble('auth-failed', reason));
    const distrust = (reason: string, key?: Buffer) =>
      fail(new WrongHostKey(address, reason, key && keyType(key), opening.keyTypes));
    const hangUp = () => {
      fail(brokenHandshake(new Error('the host hung up'), address, phase(), login.wasAsked));
      state = 'over';
    };

    const disagreement = (error: Error): Trouble | undefined => {
      const old = isDisagreement(error) ? findOldOnly(opening.offered, wish) : undefined;
      if (old === undefined) return undefined;
      return new Trouble('unreachable', `${address} offers only ${old}; \`legacy = yes\` allows them`);
    };

    const login = openLogin(host, {
      async prove() {
        const reason = offeredKey ? await hostKey.accept(offeredKey) : 'it showed no host key';
        if (reason !== null) distrust(reason);
        return reason === null;
      },
      fail: failLogin,
      isOpen: () => state === 'open',
    });

    client.on('error', (error) => {
      if (levelOf(error) === 'agent') login.agentFailed(error);
      else if (levelOf(error) === 'client-authentication')
        failLogin(`${host.user}@${address}: ${login.lastTried} could not be used to sign`);
      else fail(disagreement(error) ?? brokenHandshake(error, address, phase(), login.wasAsked));
    });
    client.once('end', hangUp);
    client.once('close', hangUp);
    client.once('handshake', () => {
      hasKeys = true;
    });
    client.once('change password', () => failLogin(`the password of ${host.user}@${address} has expired`));
    client.once('ready', () => {
      if (state !== 'open') return;
      end('ready');
      resolve(new Connection(host, client, socket, deadlines.disconnectMs));
    });

    const verify = (key: Buffer, done: (isTrusted: boolean) => void) => {
      // Asked again whenever keys are exchanged anew: by then only the same key will do.
      if (state === 'ready') return done(offeredKey?.equals(key) ?? false);
      const reason = hostKey.judge(key);
      if (reason !== null) return distrust(reason, key);
      offeredKey = key;
      takeTurn(() => {
        if (state !== 'open') return;
        try {
          done(true);
        } catch (error) {
          fail(brokenHandshake(error, address, phase(), false));
        }
      });
    };

    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    takeTurn(() => {
      if (state !== 'open') return;
      try {
        client.connect({
          sock: socket,
          username: host.user,
          algorithms: algorithmsOf(suiteFor(wish)),
          authHandler: login.handler,
          hostVerifier: verify,
          // Ours are the timers: this one would cover everything at once.
          readyTimeout: 0,
          keepaliveInterval: deadlines.keepaliveMs,
          keepaliveCountMax: 3,
        });
        // Behind `connect`, which stops the socket until it is ready to read. What is read is there before the
        // library complains of it; who says too much is only hung up on behind it.
        socket.prependListener('data', keep);
        socket.on('data', onData);
      } catch (error) {
        fail(brokenHandshake(error, address, phase(), false));
      }
    });
  });
}
