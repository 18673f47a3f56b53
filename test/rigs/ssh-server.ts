import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import ssh2, {
  type Algorithms,
  type AuthContext,
  type AuthenticationType,
  type Connection,
  type ServerChannel,
  type SFTPWrapper,
} from 'ssh2';
import type { KeyPair } from '../../src/sandbox/fleet/key-pair.ts';
import { makeKeyPair } from './sshd.ts';

/** What a host does, step by step. What is left out is done as a well-behaved host would. */
export interface HostScript {
  readonly hostKeys?: readonly KeyPair[];
  /** What it agrees to, where not to all that the library knows. */
  readonly algorithms?: Algorithms;
  /** The ways to log in that it names. Default: `password`. */
  readonly offers?: readonly AuthenticationType[];
  /** What it says to an offer. Default: yes to the password `right`. */
  readonly onLogin?: (context: AuthContext, offers: AuthenticationType[]) => void;
  /** A new TCP connection, before SSH. Answers true where it has taken it over. */
  readonly onSocket?: (socket: Socket, index: number) => boolean;
  readonly onConnection?: (connection: Connection) => void;
  /** Whether a channel is opened, and when. Default: yes, at once. */
  readonly onSession?: (index: number) => boolean | 'ignore' | Promise<boolean>;
  /** Whether a command is taken. Default: yes. */
  readonly onExecRequest?: (command: string, connection: Connection) => boolean | 'ignore';
  /** Default: `exit 0` without a word. */
  readonly onCommand?: (channel: ServerChannel, command: string, connection: Connection) => void;
  readonly onSftp?: (sftp: SFTPWrapper, connection: Connection) => void;
  readonly onForward?: 'refuse' | 'ignore';
}

export interface SshServer extends AsyncDisposable {
  readonly port: number;
  readonly hostKeys: readonly KeyPair[];
  /** In the order they came. */
  readonly logins: readonly string[];
  readonly commands: readonly string[];
  /** How many TCP connections there were. */
  readonly dials: () => number;
  /** How many are open now. */
  readonly open: () => number;
  /** Cuts every connection, as a crash would. */
  cut(): void;
}

/** An SSH server that misbehaves as told; at 0.0.0.0 it is as many hosts as there are loopback addresses. */
export async function startSshServer(script: HostScript = {}, address = '127.0.0.1'): Promise<SshServer> {
  const hostKeys = script.hostKeys ?? [makeKeyPair()];
  const offers = [...(script.offers ?? (['password'] as const))];
  const logins: string[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  let dials = 0;
  let sessions = 0;

  const { algorithms } = script;
  const config = { hostKeys: hostKeys.map((key) => key.private), ...(algorithms && { algorithms }) };
  const ssh = new ssh2.Server(config, (connection) => {
    connection.on('error', () => {});
    connection.on('authentication', (context) => {
      logins.push(context.method);
      if (script.onLogin) return script.onLogin(context, offers);
      if (context.method === 'password' && context.password === 'right') context.accept();
      else context.reject(offers);
    });
    connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
      if (script.onForward === 'refuse') return reject();
      if (script.onForward === 'ignore') return;
      const channel = accept();
      const socket = connect(destPort, destIP);
      socket.on('error', () => channel.close());
      channel.on('error', () => socket.destroy());
      channel.pipe(socket).pipe(channel);
    });
    connection.on('session', async (accept, reject) => {
      const said = script.onSession?.(sessions++) ?? true;
      const answer = said instanceof Promise ? await said : said;
      if (answer === 'ignore') return;
      if (!answer) return reject();
      const session = accept();
      session.on('exec', (acceptExec, rejectExec, info) => {
        commands.push(info.command);
        const taken = script.onExecRequest?.(info.command, connection) ?? true;
        if (taken === 'ignore') return;
        if (!taken) return rejectExec();
        const channel = acceptExec();
        channel.on('error', () => {});
        if (script.onCommand) return script.onCommand(channel, info.command, connection);
        channel.exit(0);
        channel.end();
      });
      session.on('sftp', (acceptSftp, rejectSftp) => {
        if (!script.onSftp) return rejectSftp();
        const sftp = acceptSftp();
        sftp.on('error', () => {});
        script.onSftp(sftp, connection);
      });
    });
    script.onConnection?.(connection);
  });

  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    const isTaken = script.onSocket?.(socket, dials) ?? false;
    dials++;
    if (isTaken) socket.resume();
    else ssh.injectSocket(socket);
  });
  listener.listen(0, address);
  await once(listener, 'listening');
  const bound = listener.address();
  if (bound === null || typeof bound === 'string') throw new Error('No port');

  return {
    port: bound.port,
    hostKeys,
    logins,
    commands,
    dials: () => dials,
    open: () => sockets.size,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The library's own protocol, as far as a message of any kind needs it. */
interface Packets {
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      alloc(size: number): Buffer;
      finalize(packet: Buffer): Buffer;
    };
  };
  readonly _cipher: { encrypt(packet: Buffer): void };
}

/** Sends a message that the library would not: its number, then strings with their lengths. */
export function sendMessage(
  connection: Connection,
  type: number,
  ...strings: readonly (string | Buffer)[]
): void {
  sendPayload(connection, Buffer.concat([Buffer.from([type]), ...strings.map(withLength)]));
}

/** Keeps the library from telling which signatures it takes, as OpenSSH before 7.2 does not. Before the handshake. */
export function sayNoSignatures(connection: Connection): void {
  let kex: object | undefined;
  Object.defineProperty(Reflect.get(connection, '_protocol'), '_kex', {
    get: () => kex,
    set(next: object | undefined) {
      kex = next;
      if (next) Object.defineProperty(next, 'remoteExtInfoEnabled', { get: () => false, set() {} });
    },
  });
}

/** Says goodbye as a host that is full, or is attacked, does: RFC 4253, 11.1. */
export function sendDisconnect(connection: Connection, words: string): void {
  const tooManyConnections = Buffer.from([1, 0, 0, 0, 12]);
  sendPayload(connection, Buffer.concat([tooManyConnections, withLength(words), withLength('')]));
}

function withLength(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function sendPayload(connection: Connection, payload: Buffer): void {
  const { _packetRW, _cipher }: Packets = Reflect.get(connection, '_protocol');
  const packet = _packetRW.write.alloc(payload.length);
  packet.set(payload, _packetRW.write.allocStart);
  _cipher.encrypt(_packetRW.write.finalize(packet));
}
