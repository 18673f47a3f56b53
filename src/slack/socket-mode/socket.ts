import { SocketModeReceiver } from '@slack/bolt';
import { SMSendWhileDisconnectedError } from '@slack/socket-mode';
import type { Log } from '../../ports/log.ts';
import type { Meters } from '../../ports/meters.ts';
import { backoff } from '../../time/backoff.ts';
import { delay } from '../../time/delay.ts';
import { within } from '../../time/within.ts';
import { classify, type Failure } from '../outgoing/failure.ts';
import { quietLogger } from '../quiet-logger.ts';
import { clientOptions, type SlackSettings } from '../workspace.ts';
import { type Frame, readFrame } from './frames.ts';

const HELLO_PATIENCE_MS = 20_000;
/** Whoever has lost all connections reconnects at once, and not all of them in the same moment. */
const SPREAD_MS = 400;
/** One that ends sooner was hardly wanted: the next one waits. */
const SHORT_LIFE_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
export const GOODBYE_MS = 3_000;

export interface SocketContext {
  readonly log: Log;
  readonly meters: Meters;
  /** Slack does not let us connect. True where that is for good. */
  readonly isFinal: (failure: Failure) => boolean;
  readonly onHello: (connections: number | undefined) => void;
  /** Slack is about to close the connection that is open now. */
  readonly onLeave: () => void;
}

/**
 * One Socket Mode connection that is kept open by us. The SDK's own reconnect waits 5 s after every refresh
 * Slack asks for, and where it gives up the rejection is handled by nobody (node-slack-sdk#2656), so it is
 * switched off: this one reconnects at once, goes on trying however long Slack is away, and gives up only
 * where Slack refuses the token.
 */
export class Socket {
  readonly receiver: SocketModeReceiver;
  readonly #context: SocketContext;
  #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(settings: SlackSettings, appToken: string, context: SocketContext) {
    const { log } = context;
    this.#context = context;
    this.receiver = new SocketModeReceiver({
      appToken,
      autoReconnectEnabled: false,
      // The default of 5 s takes a busy second for a dead peer.
      clientPingTimeout: 10_000,
      logger: quietLogger(log),
      installerOptions: { clientOptions: clientOptions(settings, log, 10_000) },
    });
    const { client } = this.receiver;
    // The SDK hangs up at the first warning, with nothing else open and requests still coming.
    const handlers = client.listeners('ws_message');
    client.removeAllListeners('ws_message');
    client.on('ws_message', (...message: unknown[]) => {
      const frame = readFrame(message[0]);
      if (frame.kind !== 'leave') for (const handle of handlers) void this.#hand(handle, message);
      this.#hear(frame);
    });
    this.#ackWhereItCame();
  }

  /**
   * The SDK acks over whatever connection is open by then. Slack has given up an envelope whose connection is gone,
   * has told its person so, and brings it again: an ack over the next one acks nothing, and we would believe it did.
   */
  #ackWhereItCame(): void {
    const { client } = this.receiver;
    const handlers = client.listeners('slack_event');
    client.removeAllListeners('slack_event');
    client.on('slack_event', (request: { readonly ack: (response: unknown) => Promise<void> }) => {
      const { websocket } = client;
      const ack = async (response: unknown): Promise<void> => {
        if (client.websocket !== websocket) throw new SMSendWhileDisconnectedError();
        await request.ack(response);
      };
      for (const handle of handlers) void handle.call(client, { ...request, ack });
    });
  }

  isActive(): boolean {
    return this.receiver.client.websocket?.isActive() ?? false;
  }

  /** Neither open nor trying to be. */
  isIdle(): boolean {
    return this.#loop === undefined;
  }

  /** Resolves once Slack has said hello, or once it refuses the token for good. Only where it is idle. */
  start(): Promise<void> {
    this.#stopping = new AbortController();
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      this.#loop = this.#keepOpen(signal, resolve).finally(() => {
        this.#loop = undefined;
        resolve();
      });
    });
  }

  /** Closes, and opens again at once. */
  renew(): void {
    void this.receiver.client.disconnect();
  }

  /** Is not opened again once Slack has closed it; closed by us where Slack does not. */
  retire(withinMs: number): void {
    const loop = this.#loop;
    this.#stopping.abort();
    if (loop === undefined) return;
    void within(loop, { ms: withinMs, late: () => this.renew() });
  }

  async stop(): Promise<void> {
    const loop = this.#loop;
    this.#stopping.abort();
    if (loop === undefined) return;
    const goodbye = { ms: GOODBYE_MS, late: () => undefined };
    await within(this.receiver.client.disconnect(), goodbye);
    await within(loop, goodbye);
  }

  /** The SDK reads a frame as if it could only be one of those it knows, and leaves the rejection to nobody. */
  async #hand(handle: (...message: unknown[]) => unknown, message: readonly unknown[]): Promise<void> {
    try {
      await handle.apply(this.receiver.client, [...message]);
    } catch (error) {
      this.#context.log.warn({ err: error }, 'Slack sent what is no request: it was dropped');
    }
  }

  #hear(frame: Frame): void {
    switch (frame.kind) {
      case 'hello':
        this.#context.onHello(frame.connections);
        break;
      case 'leave':
        this.#context.onLeave();
        break;
      case 'other':
        break;
      default:
        frame satisfies never;
    }
  }

  async #keepOpen(signal: AbortSignal, onHello: () => void): Promise<void> {
    const { client } = this.receiver;
    const { log, meters, isFinal } = this.#context;
    let failures = 0;
    while (!signal.aborted) {
      const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
      client.once('disconnected', onEnded);
      let retryAfterMs: number | undefined;
      try {
        const late = () => {
          throw new Error(`no hello within ${HELLO_PATIENCE_MS} ms`);
        };
        await within(client.start(), { ms: HELLO_PATIENCE_MS, late });
        const openedAt = performance.now();
        onHello();
        await ended;
        failures = performance.now() - openedAt < SHORT_LIFE_MS ? failures + 1 : 0;
      } catch (error) {
        client.off('disconnected', onEnded);
        if (signal.aborted) return;
        const failure = classify(error);
        if (failure.code === 'ratelimited') meters.count('rateLimits', 'apps.connections.open');
        if (isFinal(failure)) return;
        failures += 1;
        retryAfterMs = failure.retryAfterMs;
        log.warn({ error: failure.code, failures }, 'no Socket Mode connection');
        // Half-open ones would count against the ten that an app may have.
        void client.disconnect();
      }
      const spreadMs = Math.random() * SPREAD_MS;
      const backoffMs = backoff(failures - 1, FIRST_RETRY_MS, LAST_RETRY_MS);
      const waitMs = failures === 0 ? 0 : (retryAfterMs ?? backoffMs * (0.75 + Math.random() / 2));
      await delay(waitMs + spreadMs, signal);
    }
  }
}
