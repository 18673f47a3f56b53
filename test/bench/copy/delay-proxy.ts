import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface DelayProxy extends AsyncDisposable {
  readonly port: number;
}

/** What is on its way through a line of that length, as much as a fast long line holds; more waits at its sender. */
const LINE_BYTES = 16 * 1024 * 1024;

/** A line to a distant host: every byte comes half of `rttMs` later, in order, and as many as there are. */
export async function startDelayProxy(to: number, rttMs: number): Promise<DelayProxy> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (from) => {
    const into = connect({ host: '127.0.0.1', port: to, noDelay: true });
    for (const [source, target] of [
      [from, into],
      [into, from],
    ] as const) {
      open.add(source);
      let underWay = 0;
      source.on('data', (bytes) => {
        underWay += bytes.length;
        if (underWay > LINE_BYTES) source.pause();
        void delay(rttMs / 2).then(() => {
          underWay -= bytes.length;
          if (target.writable) target.write(bytes);
          if (underWay <= LINE_BYTES) source.resume();
        });
      });
      source.on('end', () => void delay(rttMs / 2).then(() => target.end()));
      source.on('error', () => target.destroy());
      source.on('close', () => open.delete(source));
    }
    from.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
