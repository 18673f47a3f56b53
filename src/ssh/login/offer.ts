/** What a host says of itself before any secret is agreed on: its greeting, and the algorithms it offers. */

/** RFC 4253, 6.1: the largest packet that has to be understood. */
const MAX_PACKET = 35_000;
const KEXINIT = 20;
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

  /** Whether it said that it speaks SSH. */
  get isSsh(): boolean {
    return readOpening(Buffer.concat(this.#chunks)).isSsh;
  }

  /** The types of its keys, by the names that known_hosts has for them; empty where it did not get that far. */
  get keyTypes(): readonly string[] {
    return readOpening(Buffer.concat(this.#chunks)).keyTypes;
  }
}

/** RFC 4253, 4.2 and 7.1: lines, one that starts with `SSH-`, and behind it a packet with the lists. */
export function readOpening(bytes: Buffer): {
  readonly isSsh: boolean;
  readonly keyTypes: readonly string[];
} {
  let start = bytes.indexOf('SSH-', 0, 'latin1');
  while (start > 0 && bytes[start - 1] !== 0x0a) start = bytes.indexOf('SSH-', start + 1, 'latin1');
  const end = start < 0 ? -1 : bytes.indexOf(0x0a, start);
  if (end < 0) return { isSsh: false, keyTypes: [] };
  return { isSsh: true, keyTypes: readKeyTypes(bytes.subarray(end + 1)) };
}

function readKeyTypes(packet: Buffer): readonly string[] {
  // Length, length of the padding, message, a cookie of 16 bytes, lists: key exchanges, then host keys.
  if (packet.length < 5) return [];
  const length = packet.readUInt32BE(0);
  if (length > MAX_PACKET || packet.length < 4 + length || packet[5] !== KEXINIT) return [];
  const lists = packet.subarray(6 + 16, 4 + length);
  const keys = listAt(lists, 4 + (listAt(lists, 0)?.length ?? lists.length));
  const types = (keys?.toString('latin1') ?? '')
    .split(',')
    .filter((name) => /^[a-z0-9@.-]{1,64}$/.test(name))
    .map((name) => (name.startsWith('rsa-sha2-') ? 'ssh-rsa' : name));
  return [...new Set(types)];
}

function listAt(lists: Buffer, at: number): Buffer | undefined {
  if (lists.length < at + 4) return undefined;
  const end = at + 4 + lists.readUInt32BE(at);
  return lists.length < end ? undefined : lists.subarray(at + 4, end);
}
