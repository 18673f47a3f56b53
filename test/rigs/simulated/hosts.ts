/**
 * Any number of hosts in one process: an SSH server on every address 127.0.0.0/8 has, on one port. It does the
 * SSH of a host and none of its work: `sleep S` takes so long (`sleep S-T` anything between), `fill N` says N
 * bytes, and then there is a line of its own, with what follows `tag=`. Tells its parent its port, and what began
 * and ended when: the record is the hosts' own, so whoever judges by it need not believe the bot.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import ssh2, { type Connection, type ServerChannel, type Session } from 'ssh2';
import { hashOf } from './key-hash.ts';

const [hostKey = ''] = process.argv.slice(2);

export interface HostEvent {
  /** `cut`: the connection was gone before the end. `stopped`: a signal, or our stop script, ended it. */
  readonly what: 'began' | 'ended' | 'cut' | 'stopped';
  readonly ip: string;
  readonly tag: string;
  /** Whose it was: a hash of the key with which they logged in. */
  readonly by: string;
  readonly at: number;
}

const server = new ssh2.Server({ hostKeys: [Buffer.from(hostKey, 'base64')] }, () => {});
server.on('connection', (connection: Connection) => serve(connection));
const listener = createServer({ noDelay: true }, (socket) => {
  // Of a socket that is gone nobody tells any more whose it was.
  addresses.set(socket, socket.localAddress ?? '');
  server.injectSocket(socket);
});
const addresses = new WeakMap<object, string>();
/** By the id that the bot gave each: what ends it at once. */
const running = new Map<string, () => void>();

function serve(connection: Connection): void {
  const ip = addresses.get(Reflect.get(connection, '_sock')) ?? '';
  let by = '';
  connection.on('error', () => {});
  // Who logs in is not what is measured here; that a signature is made for it is.
  connection.on('authentication', (context) => {
    if (context.method === 'publickey') {
      by = hashOf(context.key.data);
      context.accept();
    } else context.reject(['publickey']);
  });
  connection.on('session', (accept) => {
    const session = accept();
    session.on('exec', (acceptExec, _reject, { command }) => {
      if (command.includes('batchops-$id-')) stop(command, acceptExec());
      else run({ ip, by }, command, session, acceptExec());
    });
  });
}

function idOf(command: string): string {
  return /\bbatchops (\w+) e /.exec(command)?.[1] ?? /batchops-"(\w+)"-e/.exec(command)?.[1] ?? '';
}

function stop(command: string, channel: ServerChannel): void {
  const id = idOf(command);
  running.get(id)?.();
  channel.write(`batchops-${id}-gone\n`);
  channel.exit(0);
  channel.end();
}

function run(
  { ip, by }: Pick<HostEvent, 'ip' | 'by'>,
  command: string,
  session: Session,
  channel: ServerChannel,
): void {
  const id = idOf(command);
  const tag = /\btag=([\w-]+)/.exec(command)?.[1] ?? '';
  const tell = (what: HostEvent['what']): void => {
    process.send?.({ what, ip, tag, by, at: Date.now() } satisfies HostEvent);
  };
  const over = (what: 'ended' | 'cut' | 'stopped'): boolean => {
    if (!running.delete(id)) return false;
    clearTimeout(timer);
    tell(what);
    return true;
  };
  const kill = (): void => {
    if (!over('stopped')) return;
    channel.exit('TERM', false, '');
    channel.end();
  };
  channel.on('error', () => {});
  channel.once('close', () => over('cut'));
  session.on('signal', kill);
  running.set(id, kill);
  tell('began');
  if (id !== '') channel.stderr.write(`batchops-${id}-e4242\n`);
  const timer = setTimeout(() => {
    if (!over('ended')) return;
    const bytes = Number(/\bfill (\d+)/.exec(command)?.[1] ?? 0);
    channel.write(`${'x'.repeat(Math.max(0, bytes))}/dev/sda1 ${ip} tag=${tag}\n`);
    channel.exit(0);
    channel.end();
  }, secondsOf(command) * 1_000);
}

/** What the bot puts before the command sleeps as well (`watch.ts`): that is over where it goes into the background. */
function secondsOf(command: string): number {
  const own = command.slice(command.lastIndexOf(' &);') + 1);
  const [, least = '0', most = least] = /sleep (\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?/.exec(own) ?? [];
  return Number(least) + Math.random() * (Number(most) - Number(least));
}

listener.listen(0, '0.0.0.0');
await once(listener, 'listening');
const bound = listener.address();
process.send?.(typeof bound === 'object' && bound !== null ? bound.port : 0);
// What was told before is on its way before the answer is.
process.on('message', (question) => process.send?.({ answers: question }));
process.once('disconnect', () => process.exit(0));
