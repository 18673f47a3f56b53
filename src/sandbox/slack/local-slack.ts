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
import { type LocalSlackOptions, resolveOptions, type Settings } from './options.ts';
import { PageServer } from './page/page-server.ts';
import { SlackServer } from './slack-server.ts';
import { Watchers } from './watchers.ts';
import { type LoggedCall, type Violation, WebApi } from './web-api/web-api.ts';
import { Uploads } from './workspace/file-transfer.ts';
import type { StoredMessage } from './workspace/message.ts';
import { Workspace } from './workspace/workspace.ts';

/**
 * A strict Slack on this machine: the Web API, Socket Mode or signed HTTP requests, and the API of a web page.
 * Where Slack refuses, it refuses, in Slack's words; where Slack is vague, it takes the strictest reading, or a test
 * sets which one. It has the methods, arguments and blocks that the bot uses: anything else is refused by its name.
 *
 *     await using slack = await openLocalSlack({ manifest, users, channels });
 *     // start the bot with SLACK_API_URL=slack.apiUrl and slack.settings.tokens
 *     const outcome = await slack.command({ user: 'U1', channel: 'C1', command: '/batch', text: 'help' });
 *     await slack.waitFor(() => outcome.answers()[0]);
 */
export class LocalSlack implements AsyncDisposable {
  /** Tokens, signing secret, team and bot as they came out. */
  readonly settings: Settings;
  /**
   * People, channels, files, everything that was said; `changeChannel` archives, invites, removes; `changeUser` and
   * `changeUserGroup` do the like with people.
   */
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

  /** `http://127.0.0.1:PORT`, where the page is. */
  get url(): string {
    return this.#server.url;
  }

  /** With a slash at its end, for `slackApiUrl`. */
  get apiUrl(): string {
    return `${this.url}/api/`;
  }

  /** Types a slash command; resolves when it was acked or has failed. */
  command(typed: Commanding): Promise<Outcome> {
    return this.#people.command(typed);
  }

  click(pressed: Clicking): Promise<Outcome> {
    return this.#people.click(pressed);
  }

  say(saying: Saying): StoredMessage {
    return this.#people.say(saying);
  }

  /** Shares a file in a channel: a message with `files`. */
  upload(uploading: Uploading): StoredMessage {
    return this.#people.upload(uploading);
  }

  /** Opens the app's Home tab: `app_home_opened`, where the manifest subscribes to it. */
  openHome(who: { readonly user: string }): Promise<Outcome> {
    return this.#openings.openHome(who);
  }

  /** A global shortcut of the manifest. */
  shortcut(chosen: { readonly user: string; readonly callbackId: string }): Promise<Outcome> {
    return this.#openings.shortcut(chosen);
  }

  messageShortcut(chosen: MessageShortcut): Promise<Outcome> {
    return this.#openings.messageShortcut(chosen);
  }

  /**
   * Presses Submit in the modal. Values are by `action_id`: a text, an option's `value` or an id, several
   * for what takes many, null for nothing; what is left out stays as it stands in the form.
   */
  submit(submitting: Submitting): Promise<Submitted> {
    return this.#forms.submit(submitting);
  }

  /** Cancel, or the ✕: the app does not hear of it. Null, or why nothing was closed. */
  closeView(closing: Closing): string | null {
    return this.#forms.closeView(closing);
  }

  /** Presses a button of a modal or the Home tab: `block_actions`. */
  act(acting: Acting): Promise<Outcome> {
    return this.#forms.act(acting);
  }

  /** Types into an external select, in a view or a message; only what comes back can be chosen. */
  suggest(suggesting: Suggesting): Promise<Suggested> {
    return suggest(this.#means, suggesting);
  }

  /** What stands in the channel itself, oldest first. */
  messages(channel: string): readonly StoredMessage[] {
    return this.workspace.listMessages(channel).filter((message) => message.threadTs === null);
  }

  /** The replies to a root message, oldest first. */
  thread(channel: string, rootTs: string): readonly StoredMessage[] {
    return this.workspace.listReplies(channel, rootTs);
  }

  /** What only this person sees, oldest first. */
  ephemerals(user: string): readonly StoredMessage[] {
    return this.workspace.listEphemerals(user);
  }

  /** The open modal, if any. */
  views(user: string): readonly StoredView[] {
    const modal = this.#views.modal(user);
    return modal === undefined ? [] : [modal];
  }

  /** What was last published on this person's Home tab. */
  home(user: string): StoredView | undefined {
    return this.#views.home(user);
  }

  /** Asks again after everything that happens, until the answer is neither undefined, null nor false. */
  waitFor<T>(find: () => T | undefined | null | false, timeoutMs = 25_000): Promise<T> {
    return this.#watchers.waitFor(find, timeoutMs, () =>
      JSON.stringify({ violations: this.violations.slice(-5), calls: this.calls.slice(-10) }),
    );
  }

  /** Everything that was refused but for rate limits: an app that behaves leaves it empty. */
  get violations(): readonly Violation[] {
    return this.#webApi.violations;
  }

  get calls(): readonly LoggedCall[] {
    return this.#webApi.calls;
  }

  /** Answers with HTTP 429, by method. */
  get rateLimited(): ReadonlyMap<string, number> {
    return this.#webApi.rateLimited;
  }

  order(fault: Fault): FaultHandle {
    return this.#faults.order(fault);
  }

  get socketCount(): number {
    return this.#sockets.count;
  }

  /** Asks sockets to reconnect, as Slack does every few hours. */
  refreshSockets(which: 'oldest' | 'all' = 'all'): void {
    this.#sockets.refresh(which);
  }

  /** As when Socket Mode is switched off. */
  disableSockets(): void {
    this.#sockets.disable();
  }

  /** Cuts them without a goodbye. */
  dropSockets(): void {
    this.#sockets.drop();
  }

  /** Where commands go in HTTP mode. */
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

export async function openLocalSlack(options: LocalSlackOptions): Promise<LocalSlack> {
  const slack = new LocalSlack(resolveOptions(options));
  await slack.listen();
  return slack;
}
