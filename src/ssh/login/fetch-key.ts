import type { Duplex } from 'node:stream';
import type { Host } from '../../inventory/inventory.ts';
import { type Deadlines, formatAddress } from '../settings.ts';
import { Trouble } from '../trouble.ts';
import { Handshake, type WantedKey } from './handshake.ts';
import { KEY_BYTES } from './limits.ts';

export interface FetchedKey {
  readonly key: Buffer;
  /** The types of all its keys, by its own account. */
  readonly types: readonly string[];
}

/**
 * A host's key, which it has proved to hold: keys are exchanged, and then nothing is offered, not even `none`. The
 * socket is gone afterwards. A `Trouble` where it does not get that far.
 */
export function fetchKey(
  host: Host,
  socket: Duplex,
  wanted: Omit<WantedKey, 'judge'>,
  deadlines: Deadlines,
  signal: AbortSignal,
): Promise<FetchedKey> {
  const anyKey = { ...wanted, judge: () => null };
  const handshake = new Handshake<FetchedKey>(host, socket, anyKey, deadlines, signal);
  return handshake
    .run({
      // Asked how to log in: the exchange is over, and so are we.
      handler() {
        const { shownKey, keyTypes } = handshake;
        if (shownKey === undefined || shownKey.length > KEY_BYTES) {
          handshake.fail(
            new Trouble('unreachable', `${formatAddress(host)} showed no key of a size that keys have`),
          );
        } else handshake.succeed({ key: Buffer.from(shownKey), types: keyTypes });
      },
      wasAsked: false,
      trial: undefined,
      lastTried: 'nothing',
      agentFailed() {},
    })
    .finally(() => socket.destroy());
}
