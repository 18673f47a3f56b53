import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What becomes of the way between a process and its database:
 * - `whole`: all passes, at once
 * - `cut`: nothing passes, either way, and nobody is told
 * - `mute`: what the process says does not pass; `deaf`: what it is answered does not
 * - `reset`: each connection ends at once, also those that are begun
 * - `slow`: each piece waits some hundreds of milliseconds
 */
export type LinkState = 'whole' | 'cut' | 'mute' | 'deaf' | 'reset' | 'slow';

/** Passes TCP on to a port of 127.0.0.1. What did not pass does so, late, once the way is whole: TCP sends it again. */
export interface Link extends AsyncDisposable {
  readonly port: number;
  set(state: LinkState): void;
  /** Whole again; of the connections that were there before, `isForgotten` says that nobody knows them any more. */
  heal(isForgotten: boolean): void;
}

const SLOW_MS = 300;

export async function openLink(target: number): Promise<Link> {
  let state: LinkState = 'whole';
  /** Resolved as the state changes. */
  let changed = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();

  const passes = (isAnswer: boolean): boolean =>
    state === 'whole' || state === 'slow' || state === (isAnswer ? 'mute' : 'deaf');

  /** One piece after the other; while one is held, the sender's own buffers fill, as on a real way. */
  async function pass(from: Socket, to: Socket, isAnswer: boolean): Promise<void> {
    try {
      for await (const piece of from) {
        if (state === 'slow') await delay(SLOW_MS);
        while (!passes(isAnswer)) await changed.promise;
        if (to.destroyed) return;
        if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      }
      while (!passes(isAnswer)) await changed.promise;
      to.end();
    } catch {
      // Its end was no goodbye; the other side hears as much, once it can.
      while (!passes(isAnswer)) await changed.promise;
      to.destroy();
    }
  }

  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    if (state === 'reset') return void near.resetAndDestroy();
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => sockets.delete(socket));
    }
    void pass(near, far, false);
    void pass(far, near, true);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('No port');

  const set = (next: LinkState): void => {
    state = next;
    if (state === 'reset') for (const socket of sockets) socket.resetAndDestroy();
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    port: address.port,
    set,
    heal(isForgotten) {
      if (isForgotten) for (const socket of sockets) socket.resetAndDestroy();
      set('whole');
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      set('whole');
      await closed;
    },
  };
}
