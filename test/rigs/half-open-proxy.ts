import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface HalfOpenProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on nothing passes, and nobody is told: as a pulled cable, or a firewall that forgot. */
  freeze(): void;
  thaw(): void;
  /** The same for those who are connected; whoever comes now gets through. */
  freezeThose(): void;
  /** From now on whoever is connected, or comes, is hung up on: as a host that lost its power. */
  cut(): void;
}

/** Passes TCP on to a port of 127.0.0.1, until it is frozen. */
export async function startHalfOpenProxy(target: number): Promise<HalfOpenProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const frozen = new WeakSet<Socket>();
  let isCut = false;

  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    if (isCut) {
      near.on('error', () => {});
      near.destroy();
      return;
    }
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const isStill = (): boolean => isFrozen || frozen.has(near);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.once('close', () => {
        sockets.delete(from);
        if (!isStill()) to.destroy();
      });
      from.on('data', (chunk) => {
        if (!isStill()) to.write(chunk);
      });
      from.on('end', () => {
        if (!isStill()) to.end();
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('No port');

  return {
    port: address.port,
    freeze() {
      isFrozen = true;
    },
    thaw() {
      isFrozen = false;
    },
    freezeThose() {
      for (const socket of sockets) frozen.add(socket);
    },
    cut() {
      isCut = true;
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
