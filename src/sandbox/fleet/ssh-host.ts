import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import ssh2, { type AuthContext, type Connection } from 'ssh2';
import { runHostCommand } from './host-command.ts';
import type { HostFolder } from './host-folder.ts';
import { serveSftp } from './sftp-files.ts';

export interface Login {
  readonly user: string;
  readonly password?: string;
  /** OpenSSH public key, as in `authorized_keys`. */
  readonly publicKey?: string;
}

export interface SshHostOptions {
  readonly folder: HostFolder;
  readonly login: Login;
  /** Private host key in OpenSSH form. */
  readonly hostKey: string;
  /** Waits this long before each command, like a machine under load. */
  readonly delayMs: number;
}

export interface SshHost extends AsyncDisposable {
  readonly port: number;
}

/** An SSH server on 127.0.0.1 that logs one user in and runs commands and SFTP in the host's folder. */
export async function openSshHost(options: SshHostOptions): Promise<SshHost> {
  const ssh = new ssh2.Server({ hostKeys: [options.hostKey], ident: 'sandbox' }, (connection) => {
    // A client may go away in the middle of anything.
    connection.on('error', () => {});
    connection.on('authentication', (context) => authenticate(context, options.login));
    connection.on('ready', () => serveSessions(connection, options));
  });
  const sockets = new Set<Socket>();
  // ssh2's own listener leaves Nagle on, which makes each small answer wait for an acknowledgement.
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    ssh.injectSocket(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('The SSH host has no port');

  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function authenticate(context: AuthContext, login: Login): void {
  const accepts = [
    ...(login.password === undefined ? [] : ['password' as const]),
    ...(login.publicKey === undefined ? [] : ['publickey' as const]),
  ];
  if (context.username === login.user && isProven(context, login)) context.accept();
  else context.reject(accepts);
}

function isProven(context: AuthContext, login: Login): boolean {
  if (context.method === 'password') {
    return login.password !== undefined && isSame(Buffer.from(context.password), Buffer.from(login.password));
  }
  if (context.method !== 'publickey' || login.publicKey === undefined) return false;
  const known = ssh2.utils.parseKey(login.publicKey);
  if (known instanceof Error || Array.isArray(known)) return false;
  if (context.key.algo !== known.type || !isSame(context.key.data, known.getPublicSSH())) return false;
  // Without a signature the client only asks whether this key would do.
  if (context.signature === undefined || context.blob === undefined) return true;
  return known.verify(context.blob, context.signature, context.hashAlgo) === true;
}

function isSame(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function serveSessions(connection: Connection, { folder, delayMs }: SshHostOptions): void {
  connection.on('session', (accept) => {
    const session = accept();
    session.on('env', (acceptEnv: (() => void) | undefined) => acceptEnv?.());
    session.on('exec', (acceptExec, _reject, info) => {
      runHostCommand(folder, session, acceptExec(), info.command, delayMs).catch(() => connection.end());
    });
    session.on('sftp', (acceptSftp) => serveSftp(folder, acceptSftp()));
  });
}
