import { App, HTTPReceiver, type Logger, LogLevel, SocketModeReceiver } from '@slack/bolt';
import { WebClient, type WebClientOptions } from '@slack/web-api';
import { type LocalSlack, openLocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import { type LocalSlackOptions, readManifest } from '../../../src/sandbox/slack/options.ts';
import { PATIENT_SLACK } from '../../rigs/slack-patience.ts';

export const manifest = readManifest(new URL('../../../manifest.yml', import.meta.url));

/** The manifest with these scopes besides: for methods the bot itself does without. */
export function withScopes(...scopes: string[]): LocalSlackOptions['manifest'] {
  return {
    ...manifest,
    oauth_config: { scopes: { bot: ['commands', 'chat:write', 'chat:write.public', ...scopes] } },
  };
}

/** The manifest with a Home tab and both kinds of shortcuts, whatever the bot's own has by now. */
export const surfaces: LocalSlackOptions['manifest'] = {
  ...withScopes('files:read', 'files:write', 'channels:history'),
  features: {
    app_home: { home_tab_enabled: true, messages_tab_enabled: true },
    bot_user: { display_name: 'batchops' },
    slash_commands: [{ command: '/batch', description: 'Help' }],
    shortcuts: [
      { name: 'Run a command', type: 'global', callback_id: 'run', description: 'On many hosts' },
      { name: 'Send to hosts', type: 'message', callback_id: 'put', description: 'A file' },
    ],
  },
  settings: {
    interactivity: { is_enabled: true },
    event_subscriptions: { bot_events: ['app_home_opened'] },
    socket_mode_enabled: true,
  },
};

export const BOT = 'U0BOT0001';
export const ANN = 'U0ANN0001';
export const EVE = 'U0EVE0001';
export const OPS = 'C0OPS0001';
export const WEB = 'C0WEB0001';
export const SECRET = 'G0SECRET1';
export const OLD = 'C0OLD0001';

/** Ann is in #ops with the bot; #web is public without it, #secret private without it, #old archived. */
export function openTestSlack(options: Partial<LocalSlackOptions> = {}): Promise<LocalSlack> {
  return openLocalSlack({
    manifest,
    users: [
      { id: ANN, name: 'ann', realName: 'Ann Operator' },
      { id: EVE, name: 'eve', guest: 'multi-channel' },
    ],
    channels: [
      { id: OPS, name: 'ops', members: [ANN, BOT] },
      { id: WEB, name: 'web', members: [ANN] },
      { id: SECRET, name: 'secret', kind: 'private', members: [ANN] },
      { id: OLD, name: 'old', members: [ANN, BOT], isArchived: true },
    ],
    ...options,
    pace: { ...PATIENT_SLACK, ...options.pace },
  });
}

const silence: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  setName() {},
  getLevel: () => LogLevel.ERROR,
};

/** The real client, which says nothing of what goes wrong on purpose. */
export function openClient(slack: LocalSlack, options: WebClientOptions = {}): WebClient {
  return new WebClient(slack.settings.tokens.bot, { slackApiUrl: slack.apiUrl, logger: silence, ...options });
}

/** A call of the Web API as no client would make it. */
export async function call(
  slack: LocalSlack,
  method: string,
  values: Record<string, unknown>,
  token = slack.settings.tokens.bot,
): Promise<Record<string, unknown>> {
  const response = await fetch(slack.apiUrl + method, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(values),
  });
  const body: unknown = await response.json();
  if (typeof body !== 'object' || body === null) throw new Error('no object');
  return { ...body, status: response.status, retryAfter: response.headers.get('retry-after') };
}

export interface RunningBot extends AsyncDisposable {
  readonly app: App;
  readonly receivers: readonly SocketModeReceiver[];
  /** How often any of its sockets was greeted. */
  readonly greetings: number;
}

/** A real Bolt app with so many sockets. */
export async function startSocketBot(
  slack: LocalSlack,
  register: (app: App) => void,
  sockets = 2,
): Promise<RunningBot> {
  const clientOptions = { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } };
  const receivers = Array.from(
    { length: sockets },
    () =>
      new SocketModeReceiver({
        appToken: slack.settings.tokens.app,
        logger: silence,
        clientPingTimeout: 500,
        installerOptions: { clientOptions: { ...clientOptions } },
      }),
  );
  const [first, ...others] = receivers;
  if (first === undefined) throw new Error('no receiver');
  const app = new App({
    token: slack.settings.tokens.bot,
    receiver: first,
    logger: silence,
    convoStore: false,
    clientOptions,
    deferInitialization: true,
  });
  await app.init();
  register(app);
  for (const receiver of others) receiver.init(app);
  let greetings = 0;
  for (const { client } of receivers) {
    client.on('connected', () => {
      greetings += 1;
    });
  }
  for (const receiver of receivers) await receiver.start();
  return {
    app,
    receivers,
    get greetings() {
      return greetings;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(receivers.map((receiver) => receiver.client.disconnect()));
    },
  };
}

export interface HttpBot extends AsyncDisposable {
  readonly url: string;
}

/** The same over signed HTTP requests. */
export async function startHttpBot(slack: LocalSlack, register: (app: App) => void): Promise<HttpBot> {
  const receiver = new HTTPReceiver({
    signingSecret: slack.settings.signingSecret,
    logger: silence,
  });
  const app = new App({
    token: slack.settings.tokens.bot,
    receiver,
    logger: silence,
    convoStore: false,
    clientOptions: { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } },
    deferInitialization: true,
  });
  await app.init();
  register(app);
  const server = await receiver.start(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}/slack/events`;
  slack.setRequestUrl(url);
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await receiver.stop();
    },
  };
}
