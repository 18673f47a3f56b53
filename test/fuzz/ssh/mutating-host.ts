import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import ssh2, { type Connection, type SFTPWrapper } from 'ssh2';
import { randomOf } from '../../../src/run/rollout/order.ts';
import { type HostScript, type SshServer, startSshServer } from '../../rigs/ssh-server.ts';
import { indexOf, type Mutation, PASSWORD } from './mutation.ts';

/**
 * Hosts whose every packet may be another than the library meant: changed before it is encrypted, so that its checksum
 * is right and our client reads it to its end. `find` knows what the host of an address does.
 */
export async function startMutatingHosts(find: (index: number) => Mutation | undefined): Promise<SshServer> {
  const coming = new WeakMap<object, Mutation>();
  const script: HostScript = {
    onSocket(socket) {
      const mutation = find(indexOf(socket.localAddress ?? ''));
      if (mutation?.does !== 'bytes') {
        if (mutation !== undefined) coming.set(socket, mutation);
        return false;
      }
      sayBytes(socket, mutation.seed);
      return true;
    },
    onConnection(connection) {
      const mutation = coming.get(Reflect.get(connection, '_sock'));
      if (mutation !== undefined) mutate(connection, mutation);
    },
    onLogin(context, offers) {
      if (context.method === 'password' && context.password === PASSWORD) context.accept();
      else context.reject(offers);
    },
    onCommand(channel) {
      // It knows the password, and says it.
      channel.stderr.write(`\u001b[2J<!channel> ${PASSWORD}\n`);
      channel.write(`${PASSWORD}\r\n`.repeat(3));
      channel.exit(3);
      channel.end();
    },
    onSftp: answer,
  };
  return await startSshServer(script, '0.0.0.0');
}

function sayBytes(socket: Socket, seed: number): void {
  const random = randomOf(seed);
  const pieces = [
    Buffer.from('SSH-2.0-x\r\n'),
    Buffer.from('SSH-1.99-\r\n'),
    Buffer.from(`Welcome to ${PASSWORD} <!here>\r\n`),
    Buffer.from('SSH-2.0-'.padEnd(400, 'é')),
    Buffer.from([0, 0, 0, 12, 10, 1, 0, 0]),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 20]),
    Buffer.from([0, 0, 0, 0]),
    Buffer.from([0, 0, 1, 0, 4, 20, ...randomBytes(16)]),
    randomBytes(Math.floor(random() * 3_000)),
  ];
  const first = random() < 0.7 ? [pieces[0] ?? Buffer.alloc(0)] : [];
  const rest = Array.from({ length: 1 + random() * 4 }, () => pieces[Math.floor(random() * pieces.length)]);
  socket.write(Buffer.concat([...first, ...rest.filter((piece) => piece !== undefined)]));
  if (random() < 0.5) socket.end();
}

interface Cipher {
  encrypt(packet: Buffer): void;
}

function isCipher(value: unknown): value is Cipher {
  return (
    typeof value === 'object' && value !== null && 'encrypt' in value && typeof value.encrypt === 'function'
  );
}

/** The library puts another cipher in place when the keys are there: each of them is wrapped. */
function mutate(connection: Connection, { seed, from, every }: Mutation): void {
  const random = randomOf(seed);
  const protocol: object = Reflect.get(connection, '_protocol');
  let cipher: unknown = Reflect.get(protocol, '_cipher');
  let count = 0;
  const wrap = (inner: unknown): void => {
    cipher = inner;
    if (!isCipher(inner)) return;
    const encrypt = inner.encrypt.bind(inner);
    inner.encrypt = (packet) => {
      count++;
      if (count >= from && (count - from) % every === 0) change(packet, random);
      encrypt(packet);
    };
  };
  wrap(cipher);
  Object.defineProperty(protocol, '_cipher', { get: () => cipher, set: wrap });
}

/** Length, padding and size stay as they are: what is in it does not. */
function change(packet: Buffer, random: () => number): void {
  const start = 5;
  const end = packet.length - (packet[4] ?? 0);
  if (end <= start) return;
  const at = (most: number): number => start + Math.floor(random() * Math.max(1, most - start));
  for (let times = 1 + Math.floor(random() * 3); times > 0; times--) {
    const how = random();
    if (how < 0.25) packet[at(end)] = Math.floor(random() * 256);
    else if (how < 0.35)
      packet[start] =
        [
          1, 2, 3, 4, 5, 6, 7, 20, 21, 31, 50, 51, 52, 53, 60, 61, 80, 81, 90, 91, 92, 93, 94, 95, 96, 97, 98,
          99, 100, 192,
        ][Math.floor(random() * 30)] ?? 0;
    else if (how < 0.75 && end - start >= 5) {
      const values = [
        0,
        1,
        0xff,
        0x7f_ff_ff_ff,
        0x80_00_00_00,
        0xff_ff_ff_ff,
        packet.length,
        packet.length - 5,
      ];
      packet.writeUInt32BE(values[Math.floor(random() * values.length)] ?? 0, Math.min(at(end), end - 4));
    } else packet.write('<!channel>\u001b]0;x\u0007\u202e', at(end), Math.max(0, end - at(end)), 'utf8');
  }
}

/** A file system in which everything is there. */
function answer(sftp: SFTPWrapper): void {
  const { OK, EOF } = ssh2.utils.sftp.STATUS_CODE;
  const attrs = { mode: 0o100644, uid: 0, gid: 0, size: 7, atime: 0, mtime: 0 };
  let isRead = false;
  sftp.on('OPEN', (id) => sftp.handle(id, Buffer.from('h')));
  sftp.on('READ', (id) => {
    if (isRead) sftp.status(id, EOF);
    else sftp.data(id, Buffer.from('content'));
    isRead = !isRead;
  });
  sftp.on('WRITE', (id) => sftp.status(id, OK));
  sftp.on('REALPATH', (id, path) => sftp.name(id, [{ filename: path, longname: path, attrs }]));
  for (const question of ['STAT', 'LSTAT', 'FSTAT'] as const)
    sftp.on(question, (id: number) => sftp.attrs(id, attrs));
  for (const order of ['CLOSE', 'SETSTAT', 'FSETSTAT', 'REMOVE', 'RENAME', 'EXTENDED'] as const)
    sftp.on(order, (id: number) => sftp.status(id, OK));
}
