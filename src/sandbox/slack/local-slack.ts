import type { Clicking, Commanding, Outcome, Saying } from './delivery/people.ts';
import type { Fault, FaultHandle } from './faults.ts';
import { type LocalSlackOptions, resolveOptions, type Settings } from './options.ts';
import { RunningSlack } from './running-slack.ts';
import type { StoredView } from './web-api/views.ts';
import type { LoggedCall, Violation } from './web-api/web-api.ts';
import type { StoredMessage } from './workspace/message.ts';
import type { Workspace } from './workspace/workspace.ts';

/**
 * A strict Slack on this machine: the Web API, Socket Mode or signed HTTP requests, and the API of a web page.
 * Where Slack refuses, it refuses, in Slack's words; where Slack is vague, it takes the strictest reading.
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
  /** People, channels, files, everything that was said; `changeChannel` archives, invites, removes. */
  readonly workspace: Workspace;

  /** Types a slash command; resolves when it was acked or has failed. */
  command(typed: Commanding): Promise<Outcome>;
  click(pressed: Clicking): Promise<Outcome>;
  say(saying: Saying): StoredMessage;

  /** What stands in the channel itself, oldest first. */
  messages(channel: string): readonly StoredMessage[];
  /** The replies to a root message, oldest first. */
  thread(channel: string, rootTs: string): readonly StoredMessage[];
  /** What only this person sees, oldest first. */
  ephemerals(user: string): readonly StoredMessage[];
  views(user: string): readonly StoredView[];
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
