import { hash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { codeOf } from '../../errors.ts';
import type { Host } from '../../inventory/inventory.ts';
import { Connection } from '../connection/connection.ts';
import type { Route } from '../connection/route.ts';
import type { Contact } from '../host-keys/contact.ts';
import type { HostKeyCheck } from '../host-keys/host-keys.ts';
import { fingerprint, keyType } from '../host-keys/known-hosts.ts';
import { type Deadlines, formatAddress } from '../settings.ts';
import { Trouble } from '../trouble.ts';
import type { CredentialTrials, TwiceRefused } from './credential-trials.ts';
import { Handshake } from './handshake.ts';
import { nameSignature } from './keys/certified-key.ts';
import { openLogin } from './login.ts';

/** For which run a connection is made, and until when. */
export interface ConnectContext extends Contact {
  readonly signal: AbortSignal;
  /** How often this was tried before and others were in the way; default 0. */
  readonly turnedAway?: number;
}

/** Makes an SSH session of a socket, or a `Trouble`: the socket is torn down then. */
export function logIn(
  route: Route,
  socket: Duplex,
  hostKey: HostKeyCheck,
  deadlines: Deadlines,
  trials: CredentialTrials,
  { runId, signal }: ConnectContext,
): Promise<Connection> {
  const { host } = route;
  const begunAt = performance.now();
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
    async begin(what, secrets) {
      const credential = hash('sha256', JSON.stringify(secrets));
      const at = { runId, host: host.name, credential };
      const trial = await handshake.waitFor(trials.begin(at, signal));
      if (!('refusedBy' in trial)) {
        if (handshake.isOpen) return trial;
        trial.dropped();
      } else handshake.fail(new Trouble('skipped', refusedWords(what, host, trial)));
      return undefined;
    },
    fail,
    beforeCertified: (certificate) => nameSignature(client, certificate),
    isOpen: () => handshake.isOpen,
  });
  const session = handshake.run(login);
  // OpenSSH's last no is a goodbye (MaxAuthTries).
  client.once('error', (error) => typeof codeOf(error) === 'number' && login.trial?.refused());
  client.once('change password', () =>
    fail(`the password of ${host.user}@${formatAddress(host)} has expired`),
  );
  client.once('ready', () => {
    login.trial?.accepted();
    if (!handshake.isOpen) return;
    const connection = new Connection(route, client, socket, deadlines.disconnectMs);
    const { shownKey, software, keyedAt = begunAt } = handshake;
    if (shownKey) {
      const key = { type: keyType(shownKey) ?? 'unknown', fingerprint: fingerprint(shownKey) };
      const kexMs = Math.round(keyedAt - begunAt);
      const authMs = Math.round(performance.now() - keyedAt);
      connection.meeting = { tcpMs: 0, kexMs, authMs, key, trust: hostKey.trust(), server: software };
    }
    handshake.succeed(connection);
  });
  return session.finally(() => login.trial?.dropped());
}

function refusedWords(what: string, host: Host, { refusedBy }: TwiceRefused): string {
  const hosts = [...new Set(refusedBy)];
  const who = hosts.length === 1 ? `twice by ${hosts[0]}` : `by ${hosts.join(' and ')}`;
  return `${what} of ${host.user} was refused ${who} in this run, and is offered to no more hosts in it`;
}
