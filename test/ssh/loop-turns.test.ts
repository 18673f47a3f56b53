import { Duplex } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { hearInTurns, takeTurn } from '../../src/ssh/loop-turns.ts';

const WORK_MS = 3;
const SOCKETS = 40;

function work(): void {
  const until = performance.now() + WORK_MS;
  while (performance.now() < until);
}

function openSocket(): Duplex {
  const socket = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
  hearInTurns(socket);
  return socket;
}

/** More than one turn of the loop can hold. */
function holdTurn(): void {
  takeTurn(work);
  takeTurn(work);
  takeTurn(work);
}

test('what a whole fleet sends at once is heard bit by bit, and everybody else has their turn in between', async () => {
  const heard: number[] = [];
  let inThisTurn = 0;
  const sockets = Array.from({ length: SOCKETS }, openSocket);
  for (const socket of sockets) {
    socket.on('data', () => {
      inThisTurn += 1;
      work();
    });
    socket.push('x');
  }
  while (heard.reduce((sum, one) => sum + one, inThisTurn) < SOCKETS) {
    await new Promise((resolve) => setImmediate(resolve));
    heard.push(inThisTurn);
    inThisTurn = 0;
  }
  // Six milliseconds: two, and what was begun before they were over, at once and then in the turn.
  expect(Math.max(...heard)).toBeLessThanOrEqual(4);
});

test('light work that says what comes of it is counted for that', async () => {
  let begun = 0;
  for (let n = 0; n < 100; n++) takeTurn(() => begun++, 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toBeLessThanOrEqual(6);
  await vi.waitFor(() => expect(begun).toBe(100));
});

test('each socket is heard in its order, also what came before it broke', async () => {
  const socket = openSocket();
  const heard: string[] = [];
  socket.on('data', (bytes) => heard.push(String(bytes)));
  socket.on('error', () => heard.push('error'));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  holdTurn();
  socket.emit('data', 'exit status');
  socket.destroy(new Error('reset'));
  expect(heard).toEqual([]);
  await closed;
  expect(heard).toEqual(['exit status', 'error']);
});

test('what we have given up is not heard any more', async () => {
  const socket = openSocket();
  const heard: string[] = [];
  socket.on('data', (bytes) => heard.push(String(bytes)));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  holdTurn();
  socket.emit('data', 'late');
  socket.destroy();
  await closed;
  expect(heard).toEqual([]);
});

test('one that sends faster than it can be heard is read no further until it was', async () => {
  const socket = openSocket();
  let heard = 0;
  socket.on('data', () => heard++);
  holdTurn();
  for (let n = 0; n < 4; n++) socket.emit('data', 'x');
  expect([heard, socket.isPaused()]).toEqual([0, true]);
  await vi.waitFor(() => expect([heard, socket.isPaused()]).toEqual([4, false]));
});

test('a turn that fails is nobody else’s end', async () => {
  const faults: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => faults.push(error));
  const done = Promise.withResolvers<void>();
  takeTurn(() => {
    throw new Error('of one');
  });
  takeTurn(done.resolve);
  await done.promise;
  await vi.waitFor(() => expect(faults).toEqual([new Error('of one')]));
  for (const listener of listeners) process.on('uncaughtException', listener);
});
