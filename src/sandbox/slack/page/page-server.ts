import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson, parseFields, readBody } from '../http.ts';
import type { ViewStore } from '../interactivity/view-store.ts';
import { textOf } from '../json.ts';
import type { PageError, PageEvent } from '../page-api.ts';
import type { Workspace, WorkspaceEvent } from '../workspace/workspace.ts';
import { type Doers, PagePosts } from './page-posts.ts';
import { PageView } from './page-view.ts';

/** Serves what `page-api.ts` describes. The Host and Origin of the request were judged before. */

const REPLAY_EVENTS = 2_000;
const HEARTBEAT_MS = 15_000;

export class PageServer {
  readonly #workspace: Workspace;
  readonly #views: ViewStore;
  readonly #posts: PagePosts;
  readonly #streams = new Set<ServerResponse>();
  readonly #recent: { readonly id: number; readonly event: WorkspaceEvent }[] = [];
  readonly #listeners = new Set<(id: number, event: WorkspaceEvent) => void>();
  readonly #heartbeat: NodeJS.Timeout;
  #lastId = 0;

  constructor(workspace: Workspace, views: ViewStore, doers: Doers) {
    this.#workspace = workspace;
    this.#views = views;
    this.#posts = new PagePosts(workspace, doers);
    workspace.onEvent((event) => {
      this.#lastId += 1;
      this.#recent.push({ id: this.#lastId, event });
      if (this.#recent.length > REPLAY_EVENTS) this.#recent.shift();
      for (const listener of this.#listeners) listener(this.#lastId, event);
    });
    this.#heartbeat = setInterval(() => {
      for (const stream of this.#streams) stream.write(': still here\n\n');
    }, HEARTBEAT_MS).unref();
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const stream of this.#streams) stream.end();
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (request.method === 'POST') await this.#handlePost(request, response, url.pathname);
    else if (request.method === 'GET') this.#handleGet(request, response, url);
    else refuse(response, 405, 'method_not_allowed');
  }

  #handleGet(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const user = url.searchParams.get('user') ?? '';
    const view = new PageView(this.#workspace, this.#views, user);
    const channel = url.searchParams.get('channel') ?? '';
    if (!this.#isPerson(user)) refuse(response, 404, 'user_not_found');
    else if (url.pathname === '/page/state') answerJson(response, 200, view.showState());
    else if (url.pathname === '/page/events') this.#stream(request, response, view);
    else if (url.pathname.startsWith('/page/file/')) this.#sendFile(response, url, view);
    else if (!view.sees(channel)) refuse(response, 404, 'channel_not_found');
    else if (url.pathname === '/page/messages')
      answerJson(response, 200, { messages: view.listRoots(channel) });
    else if (url.pathname === '/page/thread') {
      const messages = view.listThread(channel, url.searchParams.get('ts') ?? '');
      if (messages === undefined) refuse(response, 404, 'thread_not_found');
      else answerJson(response, 200, { messages });
    } else refuse(response, 404, 'not_found');
  }

  async #handlePost(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    // A form of another site cannot send JSON without asking the browser first.
    const kind = request.headers['content-type']?.split(';')[0];
    const body = await readBody(request);
    const fields = body === undefined ? undefined : parseFields('application/json', body);
    const user = textOf(fields ?? {}, 'user') ?? '';
    if (kind !== 'application/json') refuse(response, 403, 'json_only');
    else if (fields === undefined) refuse(response, 400, 'invalid_json');
    else if (!this.#isPerson(user)) refuse(response, 404, 'user_not_found');
    else {
      const answer = await this.#posts.handle(path, user, fields);
      answerJson(response, answer.status, answer.body);
    }
  }

  #isPerson(id: string): boolean {
    const user = this.#workspace.users.get(id);
    return user !== undefined && user.isBot !== true && user.isDeactivated !== true;
  }

  #sendFile(response: ServerResponse, url: URL, view: PageView): void {
    const file = this.#workspace.files.get(url.pathname.slice('/page/file/'.length));
    if (file === undefined || !file.shares.some((share) => view.sees(share.channel))) {
      refuse(response, 404, 'file_not_found');
      return;
    }
    // Output of hosts is hostile: nothing but plain text and pictures may be drawn by the browser.
    const isText = file.mimetype.startsWith('text/') || file.mimetype === 'application/json';
    const isPicture = /^image\/(png|jpeg|gif)$/.test(file.mimetype);
    const how = url.searchParams.has('download') || !(isText || isPicture) ? 'attachment' : 'inline';
    const type = isText
      ? 'text/plain; charset=utf-8'
      : isPicture
        ? file.mimetype
        : 'application/octet-stream';
    response.writeHead(200, {
      'content-type': type,
      'content-length': file.bytes.byteLength,
      'content-disposition': `${how}; filename*=UTF-8''${encodeURIComponent(file.name)}`,
      'content-security-policy': "default-src 'none'; sandbox",
    });
    response.end(file.bytes);
  }

  #stream(request: IncomingMessage, response: ServerResponse, view: PageView): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const send = (id: number, event: PageEvent | undefined) => {
      if (event !== undefined) response.write(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`);
    };
    const last = Number(request.headers['last-event-id'] ?? Number.NaN);
    const firstKept = this.#recent[0]?.id ?? this.#lastId + 1;
    // The id alone: an EventSource remembers it though no event comes of it.
    if (Number.isNaN(last)) response.write(`id: ${this.#lastId}\n\n`);
    else if (last > this.#lastId || last + 1 < firstKept) send(this.#lastId, { type: 'resync' });
    else for (const { id, event } of this.#recent) if (id > last) send(id, view.showEvent(event));
    const listener = (id: number, event: WorkspaceEvent) => send(id, view.showEvent(event));
    this.#listeners.add(listener);
    this.#streams.add(response);
    response.on('close', () => {
      this.#listeners.delete(listener);
      this.#streams.delete(response);
    });
  }
}

function refuse(response: ServerResponse, status: number, error: string): void {
  const body: PageError = { ok: false, error, message: error };
  answerJson(response, status, body);
}
