import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HTTPReceiver } from '@slack/bolt';
import { ConfigError, showCode } from '../errors.ts';
import type { Log } from '../ports/log.ts';
import { type Meters, UNMETERED } from '../ports/meters.ts';
import { within } from '../time/within.ts';
import { quietLogger } from './quiet-logger.ts';

const EVENTS_PATH = '/slack/events';
/** How far a clock may be ahead of ours. */
const MAX_SKEW_S = 60;
const MAX_BODY_BYTES = 512 * 1024;

export interface ListenAddress {
  /** Address or name. */
  readonly host: string;
  readonly port: number;
}

interface EndpointContext {
  readonly log: Log;
  readonly meters?: Meters | undefined;
}

/** Slack's requests over HTTP: Bolt checks the signature, this server what Bolt leaves open. */
export class HttpEndpoint {
  readonly receiver: HTTPReceiver;
  readonly #server: Server;
  readonly #at: ListenAddress;

  constructor(signingSecret: string, at: ListenAddress, { log, meters = UNMETERED }: EndpointContext) {
    this.#at = at;
    this.receiver = new HTTPReceiver({
      signingSecret,
      endpoints: EVENTS_PATH,
      logger: quietLogger(log),
      bodyLimit: MAX_BODY_BYTES,
      customPropertiesExtractor: ({ headers }) => ({ signedAt: headers['x-slack-request-timestamp'] }),
    });
    this.#server = createServer((request, response) => {
      const { pathname } = URL.parse(request.url ?? '/', 'http://localhost') ?? { pathname: '' };
      if (pathname !== EVENTS_PATH || request.method !== 'POST') {
        response.writeHead(404).end();
        return;
      }
      // Bolt's answer to a signature that is not Slack's or not of now, and ours.
      response.once('finish', () => {
        if (response.statusCode === 401) meters.count('signatureErrors', 'all');
      });
      // Bolt refuses a timestamp older than five minutes, but takes one of next year: a request recorded
      // with such a one could be sent again for ever.
      if (isFromTheFuture(request.headers['x-slack-request-timestamp'], Date.now())) {
        log.warn({}, 'a request with a timestamp in the future was refused');
        response.writeHead(401).end();
        return;
      }
      // Bolt knows this type only without a charset behind it.
      const type = request.headers['content-type'];
      if (type?.startsWith('application/x-www-form-urlencoded;') === true) {
        request.headers['content-type'] = 'application/x-www-form-urlencoded';
      }
      this.receiver.requestListener(request, response);
    });
    // Slack needs a few; whoever else finds the port is not to have all files that we may open.
    this.#server.maxConnections = 64;
    this.#server.requestTimeout = 10_000;
    this.#server.headersTimeout = 5_000;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : this.#at.port;
  }

  isActive(): boolean {
    return this.#server.listening;
  }

  start(): Promise<void> {
    const { host, port } = this.#at;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(
          new ConfigError([
            `BATCHOPS_HTTP_HOST, PORT: cannot listen on ${host}, port ${port} (${showCode(error)})`,
          ]),
        );
      });
      this.#server.listen(port, host, () => resolve());
    });
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // All of them closed, it is closed itself.
    const late = () => {
      this.#server.closeAllConnections();
      return closed;
    };
    await within(closed, { ms: 3_000, late });
  }
}

export function isFromTheFuture(timestamp: string | string[] | undefined, nowMs: number): boolean {
  return Number(timestamp) > nowMs / 1_000 + MAX_SKEW_S;
}
