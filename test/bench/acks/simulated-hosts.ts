/**
 * Any number of hosts in one process: an SSH server on every address 127.0.0.0/8 has, on one port. It does the
 * SSH of a host and none of its work: `sleep S` takes so long, and then there is a line of its own. Tells its
 * parent its port, and when the end of each command was sent.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';

const [hostKey = ''] = process.argv.slice(2);

export interface HostEnded {
  readonly ip: string;
  readonly endedAt: number;
}

const server = new ssh2.Server({ hostKeys: [Buffer.from(hostKey, 'base64')] }, () => {});
server.on('connection', (connection: Connection) => serve(connection));
const listener = createServer({ noDelay: true }, (socket) => {
  addresses.push(socket);
  server.injectSocket(socket);
});
/** ssh2 makes its connection within `injectSocket`, without the socket: what came last is whose it is. */
const addresses: Socket[] = [];

function serve(connection: Connection): void {
  const ip = addresses.pop()?.localAddress ?? '';
  connection.on('error', () => {});
  // Who logs in is not what is measured here; that a signature is made for it is.
  connection.on('authentication', (context) => {
    if (context.method === 'publickey') context.accept();
    else context.reject(['publickey']);
  });
  connection.on('session', (accept) => {
    accept().on('exec', (acceptExec, _reject, { command }) => run(ip, command, acceptExec()));
  });
}

function run(ip: string, command: string, channel: ServerChannel): void {
  const mark = /echo (batchops-\w+-)\$\$/.exec(command)?.[1];
  if (mark !== undefined) channel.stderr.write(`${mark}4242\n`);
  const seconds = Number(/sleep ([\d.]+)/.exec(command)?.[1] ?? 0);
  setTimeout(() => {
    channel.write(`/dev/sda1  40G  ${ip}  /\n`);
    channel.exit(0);
    channel.end();
    process.send?.({ ip, endedAt: Date.now() } satisfies HostEnded);
  }, seconds * 1_000);
}

listener.listen(0, '0.0.0.0');
await once(listener, 'listening');
const bound = listener.address();
process.send?.(typeof bound === 'object' && bound !== null ? bound.port : 0);
process.once('disconnect', () => process.exit(0));
