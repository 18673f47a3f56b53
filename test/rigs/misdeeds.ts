import type { Socket } from 'node:net';
import type { Connection } from 'ssh2';

/** What a host does wrong. */
export const MISDEEDS = [
  'die', // the socket is closed
  'reset', // by RST
  'freeze', // nothing is sent or read any more, and the socket stands
  'drip', // from here on a byte at a time
  'garbage', // random bytes, then on as if nothing were
  'disorder', // a message that has no place here, then on
  'twice', // what is due, two times
  'late', // what is due, after a while
] as const;
export type Misdeed = (typeof MISDEEDS)[number];

/** The socket, between the SSH library and the network. */
export class Wire {
  readonly #socket: Socket;
  readonly #random: () => number;
  readonly #paceMs: number;
  readonly #send: (bytes: Buffer) => void;
  #mode: 'plain' | 'frozen' | 'drip' = 'plain';
  #dripping: Buffer = Buffer.alloc(0);
  #last: Buffer = Buffer.alloc(0);
  #writes = 0;
  /** What is done instead of the library's write of that number. */
  onWrite: { readonly count: number; readonly call: (proceed: () => void) => void } | undefined;

  constructor(socket: Socket, random: () => number, paceMs: number) {
    this.#socket = socket;
    this.#random = random;
    this.#paceMs = paceMs;
    const write = socket.write.bind(socket);
    this.#send = (bytes) => {
      if (socket.writable) write(bytes);
    };
    socket.write = (chunk: Uint8Array | string) => {
      const bytes = Buffer.from(chunk);
      this.#writes++;
      if (this.onWrite?.count === this.#writes) this.onWrite.call(() => this.#pass(bytes));
      else this.#pass(bytes);
      return true;
    };
  }

  misbehave(misdeed: Misdeed, proceed: () => void, disorder: () => void): void {
    switch (misdeed) {
      case 'die':
        this.#socket.destroy();
        return;
      case 'reset':
        this.#socket.resetAndDestroy();
        return;
      case 'freeze':
        this.#mode = 'frozen';
        this.#socket.pause();
        return;
      case 'drip':
        this.#mode = 'drip';
        proceed();
        return;
      case 'garbage':
        this.#send(
          Buffer.from(Array.from({ length: 1 + this.#random() * 2_000 }, () => this.#random() * 256)),
        );
        proceed();
        return;
      case 'disorder':
        disorder();
        proceed();
        return;
      case 'twice':
        proceed();
        proceed();
        if (this.#random() < 0.3) this.#send(this.#last);
        return;
      case 'late':
        setTimeout(proceed, this.#random() * this.#paceMs * 100);
        return;
      default:
        misdeed satisfies never;
    }
  }

  #pass(bytes: Buffer): void {
    this.#last = bytes;
    if (this.#mode === 'plain') this.#send(bytes);
    else if (this.#mode === 'drip') {
      const isIdle = this.#dripping.length === 0;
      this.#dripping = Buffer.concat([this.#dripping, bytes]);
      if (isIdle) this.#drip();
    }
  }

  #drip(): void {
    if (this.#dripping.length === 0 || !this.#socket.writable) return;
    this.#send(this.#dripping.subarray(0, 1));
    this.#dripping = this.#dripping.subarray(1);
    setTimeout(() => this.#drip(), this.#paceMs);
  }
}

/** Well-formed, encrypted as it should be, and out of place: only the library's own protocol can make these. */
export function sendDisorder(connection: Connection | undefined, random: () => number): void {
  const protocol: unknown = connection === undefined ? undefined : Reflect.get(connection, '_protocol');
  if (typeof protocol !== 'object' || protocol === null) return;
  const messages: readonly [string, ...unknown[]][] = [
    ['channelSuccess', 0],
    ['channelFailure', 0],
    ['channelSuccess', 77],
    ['channelOpenConfirm', 0, 0, 1_000, 1_000],
    ['channelOpenFail', 0, 1, 'no \u001b[31mroom'],
    ['channelData', 0, Buffer.from('early')],
    ['channelData', 9, Buffer.from('for nobody')],
    ['channelEOF', 0],
    ['channelClose', 0],
    ['channelWindowAdjust', 0, 4_294_967_295],
    ['exitStatus', 0, 3],
    ['exitSignal', 0, 'KILL', true, 'gone'],
    ['requestSuccess'],
    ['requestFailure'],
    ['authSuccess'],
    ['authFailure', ['password', 'no-such-way'], true],
    ['authPKOK', 'ssh-ed25519', Buffer.from('key')],
    ['authInfoReq', [{ prompt: 'One-time code:', echo: true }]],
    ['authPasswdChg', 'choose another'],
    ['serviceAccept', 'ssh-connection'],
    ['serviceAccept', 'ssh-userauth'],
    ['openssh_hostKeysProve', []],
    ['ping'],
    ['rekey'],
    ['disconnect', 2],
  ];
  const [name, ...words] = messages[Math.floor(random() * messages.length)] ?? ['ping'];
  const send: unknown = Reflect.get(protocol, name);
  if (typeof send === 'function') attempt(() => Reflect.apply(send, protocol, words));
}

/** A host that goes on after it broke its own connection trips over itself: that is its own affair. */
export function attempt(act: () => void): void {
  try {
    act();
  } catch {}
}
