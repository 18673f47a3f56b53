import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ReportFault } from './delivery/courier.ts';
import type { Outcome } from './delivery/outcome.ts';
import { type Clicking, type Commanding, People, type Saying, type Uploading } from './delivery/people.ts';
import { RequestUrl } from './delivery/request-url.ts';
import { Sockets } from './delivery/sockets.ts';
import { type Fault, type FaultHandle, Faults } from './faults.ts';
import { ResponseUrls } from './handles/response-urls.ts';
import { Triggers } from './handles/triggers.ts';
import { answerText, findForeign } from './http.ts';
import {
  type Acting,
  type Closing,
  Forms,
  type Submitted,
  type Submitting,
  type ViewMeans,
} from './interactivity/forms.ts';
import { type MessageShortcut, Openings } from './interactivity/openings.ts';
import { type Suggested, type Suggesting, suggest } from './interactivity/suggesting.ts';
import { OfferedOptions } from './interactivity/suggestions.ts';
import { type StoredView, ViewStore } from './interactivity/view-store.ts';
import type { Settings } from './options.ts';
import { PageServer } from './page/page-server.ts';
import { type LoggedCall, type Violation, WebApi } from './web-api/web-api.ts';
import { sendPrivateFile, Uploads } from './workspace/file-transfer.ts';
import type { StoredMessage } from './workspace/message.ts';
import { Workspace } from './workspace/workspace.ts';

/** The parts of the local Slack, wired: who answers which request. What it offers is told in `local-slack.ts`. */
export class RunningSlack implements AsyncDisposable {
  readonly settings: Settings;
  readonly workspace: Workspace;
  readonly #server: Server;
  readonly #sockets: Sockets;
  readonly #requestUrl: RequestUrl;
  readonly #responseUrls: ResponseUrls;
  readonly #uploads = new Uploads();
  readonly #views: ViewStore;
  readonly #faults = new Faults();
  readonly #webApi: WebApi;
  readonly #means: ViewMeans;
  readonly #people: People;
  readonly #openings: Openings;
  readonly #forms: Forms;
  readonly #page: PageServer;
  /** Called when anything happened. */
  readonly #watchers = new Set<() => void>();
  #port = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    this.workspace = new Workspace(settings);
    let isAwake = false;
    // After what happened is wholly done, and once for many things at a time.
    const wake = () => {
      if (isAwake) return;
      isAwake = true;
      setImmediate(() => {
        isAwake = false;
        for (const watcher of [...this.#watchers]) watcher();
      });
    };
    this.workspace.onEvent(wake);
    this.#views = new ViewStore(this.workspace);
    const report: ReportFault = (method, error, values, details = []) =>
      this.#webApi.recordViolation(method, error, details, values);
    const triggers = new Triggers(settings.pace.triggerMs, settings.now);
    const baseUrl = () => this.url;
    this.#sockets = new Sockets(settings, this.#faults, report, wake);
    this.#requestUrl = new RequestUrl(settings, report);
    this.#responseUrls = new ResponseUrls(this.workspace, report);
    const openTicket = () => this.#sockets.openTicket(this.#port);
    this.#webApi = new WebApi(
      {
        workspace: this.workspace,
        triggers,
        views: this.#views,
        uploads: this.#uploads,
        baseUrl,
        openTicket,
      },
      this.#faults,
      wake,
    );
    this.#means = {
      workspace: this.workspace,
      triggers,
      responseUrls: this.#responseUrls,
      courier: settings.mode === 'socket' ? this.#sockets : this.#requestUrl,
      offered: new OfferedOptions(),
      baseUrl,
      report,
      views: this.#views,
    };
    this.#people = new People(this.#means);
    this.#openings = new Openings(this.#means);
    this.#forms = new Forms(this.#means);
    this.#page = new PageServer(this.workspace, this.#views, {
      people: this.#people,
      openings: this.#openings,
      forms: this.#forms,
      suggest: (asking) => suggest(this.#means, asking),
    });
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
    this.#server.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head));
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(this.settings.port, '127.0.0.1', resolve);
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

  get apiUrl(): string {
    return `${this.url}/api/`;
  }

  // ── requests ───────────────────────────────────────────────────────────────────────────────────────────

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const foreign = findForeign(request.headers, this.#port);
    if (foreign !== null) return answerText(response, 403, foreign);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('x-frame-options', 'DENY');
    response.setHeader('referrer-policy', 'no-referrer');
    const url = new URL(request.url ?? '/', this.url);
    const { pathname } = url;
    if (pathname.startsWith('/api/')) return this.#webApi.handle(request, response, url);
    if (pathname.startsWith('/page/')) return this.#page.handle(request, response, url);
    if (pathname.startsWith('/commands/') || pathname.startsWith('/actions/'))
      return this.#responseUrls.handle(request, response, pathname);
    if (pathname.startsWith('/upload/v1/')) {
      const fault = await this.#uploads.receive(request, response, pathname);
      if (fault !== null) this.#webApi.recordViolation('upload', fault, [], {});
      return;
    }
    if (pathname.startsWith('/files-pri/'))
      return sendPrivateFile(request, response, pathname, this.workspace);
    if (this.settings.page?.(request, response) === true) return;
    answerText(response, 404, 'Not Found');
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    if (findForeign(request.headers, this.#port) === null) this.#sockets.accept(request, stream, head);
    else stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  }

  // ── for tests and the demo ─────────────────────────────────────────────────────────────────────────────

  command(typed: Commanding): Promise<Outcome> {
    return this.#people.command(typed);
  }

  click(pressed: Clicking): Promise<Outcome> {
    return this.#people.click(pressed);
  }

  say(saying: Saying): StoredMessage {
    return this.#people.say(saying);
  }

  upload(uploading: Uploading): StoredMessage {
    return this.#people.upload(uploading);
  }

  openHome(who: { readonly user: string }): Promise<Outcome> {
    return this.#openings.openHome(who);
  }

  shortcut(chosen: { readonly user: string; readonly callbackId: string }): Promise<Outcome> {
    return this.#openings.shortcut(chosen);
  }

  messageShortcut(chosen: MessageShortcut): Promise<Outcome> {
    return this.#openings.messageShortcut(chosen);
  }

  submit(submitting: Submitting): Promise<Submitted> {
    return this.#forms.submit(submitting);
  }

  closeView(closing: Closing): string | null {
    return this.#forms.closeView(closing);
  }

  act(acting: Acting): Promise<Outcome> {
    return this.#forms.act(acting);
  }

  suggest(suggesting: Suggesting): Promise<Suggested> {
    return suggest(this.#means, suggesting);
  }

  messages(channel: string): readonly StoredMessage[] {
    return this.workspace.listMessages(channel).filter((message) => message.threadTs === null);
  }

  thread(channel: string, rootTs: string): readonly StoredMessage[] {
    return this.workspace.listReplies(channel, rootTs);
  }

  ephemerals(user: string): readonly StoredMessage[] {
    return this.workspace.listEphemerals(user);
  }

  views(user: string): readonly StoredView[] {
    const modal = this.#views.modal(user);
    return modal === undefined ? [] : [modal];
  }

  home(user: string): StoredView | undefined {
    return this.#views.home(user);
  }

  waitFor<T>(find: () => T | undefined | null | false, timeoutMs = 10_000): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      try {
        const found = find();
        if (found !== undefined && found !== null && found !== false) resolve(found);
      } catch (error) {
        reject(error);
      }
    };
    const timer = setTimeout(() => {
      const seen = JSON.stringify({ violations: this.violations.slice(-5), calls: this.calls.slice(-10) });
      reject(new Error(`not within ${timeoutMs} ms; the last of what Slack saw: ${seen}`));
    }, timeoutMs);
    this.#watchers.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#watchers.delete(look);
    });
  }

  get violations(): readonly Violation[] {
    return this.#webApi.violations;
  }

  get calls(): readonly LoggedCall[] {
    return this.#webApi.calls;
  }

  get rateLimited(): ReadonlyMap<string, number> {
    return this.#webApi.rateLimited;
  }

  order(fault: Fault): FaultHandle {
    return this.#faults.order(fault);
  }

  get socketCount(): number {
    return this.#sockets.count;
  }

  refreshSockets(which: 'oldest' | 'all' = 'all'): void {
    this.#sockets.refresh(which);
  }

  disableSockets(): void {
    this.#sockets.disable();
  }

  dropSockets(): void {
    this.#sockets.drop();
  }

  setRequestUrl(url: string): void {
    this.#requestUrl.url = url;
  }

  async close(): Promise<void> {
    this.#page.close();
    this.#sockets.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
