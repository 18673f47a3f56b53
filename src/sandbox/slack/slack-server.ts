import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Sockets } from './delivery/sockets.ts';
import type { ResponseUrls } from './handles/response-urls.ts';
import { answerText, findForeign } from './http.ts';
import type { Settings } from './options.ts';
import type { PageServer } from './page/page-server.ts';
import type { WebApi } from './web-api/web-api.ts';
import { sendPrivateFile, type Uploads } from './workspace/file-transfer.ts';
import type { Workspace } from './workspace/workspace.ts';

export interface ServedParts {
  readonly workspace: Workspace;
  readonly webApi: WebApi;
  readonly page: PageServer;
  readonly responseUrls: ResponseUrls;
  readonly uploads: Uploads;
  readonly sockets: Sockets;
}

/** The one port of the local Slack: which part answers which request. */
export class SlackServer {
  readonly #settings: Settings;
  readonly #parts: ServedParts;
  readonly #server: Server;
  #port = 0;

  constructor(settings: Settings, parts: ServedParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        // Who asked is gone, perhaps killed: nobody to answer.
        if (request.destroyed && !request.complete) return;
        // A defect of ours: a test that meets it should see it.
        process.emitWarning(error instanceof Error ? error : new Error(String(error)));
        if (!response.headersSent) answerText(response, 500, 'Internal Server Error');
        else response.destroy();
      });
    });
    // Longer than any client of ours keeps one: who closes first is never in doubt.
    this.#server.keepAliveTimeout = 10 * 60_000;
    this.#server.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head));
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(this.#settings.port, '127.0.0.1', resolve);
    await promise;
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.#port = address.port;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const foreign = findForeign(request.headers, this.#port);
    if (foreign !== null) return answerText(response, 403, foreign);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('x-frame-options', 'DENY');
    response.setHeader('referrer-policy', 'no-referrer');
    const url = new URL(request.url ?? '/', this.url);
    const { pathname } = url;
    if (pathname.startsWith('/api/')) return this.#parts.webApi.handle(request, response, url);
    if (pathname.startsWith('/page/')) return this.#parts.page.handle(request, response, url);
    if (pathname.startsWith('/commands/') || pathname.startsWith('/actions/'))
      return this.#parts.responseUrls.handle(request, response, pathname);
    if (pathname.startsWith('/upload/v1/')) {
      const fault = await this.#parts.uploads.receive(request, response, pathname);
      if (fault !== null) this.#parts.webApi.recordViolation('upload', fault, [], {});
      return;
    }
    if (pathname.startsWith('/files-pri/'))
      return sendPrivateFile(request, response, pathname, this.#parts.workspace);
    if (this.#settings.page?.(request, response) === true) return;
    answerText(response, 404, 'Not Found');
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    if (findForeign(request.headers, this.#port) === null) this.#parts.sockets.accept(request, stream, head);
    else stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  }
}
