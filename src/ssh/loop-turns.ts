import type { Duplex } from 'node:stream';

/**
 * Whatever a host sends is a millisecond or several of computing: an exchange of keys, a signature, a packet to
 * decipher. When a whole fleet answers at once these would follow each other without a gap, and Slack would wait. So all
 * of it shares one slice of each turn of the event loop, in the order in which it came, and what is left waits for the
 * next turn, with everything else in between.
 */
const SLICE_MS = 6;

/** Of one socket, what may wait before it is read no further: 256 KiB. */
const MOST_HELD = 4;

const waiting: { readonly work: () => void; readonly leastMs: number }[] = [];
/** Of this turn, in ms. */
let taken = 0;
let isScheduled = false;

/** Does it in its turn, never at once. `leastMs`: what comes of it is as much work, and not done when it returns. */
export function takeTurn(work: () => void, leastMs = 0): void {
  waiting.push({ work, leastMs });
  schedule();
}

/** What comes over the socket is heard when it is its turn, which is at once where there is time. */
export function hearInTurns(socket: Duplex): void {
  const emit = socket.emit.bind(socket);
  const destroy = socket.destroy.bind(socket);
  let held = 0;
  let isHeldBack = false;
  let isGivenUp = false;

  // What nobody wants any more is not heard. One that has ended by itself is torn down by Node, and is heard to its end.
  socket.destroy = (error?: Error) => {
    if (error === undefined && !socket.readableEnded) isGivenUp = true;
    return destroy(error);
  };

  socket.emit = (event: string | symbol, ...words: unknown[]): boolean => {
    if (event !== 'data' && event !== 'end' && event !== 'error' && event !== 'close')
      return emit(event, ...words);
    if (held === 0 && waiting.length === 0 && taken < SLICE_MS) return timed(() => emit(event, ...words));
    held += 1;
    if (held >= MOST_HELD && !isHeldBack) {
      isHeldBack = true;
      socket.pause();
    }
    takeTurn(() => {
      held -= 1;
      if (event !== 'data' || !isGivenUp) emit(event, ...words);
      if (!isHeldBack || held > 0) return;
      isHeldBack = false;
      socket.resume();
    });
    return true;
  };
}

function timed<T>(work: () => T): T {
  schedule();
  const since = performance.now();
  try {
    return work();
  } finally {
    taken += performance.now() - since;
  }
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => void nextTurn());
}

async function nextTurn(): Promise<void> {
  const since = performance.now();
  let leastMs = 0;
  for (let left = waiting.length; left > 0; left--) {
    const next = waiting.shift();
    try {
      next?.work();
    } catch (error) {
      // Its own fault, which nobody else's turn ends with.
      process.nextTick(() => {
        throw error;
      });
    }
    leastMs += next?.leastMs ?? 0;
    // What it has set off, as far as that goes on at once, is of this slice.
    await undefined;
    if (Math.max(leastMs, performance.now() - since) >= SLICE_MS) break;
  }
  taken = 0;
  isScheduled = false;
  if (waiting.length > 0) schedule();
}
