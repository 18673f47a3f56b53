import type { SocketModeReceiver } from '@slack/bolt';
import type { Log } from '../../ports/log.ts';
import type { Meters } from '../../ports/meters.ts';
import { within } from '../../time/within.ts';
import type { Failure } from '../outgoing/failure.ts';
import type { SlackSettings } from '../workspace.ts';
import { Socket } from './socket.ts';

/** Until one that is to be replaced is let go, whether the new one is open or not. */
const REPLACED_WITHIN_MS = 5_000;
/** Slack says goodbye some ten seconds before it closes. */
const RETIRED_WITHIN_MS = 30_000;
/** Of two with a third, and what Slack still counts of those that are gone: a healthy app has four or five. */
const MANY = 8;

interface SocketsContext {
  readonly log: Log;
  readonly meters: Meters;
  /** Slack refuses the token for good. */
  readonly onRefused: (error: Error) => void;
}

/**
 * Two sockets, as Slack asks each to make room every few hours and a command that finds none fails with
 * `dispatch_failed`: it may use any connection, so the other one takes it (facts/slack.md 1.3). The one that is
 * asked stays until Slack closes it, as requests still come over it; a third one is opened in its place before.
 */
export class Sockets {
  /** Two of them are kept open, or all three while one makes room. */
  readonly #sockets: readonly [Socket, Socket, Socket];
  readonly #context: SocketsContext;
  #hasOpened = false;
  /** Of the two that the start opens, those that were not greeted yet. */
  readonly #unopened = new Set<Socket>();
  #connections: number | undefined;
  /** Slack asked these to make room: until they are greeted again. */
  readonly #leaving = new Set<Socket>();
  #replacing: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(settings: SlackSettings, appToken: string, context: SocketsContext) {
    this.#context = context;
    const open = (): Socket => {
      const socket: Socket = new Socket(settings, appToken, {
        log: context.log,
        meters: context.meters,
        isFinal: (failure) => this.#refused(failure),
        onHello: (connections) => this.#greeted(socket, connections),
        onLeave: () => this.#leave(socket),
      });
      return socket;
    };
    this.#sockets = [open(), open(), open()];
  }

  get receivers(): readonly [SocketModeReceiver, ...SocketModeReceiver[]] {
    const [first, ...others] = this.#sockets;
    return [first.receiver, ...others.map(({ receiver }) => receiver)];
  }

  /** How many connections of this app Slack counted when one of ours was last opened. */
  get connections(): number | undefined {
    return this.#connections;
  }

  isActive(): boolean {
    return this.#sockets.some((socket) => socket.isActive());
  }

  /** One is enough to be reached; the second may have to wait for Slack's rate limit. */
  async start(): Promise<void> {
    const [first, second] = this.#sockets;
    this.#unopened.add(first).add(second);
    await Promise.race([first.start(), second.start()]);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#sockets.map((socket) => socket.stop()));
  }

  #greeted(socket: Socket, connections: number | undefined): void {
    // The two of the start come in nobody's place.
    if (!this.#unopened.delete(socket)) this.#context.meters.count('reconnects', 'all');
    this.#leaving.delete(socket);
    this.#hasOpened = true;
    this.#connections = connections;
    if (connections === undefined || connections < MANY) return;
    this.#context.log.warn(
      { connections },
      'Slack counts many Socket Mode connections of this app: another process has the same app token and is given a ' +
        'part of the commands, or Slack still counts connections that have ended (for hours; clicks given to those are lost)',
    );
  }

  /** What the app lacks may be mended while we run; at the start somebody is looking. */
  #refused({ kind, code, needed }: Failure): boolean {
    const isFinal = kind === 'credentials' || (kind === 'app' && !this.#hasOpened);
    if (!isFinal) return false;
    const scope = needed ?? (code === 'missing_scope' ? 'connections:write' : undefined);
    const why = scope === undefined ? code : `${code}, it needs the scope ${scope}`;
    this.#context.onRefused(new Error(`Slack refuses the app token: ${why}`));
    return true;
  }

  #leave(socket: Socket): void {
    // Slack asks twice.
    if (this.#leaving.has(socket)) return;
    this.#leaving.add(socket);
    this.#replacing = this.#replacing.then(() => this.#replace(socket));
  }

  async #replace(socket: Socket): Promise<void> {
    const spare = this.#sockets.find((each) => each.isIdle());
    if (this.#isStopping || socket.isIdle()) return;
    // The other one makes room as well, and what was opened for it is there.
    if (spare === undefined) return socket.renew();
    await within(spare.start(), { ms: REPLACED_WITHIN_MS, late: () => undefined });
    socket.retire(RETIRED_WITHIN_MS);
  }
}
