import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerChannel, type SFTPWrapper } from 'ssh2';
import { randomOf } from '../../src/run/rollout/order.ts';
import type { KeyPair } from '../../src/sandbox/fleet/key-pair.ts';
import { attempt, type Misdeed, sendDisorder, Wire } from './misdeeds.ts';
import { makeKeyPair } from './sshd.ts';

/** Where in the course of a job it happens. */
export const STEPS = [
  'greeting', // the TCP connection stands, nothing was said
  'key-exchange', // in the middle of it
  'after-keys', // before the login
  'auth', // asked to let somebody in
  'channel', // asked for a channel: a session or a forward
  'exec', // the command runs and has said something
  'sftp', // SFTP began
  'close', // the exit code was said, the channel still stands
] as const;
export type Step = (typeof STEPS)[number];

export interface Misbehaviour {
  readonly at: Step;
  readonly does: Misdeed;
  /** Everything that is left to chance comes out of it: the moment, the bytes, the message. */
  readonly seed: number;
  /** Of `drip`: between two bytes. Of `late`: the longest wait. */
  readonly paceMs?: number;
}

export interface MisbehavingHost extends AsyncDisposable {
  readonly ip: string;
  readonly port: number;
  readonly hostKey: KeyPair;
  readonly commands: readonly string[];
  /** How many TCP connections are open now. */
  open(): number;
}

export interface HostOptions {
  /** On loopback. */
  readonly ip?: string;
  readonly hostKey?: KeyPair;
  readonly asks?: 'password' | 'keyboard-interactive';
}

/** One SSH host that takes the password `right` and does one thing wrong; told nothing, it does none. */
export async function startMisbehavingHost(
  wrong?: Misbehaviour,
  options: HostOptions = {},
): Promise<MisbehavingHost> {
  const hostKey = options.hostKey ?? makeKeyPair();
  const ip = options.ip ?? '127.0.0.1';
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    serve(socket, hostKey, wrong, options.asks ?? 'password', commands);
  });
  listener.listen(0, ip);
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  return {
    ip,
    port: address.port,
    hostKey,
    commands,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function serve(
  socket: Socket,
  hostKey: KeyPair,
  wrong: Misbehaviour | undefined,
  asks: 'password' | 'keyboard-interactive',
  commands: string[],
): void {
  const random = randomOf(wrong?.seed ?? 0);
  const wire = new Wire(socket, random, wrong?.paceMs ?? 5);
  let connection: Connection | undefined;
  let isDone = false;

  /** Goes on with what is due, unless this is the place to go wrong; then after a moment, and wrongly. */
  const at = (step: Step, proceed: () => void): void => {
    if (wrong === undefined || wrong.at !== step || isDone) {
      attempt(proceed);
      return;
    }
    isDone = true;
    const moment = random() < 0.5 ? 0 : random() * 30;
    const act = () =>
      wire.misbehave(
        wrong.does,
        () => attempt(proceed),
        () => sendDisorder(connection, random),
      );
    if (moment === 0) act();
    else setTimeout(act, moment);
  };

  const ssh = new ssh2.Server({ hostKeys: [hostKey.private] }, (opened) => {
    connection = opened;
    opened.on('error', () => {});
    opened.on('handshake', () => at('after-keys', () => {}));
    opened.on('authentication', (context) => {
      if (context.method === 'none') context.reject([asks]);
      else at('auth', () => answerLogin(context, asks));
    });
    opened.on('tcpip', (accept, _reject, { destIP, destPort }) =>
      at('channel', () => {
        const channel = accept();
        const target = connect(destPort, destIP);
        target.on('error', () => attempt(() => channel.close()));
        channel.on('error', () => target.destroy());
        channel.on('close', () => target.destroy());
        channel.pipe(target).pipe(channel);
      }),
    );
    opened.on('session', (accept) =>
      at('channel', () => {
        const session = accept();
        session.on('exec', (take, _refuse, { command }) => {
          commands.push(command);
          const channel = take();
          channel.on('error', () => {});
          attempt(() => channel.write('begun\n'));
          at('exec', () => finish(channel, (close) => at('close', close)));
        });
        session.on('sftp', (take) => {
          const sftp = take();
          sftp.on('error', () => {});
          answerSftp(sftp, (proceed) => at('sftp', proceed));
        });
      }),
    );
  });
  ssh.on('error', () => {});
  // The second write is the list of algorithms, the third and fourth are keys.
  wire.onWrite = { count: 2 + Math.floor(random() * 3), call: (proceed) => at('key-exchange', proceed) };
  at('greeting', () => ssh.injectSocket(socket));
}

function answerLogin(context: AuthContext, asks: string): void {
  if (context.method === 'password' && context.password === 'right') context.accept();
  else if (context.method === 'keyboard-interactive') {
    context.prompt([{ prompt: 'Password: ', echo: false }], ([answer]) =>
      attempt(() => (answer === 'right' ? context.accept() : context.reject())),
    );
  } else context.reject([asks as 'password']);
}

function finish(channel: ServerChannel, close: (proceed: () => void) => void): void {
  channel.write('all of it\n');
  channel.exit(0);
  close(() => channel.end());
}

/** A file system in which everything is there and empty: enough to be asked, and to answer wrongly. */
function answerSftp(sftp: SFTPWrapper, at: (proceed: () => void) => void): void {
  const { OK, EOF } = ssh2.utils.sftp.STATUS_CODE;
  const attrs = { mode: 0o100644, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 };
  sftp.on('OPEN', (id) => at(() => sftp.handle(id, Buffer.from('h'))));
  sftp.on('READ', (id) => at(() => sftp.status(id, EOF)));
  sftp.on('WRITE', (id) => at(() => sftp.status(id, OK)));
  sftp.on('REALPATH', (id, path) => at(() => sftp.name(id, [{ filename: path, longname: path, attrs }])));
  for (const question of ['STAT', 'LSTAT', 'FSTAT'] as const)
    sftp.on(question, (id: number) => at(() => sftp.attrs(id, attrs)));
  for (const order of ['CLOSE', 'SETSTAT', 'FSETSTAT', 'REMOVE', 'RENAME', 'EXTENDED'] as const)
    sftp.on(order, (id: number) => at(() => sftp.status(id, OK)));
}
