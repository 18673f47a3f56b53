import { SocketModeReceiver } from '@slack/bolt';
import type { Log } from '../ports.ts';
import { delay } from '../time/delay.ts';
import { within } from '../time/within.ts';
import { classify } from './outgoing/failure.ts';
import { quietLogger } from './quiet-logger.ts';
import { clientOptions, type SlackSettings } from './workspace.ts';

const HELLO_PATIENCE_MS = 20_000;
/** A connection that ends sooner was not refreshed by Slack: something is wrong, so the next one waits. */
const SHORT_LIFE_MS = 5_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
export const GOODBYE_MS = 3_000;

/**
 * One Socket Mode connection that is kept open by us. The SDK's own reconnect waits 5 s after every refresh
 * Slack asks for, and where it gives up the rejection is handled by nobody (node-slack-sdk#2656), so it is
 * switched off: this one reconnects at once, goes on trying however long Slack is away, and gives up only
 * where Slack refuses the token.
 */
export class Socket {
  readonly receiver: SocketModeReceiver;
  readonly #log: Log;
  readonly #onRefused: (error: Error) => void;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(
    settings: SlackSettings,
    appToken: string,
    more: { readonly log: Log; readonly onRefused: (error: Error) => void },
  ) {
    this.#log = more.log;
    this.#onRefused = more.onRefused;
    this.receiver = new SocketModeReceiver({
      appToken,
      autoReconnectEnabled: false,
      // The default of 5 s takes a busy second for a dead peer.
      clientPingTimeout: 10_000,
      logger: quietLogger(more.log),
      installerOptions: { clientOptions: clientOptions(settings, more.log, 10_000) },
    });
    this.receiver.client.on('ws_message', (data: unknown) => this.#watchHello(data));
  }

  isActive(): boolean {
    return this.receiver.client.websocket?.isActive() ?? false;
  }

  /** Resolves once Slack has said hello for the first time, or once it refuses the token for good. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#loop = this.#keepOpen(resolve).finally(resolve);
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const goodbye = { ms: GOODBYE_MS, late: () => undefined };
    await within(this.receiver.client.disconnect(), goodbye);
    await within(this.#loop, goodbye);
  }

  async #keepOpen(onHello: () => void): Promise<void> {
    const { client } = this.receiver;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
      client.once('disconnected', onEnded);
      const startedAt = Date.now();
      let retryAfterMs: number | undefined;
      try {
        const late = () => {
          throw new Error(`no hello within ${HELLO_PATIENCE_MS} ms`);
        };
        await within(client.start(), { ms: HELLO_PATIENCE_MS, late });
        onHello();
        await ended;
        failures = Date.now() - startedAt < SHORT_LIFE_MS ? failures + 1 : 0;
      } catch (error) {
        client.off('disconnected', onEnded);
        if (signal.aborted) return;
        const failure = classify(error);
        if (failure.kind === 'credentials') {
          this.#onRefused(new Error(`Slack refuses the app token: ${failure.code}`, { cause: error }));
          return;
        }
        failures += 1;
        retryAfterMs = failure.retryAfterMs;
        this.#log.warn({ error: failure.code, failures }, 'no Socket Mode connection');
        // Half-open ones would count against the ten that an app may have.
        void client.disconnect();
      }
      if (failures > 0) {
        const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
        await delay(retryAfterMs ?? waitMs * (0.75 + Math.random() / 2), signal);
      }
    }
  }

  /** Slack deals the commands out over all connections: one too many is another process that gets some of ours. */
  #watchHello(data: unknown): void {
    if (typeof data !== 'string' || !data.slice(0, 200).includes('"hello"')) return;
    const found = /"num_connections"\s*:\s*(\d+)/.exec(data);
    const connections = Number(found?.[1] ?? 0);
    // Ours, and one that Slack is still closing.
    if (connections > 3) {
      this.#log.warn(
        { connections },
        'more Socket Mode connections than ours: does another process use this app token?',
      );
    }
  }
}
