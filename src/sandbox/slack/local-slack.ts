import type { Outcome } from './delivery/outcome.ts';
import type { Clicking, Commanding, Saying, Uploading } from './delivery/people.ts';
import type { Fault, FaultHandle } from './faults.ts';
import type { Acting, Closing, Submitted, Submitting } from './interactivity/forms.ts';
import type { MessageShortcut } from './interactivity/openings.ts';
import type { Suggested, Suggesting } from './interactivity/suggesting.ts';
import type { StoredView } from './interactivity/view-store.ts';
import { type LocalSlackOptions, resolveOptions, type Settings } from './options.ts';
import { RunningSlack } from './running-slack.ts';
import type { LoggedCall, Violation } from './web-api/web-api.ts';
import type { StoredMessage } from './workspace/message.ts';
import type { Workspace } from './workspace/workspace.ts';

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
export interface LocalSlack extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, where the page is. */
  readonly url: string;
  /** With a slash at its end, for `slackApiUrl`. */
  readonly apiUrl: string;
  readonly port: number;
  /** Tokens, signing secret, team and bot as they came out. */
  readonly settings: Settings;
  /**
   * People, channels, files, everything that was said; `changeChannel` archives, invites, removes; `changeUser` and
   * `changeUserGroup` do the like with people.
   */
  readonly workspace: Workspace;

  /** Types a slash command; resolves when it was acked or has failed. */
  command(typed: Commanding): Promise<Outcome>;
  click(pressed: Clicking): Promise<Outcome>;
  say(saying: Saying): StoredMessage;
  /** Shares a file in a channel: a message with `files`. */
  upload(uploading: Uploading): StoredMessage;
  /** Opens the app's Home tab: `app_home_opened`, where the manifest subscribes to it. */
  openHome(who: { readonly user: string }): Promise<Outcome>;
  /** A global shortcut of the manifest. */
  shortcut(chosen: { readonly user: string; readonly callbackId: string }): Promise<Outcome>;
  messageShortcut(chosen: MessageShortcut): Promise<Outcome>;
  /**
   * Presses Submit in the modal. Values are by `action_id`: a text, an option's `value` or an id, several
   * for what takes many, null for nothing; what is left out stays as it stands in the form.
   */
  submit(submitting: Submitting): Promise<Submitted>;
  /** Cancel, or the ✕: the app does not hear of it. Null, or why nothing was closed. */
  closeView(closing: Closing): string | null;
  /** Presses or chooses something in an `actions` block of a modal or the Home tab: `block_actions`. */
  act(acting: Acting): Promise<Outcome>;
  /** Types into an external select, in a view or a message; only what comes back can be chosen. */
  suggest(suggesting: Suggesting): Promise<Suggested>;

  /** What stands in the channel itself, oldest first. */
  messages(channel: string): readonly StoredMessage[];
  /** The replies to a root message, oldest first. */
  thread(channel: string, rootTs: string): readonly StoredMessage[];
  /** What only this person sees, oldest first. */
  ephemerals(user: string): readonly StoredMessage[];
  /** The open modal, if any. */
  views(user: string): readonly StoredView[];
  /** What was last published on this person's Home tab. */
  home(user: string): StoredView | undefined;
  /** Asks again after everything that happens, until the answer is neither undefined, null nor false. */
  waitFor<T>(find: () => T | undefined | null | false, timeoutMs?: number): Promise<T>;

  /** Everything that was refused but for rate limits: an app that behaves leaves it empty. */
  readonly violations: readonly Violation[];
  readonly calls: readonly LoggedCall[];
  /** Answers with HTTP 429, by method. */
  readonly rateLimited: ReadonlyMap<string, number>;
  order(fault: Fault): FaultHandle;

  readonly socketCount: number;
  /** Asks sockets to reconnect, as Slack does every few hours. */
  refreshSockets(which?: 'oldest' | 'all'): void;
  /** As when Socket Mode is switched off. */
  disableSockets(): void;
  /** Cuts them without a goodbye. */
  dropSockets(): void;
  /** Where commands go in HTTP mode. */
  setRequestUrl(url: string): void;

  close(): Promise<void>;
}

export async function openLocalSlack(options: LocalSlackOptions): Promise<LocalSlack> {
  const slack = new RunningSlack(resolveOptions(options));
  await slack.listen();
  return slack;
}
