import type { ReportFault } from './delivery/courier.ts';
import type { Outcome } from './delivery/outcome.ts';
import { type Clicking, type Commanding, People, type Saying, type Uploading } from './delivery/people.ts';
import { RequestUrl } from './delivery/request-url.ts';
import { Sockets } from './delivery/sockets.ts';
import { type Fault, type FaultHandle, Faults } from './faults.ts';
import { ResponseUrls } from './handles/response-urls.ts';
import { Triggers } from './handles/triggers.ts';
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
import { SlackServer } from './slack-server.ts';
import { Watchers } from './watchers.ts';
import { type LoggedCall, type Violation, WebApi } from './web-api/web-api.ts';
import { Uploads } from './workspace/file-transfer.ts';
import type { StoredMessage } from './workspace/message.ts';
import { Workspace } from './workspace/workspace.ts';

/** The parts of the local Slack, wired. What it offers is told in `local-slack.ts`. */
export class RunningSlack implements AsyncDisposable {
  readonly settings: Settings;
  readonly workspace: Workspace;
  readonly #server: SlackServer;
  readonly #sockets: Sockets;
  readonly #requestUrl: RequestUrl;
  readonly #views: ViewStore;
  readonly #faults = new Faults();
  readonly #webApi: WebApi;
  readonly #means: ViewMeans;
  readonly #people: People;
  readonly #openings: Openings;
  readonly #forms: Forms;
  readonly #page: PageServer;
  readonly #watchers = new Watchers();

  constructor(settings: Settings) {
    this.settings = settings;
    this.workspace = new Workspace(settings);
    const wake = () => this.#watchers.wake();
    this.workspace.onEvent(wake);
    this.#views = new ViewStore(this.workspace);
    const report: ReportFault = (method, error, values, details = []) =>
      this.#webApi.recordViolation(method, error, details, values);
    const triggers = new Triggers(settings.pace.triggerMs, settings.now);
    const uploads = new Uploads();
    const baseUrl = () => this.url;
    this.#sockets = new Sockets(settings, this.#faults, report, wake);
    this.#requestUrl = new RequestUrl(settings, report);
    const responseUrls = new ResponseUrls(this.workspace, report, this.#faults);
    const openTicket = () => this.#sockets.openTicket(this.port);
    this.#webApi = new WebApi(
      {
        workspace: this.workspace,
        triggers,
        views: this.#views,
        uploads,
        baseUrl,
        openTicket,
      },
      this.#faults,
      wake,
    );
    this.#means = {
      workspace: this.workspace,
      triggers,
      responseUrls,
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
    this.#server = new SlackServer(settings, {
      workspace: this.workspace,
      webApi: this.#webApi,
      page: this.#page,
      responseUrls,
      uploads,
      sockets: this.#sockets,
    });
  }

  async listen(): Promise<void> {
    await this.#server.listen();
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return this.#server.url;
  }

  get apiUrl(): string {
    return `${this.url}/api/`;
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
    return this.#watchers.waitFor(find, timeoutMs, () =>
      JSON.stringify({ violations: this.violations.slice(-5), calls: this.calls.slice(-10) }),
    );
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
    await this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
