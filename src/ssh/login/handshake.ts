import type { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import type { Host } from '../../inventory/inventory.ts';
import { Deadline } from '../../time/deadline.ts';
import type { HostKeyCheck } from '../host-keys/host-keys.ts';
import { keyType } from '../host-keys/known-hosts.ts';
import { takeTurn } from '../loop-turns.ts';
import { type Deadlines, formatAddress, formatSeconds } from '../settings.ts';
import {
  brokenHandshake,
  isDisagreement,
  levelOf,
  type Phase,
  stopTrouble,
  Trouble,
  WrongHostKey,
} from '../trouble.ts';
import { algorithmsOf, findOldOnly, suiteFor, type Wish } from './algorithms.ts';
import { quickenCiphers } from './cipher-keys.ts';
import { LOGIN_BYTES } from './limits.ts';
import type { Login } from './login.ts';
import { Opening } from './offer.ts';

/** Which key the host is to show, and whether the one that it shows will do. */
export type WantedKey = Pick<HostKeyCheck, 'types' | 'isOnly' | 'judge'>;

/**
 * - `open`: on the way; the one state in which the library is answered.
 * - `done`: it came to what was wanted of it, and is no longer in charge of the socket.
 * - `over`: it failed, and the socket is torn down.
 */
type State = 'open' | 'done' | 'over';

/**
 * A socket on its way to an SSH session: keys exchanged, host trusted, and then what a login makes of it. A new
 * client for each try: a used one keeps old listeners and state (pitfall 35).
 *
 * The library throws at whoever answers it once its socket is gone, out of any `try`: from the first sign of
 * an end on, none of its callbacks is called any more.
 */
export class Handshake<T> {
  readonly client: Client = new ssh2.Client();
  readonly #address: string;
  readonly #host: Host;
  readonly #socket: Duplex;
  readonly #wanted: WantedKey;
  readonly #wish: Wish;
  readonly #deadlines: Deadlines;
  readonly #signal: AbortSignal;
  readonly #deadline = new Deadline();
  readonly #opening = new Opening();
  readonly #end = Promise.withResolvers<T>();
  #state: State = 'open';
  /** By the steady clock, in ms. */
  #endsAt = 0;
  #hasKeys = false;
  #keyedAt: number | undefined;
  #shownKey: Buffer | undefined;

  constructor(host: Host, socket: Duplex, wanted: WantedKey, deadlines: Deadlines, signal: AbortSignal) {
    this.#address = formatAddress(host);
    this.#host = host;
    this.#socket = socket;
    this.#wanted = wanted;
    this.#wish = { types: wanted.types, isOnly: wanted.isOnly, isLegacy: host.legacy === true };
    this.#deadlines = deadlines;
    this.#signal = signal;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** The key that will do; the host has proved that it holds it once the login begins. */
  get shownKey(): Buffer | undefined {
    return this.#shownKey;
  }

  /** When keys were exchanged first, by the steady clock; undefined before that. */
  get keyedAt(): number | undefined {
    return this.#keyedAt;
  }

  /** The software that the host says it is. */
  get software(): string {
    return this.#opening.software;
  }

  /** Of the keys that the host has, by its own account. */
  get keyTypes(): readonly string[] {
    return this.#opening.keyTypes;
  }

  /** What it comes to: what `succeed` is given, or the first `Trouble`. */
  run(login: Login): Promise<T> {
    this.#endsAt = performance.now() + this.#deadlines.handshakeMs;
    this.#setDeadline();
    this.#listen(login);
    this.#signal.addEventListener('abort', this.#onAbort);
    if (this.#signal.aborted) this.#onAbort();
    else takeTurn(() => this.#answer(() => this.#connect(login)));
    return this.#end.promise;
  }

  /** What is waited for is on our side: it is no part of the host's time. */
  async waitFor<W>(work: Promise<W>): Promise<W> {
    const startedAt = performance.now();
    this.#deadline.clear();
    const result = await work;
    this.#endsAt += performance.now() - startedAt;
    if (this.#state === 'open') this.#setDeadline();
    return result;
  }

  succeed(result: T): void {
    if (this.#state !== 'open') return;
    this.#leave('done');
    this.#end.resolve(result);
  }

  fail(trouble: Trouble): void {
    if (this.#state !== 'open') return;
    this.#leave('over');
    this.#end.reject(trouble);
    this.#socket.destroy();
  }

  /** `key`: the one that it showed. */
  distrust(reason: string, key?: Buffer): void {
    this.fail(new WrongHostKey(this.#address, reason, key && keyType(key), this.keyTypes));
  }

  #setDeadline(): void {
    const limit = formatSeconds(this.#deadlines.handshakeMs);
    this.#deadline.set(this.#endsAt - performance.now(), () =>
      this.fail(new Trouble('unreachable', `${this.#address} did not finish ${this.#phase} within ${limit}`)),
    );
  }

  get #phase(): Phase {
    if (this.#hasKeys) return 'the login';
    return this.#opening.isSsh ? 'the key exchange' : 'its greeting';
  }

  #connect(login: Login): void {
    this.client.connect({
      sock: this.#socket,
      username: this.#host.user,
      algorithms: algorithmsOf(suiteFor(this.#wish)),
      authHandler: login.handler,
      hostVerifier: this.#verify,
      // Ours are the timers: this one would cover everything at once.
      readyTimeout: 0,
      keepaliveInterval: this.#deadlines.keepaliveMs,
      keepaliveCountMax: 3,
    });
    // Behind `connect`, which stops the socket until it is ready to read. What is read is there before the
    // library complains of it; who says too much is only hung up on behind it.
    this.#socket.prependListener('data', this.#keep);
    this.#socket.on('data', this.#count);
  }

  #listen(login: Login): void {
    const { client } = this;
    client.on('error', (error) => {
      if (levelOf(error) === 'agent') login.agentFailed(error);
      else if (levelOf(error) === 'client-authentication') {
        const who = `${this.#host.user}@${this.#address}`;
        this.fail(new Trouble('auth-failed', `${who}: ${login.lastTried} could not be used to sign`));
      } else this.fail(this.#disagreement(error) ?? this.#broken(error, login.wasAsked));
    });
    const hangUp = () => {
      this.fail(this.#broken(new Error('the host hung up'), login.wasAsked));
      this.#state = 'over';
    };
    client.once('end', hangUp);
    client.once('close', hangUp);
    // Again with each new exchange of keys.
    client.on('handshake', () => {
      this.#hasKeys = true;
      this.#keyedAt ??= performance.now();
      quickenCiphers(client, this.#socket);
    });
  }

  readonly #verify = (key: Buffer, done: (isTrusted: boolean) => void): void => {
    // Asked again whenever keys are exchanged anew: by then only the same key will do.
    if (this.#state === 'done') {
      done(this.#shownKey?.equals(key) ?? false);
      return;
    }
    const reason = this.#wanted.judge(key);
    if (reason === null) {
      this.#shownKey = key;
      takeTurn(() => this.#answer(() => done(true)));
    } else this.distrust(reason, key);
  };

  /** Nothing is answered that is over, and what the library throws at an answer is the host's fault. */
  #answer(answer: () => void): void {
    if (this.#state !== 'open') return;
    try {
      answer();
    } catch (error) {
      this.fail(this.#broken(error, false));
    }
  }

  #broken(error: unknown, wasAsked: boolean): Trouble {
    return brokenHandshake(error, this.#address, this.#phase, wasAsked, this.#opening.farewell);
  }

  #disagreement(error: Error): Trouble | undefined {
    const old = isDisagreement(error) ? findOldOnly(this.#opening.offered, this.#wish) : undefined;
    if (old === undefined) return undefined;
    return new Trouble('unreachable', `${this.#address} offers only ${old}; \`legacy = yes\` allows them`);
  }

  readonly #keep = (chunk: Buffer): void => this.#opening.push(chunk);

  readonly #count = (): void => {
    if (this.#opening.bytes <= LOGIN_BYTES) return;
    const limit = `${LOGIN_BYTES / 1024} KiB`;
    this.fail(
      new Trouble('unreachable', `${this.#address} sent more than ${limit} before ${this.#phase} was done`),
    );
  };

  readonly #onAbort = (): void => this.fail(stopTrouble(this.#signal, 'before the command was sent'));

  #leave(next: 'done' | 'over'): void {
    this.#state = next;
    this.#deadline.clear();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#socket.off('data', this.#keep);
    this.#socket.off('data', this.#count);
  }
}
