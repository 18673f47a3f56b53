import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, ExecOptions, SFTPWrapper } from 'ssh2';
import type { Host } from '../../inventory/inventory.ts';
import { within } from '../../time/within.ts';
import {
  brokenSession,
  isNoTerminal,
  NoTerminal,
  noCommandChannel,
  refusedChannel,
  Trouble,
} from '../trouble.ts';

type Done<T> = (error: Error | undefined, result: T) => void;

/**
 * A logged-in SSH connection. It is open until it is lost, once, for a reason that stays; what is asked of it
 * afterwards answers with that reason.
 */
export class Connection {
  readonly host: Host;
  /** By the steady clock, in ms. */
  readonly openedAt = performance.now();
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #disconnectMs: number;
  readonly #closed: Promise<void>;
  readonly #onLost = new Set<(reason: string) => void>();
  /** Why it is lost; undefined while it is open. */
  #lost: string | undefined;
  /** What the library complained of last; becomes the reason, should the connection end. */
  #complaint: string | undefined;

  constructor(host: Host, client: Client, socket: Duplex, disconnectMs: number) {
    this.host = host;
    this.#client = client;
    this.#socket = socket;
    this.#disconnectMs = disconnectMs;
    listenFromTheStart(client);
    // Errors may come several times, and after the end; the end may come without any (pitfalls 13, 14).
    client.on('error', (error) => {
      this.#complaint ??= brokenSession(error);
      socket.destroy();
    });
    // The library takes nothing any more: a socket that the host holds half open is of no use to anyone.
    client.once('end', () => {
      this.#lose('the host closed the connection');
      socket.destroy();
    });
    this.#closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#lose('the connection broke');
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return this.#lost === undefined && this.#socket.writable;
  }

  /** Calls back once, where the connection is lost. Answers with what takes the call back. */
  onLost(listener: (reason: string) => void): () => void {
    this.#onLost.add(listener);
    return () => this.#onLost.delete(listener);
  }

  /**
   * Opens a channel and sends the command. `onSent` is called right before the command is written: until then
   * the host cannot have seen it. `onOpen` is called the moment the host takes it, and must attach its
   * listeners then and there: exit code and end may stand in the same packet. A `Trouble` where it is not taken.
   */
  exec(
    command: string,
    onOpen: (channel: ClientChannel) => void,
    { onSent = () => {}, inTerminal = false }: { onSent?: () => void; inTerminal?: boolean } = {},
  ): Promise<void> {
    let isAnswered = false;
    const options = tellBeforeSending(onSent, inTerminal);
    return this.#ask(
      (done: Done<void>) =>
        this.#client.exec(command, options, (error, channel) => {
          if (isAnswered) return;
          isAnswered = true;
          if (!error) onOpen(channel);
          done(error);
        }),
      (error) => (isNoTerminal(error) ? new NoTerminal() : noCommandChannel(refusedChannel(error))),
    );
  }

  /**
   * Opens SFTP. `onOpen` is called the moment it stands, and must attach its listeners then and there: what breaks
   * it may stand in the same packet. `refusal` puts into words that the host will not have it.
   */
  sftp(onOpen: (sftp: SFTPWrapper) => void, refusal: (error: unknown) => Trouble): Promise<void> {
    return this.#ask(
      (done: Done<void>) =>
        this.#client.sftp((error, sftp) => {
          if (!error) onOpen(sftp);
          done(error);
        }),
      refusal,
    );
  }

  /** A TCP connection from the host to somewhere else. */
  forward(ip: string, port: number): Promise<ClientChannel> {
    return this.#ask((done: Done<ClientChannel>) => this.#client.forwardOut('127.0.0.1', 0, ip, port, done));
  }

  /** Says goodbye; tears the socket down where that is not heard, and waits no longer for it. */
  close(): Promise<void> {
    if (this.#lost === undefined) {
      this.#lose('closed by the bot');
      this.#client.end();
    }
    // `destroy` of the client does nothing after `end` (pitfall 2). And where the socket is a channel of
    // another connection, its end is up to that one's host.
    return within(this.#closed, { ms: this.#disconnectMs, late: () => void this.#socket.destroy() });
  }

  #ask<T>(start: (done: Done<T>) => void, refusal?: (error: unknown) => Trouble): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown) => {
        if (this.isOpen && refusal) return reject(refusal(error));
        const reason = this.#lost ?? refusedChannel(error);
        // The connection fell over; or it is one on the way, and its host will not go on from there.
        reject(
          new Trouble('unreachable', `no channel on ${this.host.name}: ${reason}`, {
            isPassing: !this.isOpen,
          }),
        );
      };
      if (!this.isOpen) return refuse(new Error('the connection is closed'));
      const release = this.onLost(refuse);
      try {
        start((error, result) => {
          release();
          if (error) refuse(error);
          else resolve(result);
        });
      } catch (error) {
        // `Not connected` is thrown, not called back (pitfall 11).
        release();
        refuse(error);
      }
    });
  }

  #lose(reason: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = this.#complaint ?? reason;
    for (const listener of [...this.#onLost]) listener(this.#lost);
    this.#onLost.clear();
  }
}

/**
 * A host that speaks behind the end of a channel breaks the stream it speaks on, which is the end of that channel and
 * not of this process. The library makes a channel as the host opens it, and hands it on only when the command was
 * taken, so nobody else can listen from the start (ssh2 1.17, client.js: CHANNEL_OPEN_CONFIRMATION).
 */
function listenFromTheStart(client: Client): void {
  const channels: unknown = Reflect.get(client, '_chanMgr');
  const update: unknown =
    typeof channels === 'object' && channels !== null && Reflect.get(channels, 'update');
  if (typeof channels !== 'object' || channels === null || typeof update !== 'function') {
    throw new Error('this ssh2 keeps its channels elsewhere');
  }
  Reflect.set(channels, 'update', (id: number, made: unknown): void => {
    for (const stream of made instanceof EventEmitter ? [made, Reflect.get(made, 'stderr')] : []) {
      if (stream instanceof EventEmitter) stream.on('error', () => {});
    }
    if (made instanceof EventEmitter) widenPackets(Reflect.get(made, 'outgoing'));
    Reflect.apply(update, channels, [id, made]);
  });
}

/**
 * What the library sends is cut into the largest packets that the host says it takes: without an end where that is
 * none, and into a million where it is a byte. Everybody has to be able to take 32,768 (RFC 4253, 6.1).
 */
function widenPackets(outgoing: unknown): void {
  if (typeof outgoing !== 'object' || outgoing === null) return;
  const said: unknown = Reflect.get(outgoing, 'packetSize');
  if (typeof said === 'number') Reflect.set(outgoing, 'packetSize', Math.max(said, LEAST_PACKET_BYTES));
}

const LEAST_PACKET_BYTES = 1_024;

/**
 * Options of `exec` that say when they are read: the library looks at `env` once, between the host's yes to the
 * channel and writing the command (ssh2 1.17, client.js), and has no event there.
 */
function tellBeforeSending(onSent: () => void, inTerminal: boolean): ExecOptions {
  return Object.defineProperty(inTerminal ? { pty: { modes: RAW } } : {}, 'env', { get: onSent });
}

/** Neither an echo nor anything that changes what goes through it, in either direction (RFC 4254, 8). */
const RAW = { ECHO: 0, ICANON: 0, ISIG: 0, ICRNL: 0, IXON: 0, IXOFF: 0, OPOST: 0, ONLCR: 0 } as const;
