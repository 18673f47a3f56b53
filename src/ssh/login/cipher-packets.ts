import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { isObject } from '../memory/fields.ts';
import { isWhole, release } from '../memory/release.ts';

/** The largest packet that is made here: 32 KiB of a channel, and what stands round it. */
const MOST_BYTES = 33 * 1024;
/** Smaller ones come out of Node's own pool. */
const LEAST_BYTES = 4 * 1024;
const BLOCK_BYTES = 16;
const LEAST_PADDING = 4;

/** One for all connections: a packet is filled and enciphered in one piece, or else waits in memory of its own. */
const slab = Buffer.allocUnsafeSlow(MOST_BYTES);
let isTaken = false;

/**
 * Lets the library's AES-GCM (ssh2 1.17, lib/protocol/crypto.js) make each large packet in the same place, and gives
 * back what came of it as soon as the socket has sent it (`release`). Where the library has changed inside, it keeps
 * what it has.
 */
export function reusePackets(cipher: object, socket: Duplex): void {
  const make: unknown = Reflect.get(cipher, 'allocPacket');
  const encrypt: unknown = Reflect.get(cipher, 'encrypt');
  const write: unknown = Reflect.get(cipher, '_onWrite');
  if (typeof make !== 'function' || typeof encrypt !== 'function' || typeof write !== 'function') return;

  Reflect.set(cipher, 'allocPacket', (payloadBytes: number): unknown => {
    const packet = isTaken ? undefined : packetFor(payloadBytes);
    if (packet === undefined) return Reflect.apply(make, cipher, [payloadBytes]);
    isTaken = true;
    return packet;
  });
  Reflect.set(cipher, 'encrypt', (packet: Buffer): void => {
    try {
      Reflect.apply(encrypt, cipher, [packet]);
    } finally {
      if (isOfSlab(packet)) isTaken = false;
    }
  });
  // What goes out as it is (its length) lies there until the socket has sent it.
  Reflect.set(cipher, '_onWrite', (bytes: Buffer): void => {
    if (!isWhole(bytes) || isOfSlab(bytes)) {
      Reflect.apply(write, cipher, [isOfSlab(bytes) ? Buffer.from(bytes) : bytes]);
      // As the library looks before it writes (lib/utils.js, isWritable).
    } else if (socket.writable && !hasEnded(socket)) socket.write(bytes, () => release(bytes));
  });
}

function hasEnded(socket: Duplex): boolean {
  const state: unknown = Reflect.get(socket, '_readableState');
  return isObject(state) && Reflect.get(state, 'ended') !== false;
}

/** RFC 4253, 6, as the library lays it out; undefined where it is too small or too large to be made here. */
function packetFor(payloadBytes: number): Buffer | undefined {
  const used = 1 + payloadBytes;
  const rest = BLOCK_BYTES - (used % BLOCK_BYTES);
  const padding = rest < LEAST_PADDING ? rest + BLOCK_BYTES : rest;
  const bytes = 4 + used + padding;
  if (bytes < LEAST_BYTES || bytes > MOST_BYTES) return undefined;
  const packet = slab.subarray(0, bytes);
  packet.writeUInt32BE(used + padding, 0);
  packet[4] = padding;
  randomFillSync(packet, 4 + used, padding);
  return packet;
}

function isOfSlab(bytes: Buffer): boolean {
  return bytes.buffer === slab.buffer;
}
