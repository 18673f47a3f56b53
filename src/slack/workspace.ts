import { randomBytes } from 'node:crypto';
import { LogLevel, type WebClient, type WebClientOptions } from '@slack/web-api';
import { ConfigError } from '../errors.ts';
import type { Log } from '../ports/log.ts';
import { type Meters, UNMETERED } from '../ports/meters.ts';
import type { FileUpload, Message, PlainText } from '../report/message.ts';
import type { HomeTab, Modal, OptionGroup } from '../report/views/view.ts';
import { delay } from '../time/delay.ts';
import { maskTexts } from './mask-texts.ts';
import { OtherBots } from './other-bots.ts';
import { classify } from './outgoing/failure.ts';
import { ChannelPaces, type Clock } from './outgoing/pace.ts';
import { type OwnPlace, People } from './people.ts';
import { quietLogger } from './quiet-logger.ts';
import { NotingClient, Reachability } from './reachability.ts';

export interface SlackSettings {
  readonly botToken: Hidden;
  /** Ends in a slash. */
  readonly apiUrl: string;
  readonly mode:
    | { readonly kind: 'socket'; readonly appToken: Hidden }
    | { readonly kind: 'http'; readonly signingSecret: Hidden; readonly host: string; readonly port: number };
}

/** A secret that shows itself only when asked. */
interface Hidden {
  reveal(): string;
}

/** The workspace we are in, and the ways of talking to it that the listeners, the opener and the poster share. */
export interface Workspace extends OwnPlace {
  /** The bot's own, for `/invite @name`. */
  readonly botName: string;
  readonly botUserId: string;
  readonly botId: string;
  /** One client per purpose, as a client that is told to wait holds up all of its calls. */
  readonly posts: NotingClient;
  /** For the root message, which a person waits for. */
  readonly opening: NotingClient;
  readonly answers: NotingClient;
  /** For windows and Home tabs: the right to open one lasts 3 s, so nothing else may hold it up. */
  readonly windows: NotingClient;
  /** `https://acme.slack.com/`: what links to messages begin with. */
  readonly url: string;
  readonly paces: ChannelPaces;
  readonly others: OtherBots;
  readonly people: People;
  /** Null where Slack would take a message now; else why it would not, in a sentence. Asks where nothing is known. */
  showTrouble(): Promise<string | null>;
  /**
   * The one gate before Slack: every text that leaves has gone through it. With `typed`, for the eyes of the one
   * who typed that and nobody else's: it comes back as it was typed.
   */
  masked<
    T extends
      | Message
      | FileUpload
      | Modal
      | HomeTab
      | PlainText
      | { readonly options: readonly OptionGroup[] },
  >(message: T, typed?: string): T;
}

export const POST_TIMEOUT_MS = 12_000;
const OPEN_TIMEOUT_MS = 4_500;
const ANSWER_TIMEOUT_MS = 10_000;
const LONGEST_PAUSE_MS = 15_000;
/** While Slack is away at the start, the log says so this often. */
const COMPLAINT_MS = 60_000;

/**
 * Asks Slack who we are, for as long as it takes: an outage is no reason to end. A `ConfigError` at once where the
 * token is no good.
 */
export async function openWorkspace(
  settings: SlackSettings,
  more: {
    readonly mask: (text: string, typed?: string) => string;
    readonly log: Log;
    readonly clock?: Clock;
    /** The name of this process; and whether one of that name shares our store. */
    readonly processId?: string;
    readonly isReplica?: (processId: string) => Promise<boolean>;
    readonly meters?: Meters;
    /** Told each time that Slack did not answer. */
    readonly onWaiting?: (why: string) => void;
  },
): Promise<Workspace> {
  const token = checkTokens(settings);
  const reachability = new Reachability();
  const { processId = randomBytes(6).toString('hex'), isReplica, meters = UNMETERED } = more;
  const client = (timeout: number): NotingClient =>
    new NotingClient(token, clientOptions(settings, more.log, timeout), processId, { reachability, meters });
  const posts = client(POST_TIMEOUT_MS);
  const windows = client(OPEN_TIMEOUT_MS);
  const answers = client(ANSWER_TIMEOUT_MS);
  const identity = await askWho(posts, more.log, more.onWaiting ?? (() => {}));
  return {
    ...identity,
    posts,
    opening: client(OPEN_TIMEOUT_MS),
    answers,
    people: new People(answers, identity, more.clock ?? (() => performance.now())),
    windows,
    showTrouble: () => reachability.trouble(() => windows.auth.test()),
    paces: new ChannelPaces(more.clock),
    others: new OtherBots({
      processId,
      botId: identity.botId,
      log: more.log,
      ...(isReplica !== undefined && { isReplica }),
    }),
    masked: (message, typed) => maskTexts(message, (text) => more.mask(text, typed)),
  };
}

/**
 * No retries of the SDK's own: it would send a message again that Slack took but answered late, and after one
 * 429 it holds up every call of the client. A fresh object each time: the constructor writes into it.
 */
export function clientOptions(settings: SlackSettings, log: Log, timeout: number): WebClientOptions {
  return {
    slackApiUrl: settings.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout,
    logger: quietLogger(log),
    logLevel: LogLevel.WARN,
    // Upload addresses are absolute, and Slack's own.
    allowAbsoluteUrls: true,
  };
}

/** A wrong kind of token makes the SDK try for ever (`not_allowed_token_type`), so it is caught here. */
function checkTokens(settings: SlackSettings): string {
  const problems: string[] = [];
  const token = settings.botToken.reveal();
  if (!token.startsWith('xoxb-')) problems.push('SLACK_BOT_TOKEN: does not start with xoxb-');
  if (settings.mode.kind === 'socket' && !settings.mode.appToken.reveal().startsWith('xapp-')) {
    problems.push('SLACK_APP_TOKEN: does not start with xapp-');
  }
  if (settings.mode.kind === 'http' && settings.mode.signingSecret.reveal() === '') {
    problems.push('SLACK_SIGNING_SECRET: empty');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return token;
}

async function askWho(client: WebClient, log: Log, onWaiting: (why: string) => void) {
  let complainAt = 0;
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const who = await client.auth.test();
      warnOfMissing(who.response_metadata?.scopes, log);
      return {
        teamId: who.team_id ?? '',
        enterpriseId: who.enterprise_id,
        botName: who.user ?? 'batchops',
        botUserId: who.user_id ?? '',
        botId: who.bot_id ?? '',
        url: who.url ?? '',
      };
    } catch (error) {
      const failure = classify(error);
      if (failure.kind === 'credentials' || failure.kind === 'app') {
        const { code, needed } = failure;
        const why = needed === undefined ? code : `${code}, it needs the scope ${needed}`;
        throw new ConfigError([`SLACK_BOT_TOKEN: Slack refuses it (${why})`]);
      }
      onWaiting(`Slack does not answer (${failure.code})`);
      if (performance.now() >= complainAt) {
        complainAt = performance.now() + COMPLAINT_MS;
        log.warn({ error: failure.code }, 'Slack does not answer; the start waits for it');
      }
      await delay(failure.retryAfterMs ?? waitMs);
    }
  }
}

/** What a message or file of ours is looked for with, before it is sent once more. */
const HISTORY_SCOPES = ['channels:history', 'groups:history'];

/** All works without them, less well: installed before the manifest asked for them. */
function warnOfMissing(scopes: readonly string[] | undefined, log: Log): void {
  const missing = HISTORY_SCOPES.filter((scope) => scopes?.includes(scope) === false);
  if (missing.length === 0) return;
  log.warn(
    { scopes: missing },
    'the app may not look for its own messages: one whose answer is lost may be there twice; install it again with manifest.yml',
  );
}

/** As Slack's own permalinks are; asking for each would cost a call (chat.getPermalink). */
export function formatThreadLink(
  { url }: Pick<Workspace, 'url'>,
  channelId: string,
  ts: string,
): string | undefined {
  if (!/^https?:\/\/[^\s<>|]+\/$/.test(url)) return undefined;
  return `${url}archives/${channelId}/p${ts.replace('.', '')}`;
}
