import { type Offered, typeOf } from './algorithms.ts';

/** What a host says of itself before any secret is agreed on: its greeting, and the algorithms it offers. */

/** RFC 4253, 6.1: the largest packet that has to be understood. */
const MAX_PACKET = 35_000;
const KEXINIT = 20;
/** RFC 4253, 4.2: with its end. */
const MAX_LINE = 255;
/** Enough for a greeting and the first packet; what comes behind is not looked at. */
const KEPT_BYTES = 48 * 1024;

/** The beginning of what a host sent. */
export class Opening {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** All that came so far, also what is not kept. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Buffer): void {
    if (this.#bytes < KEPT_BYTES) this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** All that it said before it hung up, where it never said that it speaks SSH. */
  get farewell(): string {
    const bytes = Buffer.concat(this.#chunks).subarray(0, MAX_LINE);
    return this.isSsh ? '' : bytes.toString('latin1').trim();
  }

  /** Whether it said that it speaks SSH. */
  get isSsh(): boolean {
    return this.#read().isSsh;
  }

  /** The software that it says it is; empty where it says nothing. */
  get software(): string {
    return this.#read().software;
  }

  /** The types of its keys, by the names that known_hosts has for them; empty where it did not get that far. */
  get keyTypes(): readonly string[] {
    return [...new Set(this.offered['host key'].map(typeOf))];
  }

  /** What it has to agree on; nothing where it did not get that far. */
  get offered(): Offered {
    return this.#read().offered;
  }

  #read(): Read {
    return readOpening(Buffer.concat(this.#chunks));
  }
}

interface Read {
  readonly isSsh: boolean;
  readonly software: string;
  readonly offered: Offered;
}

const NOTHING: Offered = { 'key exchange': [], 'host key': [], cipher: [], MAC: [], compression: [] };

/** RFC 4253, 4.2 and 7.1: lines, one that starts with `SSH-`, and behind it a packet with the lists. */
export function readOpening(bytes: Buffer): Read {
  let start = bytes.indexOf('SSH-', 0, 'latin1');
  while (start > 0 && bytes[start - 1] !== 0x0a) start = bytes.indexOf('SSH-', start + 1, 'latin1');
  const end = start < 0 ? -1 : bytes.indexOf(0x0a, start);
  if (end < 0) return { isSsh: false, software: '', offered: NOTHING };
  // SSH-2.0-software comments; a host may write anything there.
  const line = bytes.subarray(start, Math.min(end, start + MAX_LINE)).toString('latin1');
  const software = (
    line
      .split('-')
      .slice(2)
      .join('-')
      .match(/[\x20-\x7e]/g) ?? []
  )
    .join('')
    .trim();
  return { isSsh: true, software, offered: readLists(bytes.subarray(end + 1)) };
}

function readLists(packet: Buffer): Offered {
  // Length, length of the padding, message, a cookie of 16 bytes, lists.
  if (packet.length < 5) return NOTHING;
  const length = packet.readUInt32BE(0);
  if (length > MAX_PACKET || packet.length < 4 + length || packet[5] !== KEXINIT) return NOTHING;
  let rest = packet.subarray(6 + 16, 4 + length);
  const next = (): readonly string[] => {
    const size = rest.length < 4 ? 0 : rest.readUInt32BE(0);
    const list = rest.length < 4 + size ? Buffer.alloc(0) : rest.subarray(4, 4 + size);
    rest = rest.subarray(4 + size);
    return list
      .toString('latin1')
      .split(',')
      .filter((name) => /^[a-z0-9@.-]{1,64}$/.test(name));
  };
  // The last three come twice, for the way to the host and for the way back: hosts have the same for both.
  const keyExchange = next();
  const hostKey = next();
  const [cipher] = [next(), next()];
  const [mac] = [next(), next()];
  return { 'key exchange': keyExchange, 'host key': hostKey, cipher, MAC: mac, compression: next() };
}
