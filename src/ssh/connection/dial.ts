import { isIP, connect as openSocket, type Socket } from 'node:net';
import type { Host } from '../../inventory/inventory.ts';
import { within } from '../../time/within.ts';
import { hearInTurns } from '../loop-turns.ts';
import { formatAddress, formatSeconds } from '../settings.ts';
import { refusedDial, stopTrouble, Trouble } from '../trouble.ts';
import { sharedLookup } from './addresses.ts';

/**
 * A TCP connection of our own for the SSH library: it leaves Nagle's algorithm on, which makes SFTP sixty
 * times slower, and has no way to give up on DNS and TCP alone (facts: ssh2 pitfalls 1, 2, 28).
 */
export function dial(host: Host, connectMs: number, signal: AbortSignal): Promise<Socket> {
  const address = formatAddress(host);
  const socket = openSocket({
    host: host.ip,
    port: host.port,
    noDelay: true,
    autoSelectFamily: true,
    ...(isIP(host.ip) === 0 ? { lookup: sharedLookup } : {}),
  });
  gatherWrites(socket);
  hearInTurns(socket);
  // For good: after a failure, and after success too, further errors may follow.
  socket.on('error', () => {});
  const connected = new Promise<Socket>((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => reject(refusedDial(error, address)));
  });
  return within(connected, {
    ms: connectMs,
    late: () => {
      throw new Trouble('unreachable', `no answer from ${address} within ${formatSeconds(connectMs)}`);
    },
    signal,
    stopped: () => {
      throw stopTrouble(signal, 'before the command was sent');
    },
  }).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
}

/**
 * The library writes a packet in four pieces, each a system call: what it writes in one turn of the loop goes out in one
 * (a quarter less CPU for a large put).
 */
function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket);
  let isGathering = false;
  socket.write = (bytes: string | Uint8Array, encoding?: Encoding | Done, done?: Done): boolean => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      process.nextTick(() => {
        isGathering = false;
        socket.uncork();
      });
    }
    return typeof encoding === 'function' ? write(bytes, encoding) : write(bytes, encoding, done);
  };
}

type Encoding = BufferEncoding | undefined;
type Done = (error?: Error | null) => void;
