import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'yaml';
import { isRecord, type Json, recordOf, recordsOf, textOf } from './json.ts';

export interface LocalSlackOptions {
  /** The parsed `manifest.yml`: its slash commands and bot scopes are what the app has. */
  readonly manifest: Json;
  readonly users: readonly UserOption[];
  readonly channels: readonly ChannelOption[];
  readonly team?: { readonly id: string; readonly name: string; readonly domain: string };
  /** The organisation of an Enterprise Grid that the workspace belongs to. */
  readonly enterprise?: { readonly id: string; readonly name: string };
  readonly userGroups?: readonly UserGroupOption[];
  readonly bot?: {
    readonly userId: string;
    readonly botId: string;
    readonly appId: string;
    readonly name: string;
  };
  readonly tokens?: { readonly bot: string; readonly app: string };
  readonly signingSecret?: string;
  /** How commands and clicks reach the app: over its sockets, or POSTed to `requestUrl`; else as the manifest says. */
  readonly mode?: 'socket' | 'http';
  readonly requestUrl?: string;
  /** How typed `& < >` reach the app in a slash command: as they are (default), or as `&amp; &lt; &gt;`. */
  readonly slashText?: 'raw' | 'entities';
  /** The same of what is typed into the fields of a form. */
  readonly formText?: 'raw' | 'entities';
  /** What chat.update does with `text` and no `blocks`: Slack's sources conflict. Default: `removes-blocks`. */
  readonly textOnlyUpdate?: 'removes-blocks' | 'keeps-blocks' | 'changes-nothing';
  /** 0 (default) takes any free port. */
  readonly port?: number;
  readonly pace?: Partial<Pace>;
  /** The clock of rate limits, message timestamps and expiry; timers (ack, pings) run on real time. */
  readonly now?: () => number;
  /** Serves the page's own files; true where it took the request. Called after the Host and Origin checks. */
  readonly page?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface UserOption {
  readonly id: string;
  readonly name: string;
  readonly realName?: string;
  /** A single- or multi-channel guest. */
  readonly guest?: 'single-channel' | 'multi-channel';
  readonly isBot?: boolean;
  readonly isDeactivated?: boolean;
  /** Of another company's workspace, here through a shared channel. */
  readonly teamId?: string;
  /** The organisation that this other workspace belongs to. */
  readonly enterpriseId?: string;
  /** At home in another workspace of the same organisation: what interactions have as `user.team_id`. */
  readonly homeTeamId?: string;
  /** No member of ours besides: here through a channel that both workspaces have. */
  readonly isOnlyThere?: boolean;
}

export interface UserGroupOption {
  readonly id: string;
  readonly handle: string;
  readonly users: readonly string[];
  readonly isDisabled?: boolean;
}

export interface ChannelOption {
  readonly id: string;
  readonly name: string;
  readonly kind?: 'public' | 'private' | 'im';
  readonly topic?: string;
  /** User ids; the bot's own id among them where it is in. */
  readonly members: readonly string[];
  readonly isArchived?: boolean;
  readonly isExternallyShared?: boolean;
}

/** Slack's limits in time (facts/slack.md sections 3 and 5). Tests may shorten what would make them wait. */
export interface Pace {
  /** `false` takes all rate limits away: for tests of something else. */
  readonly isLimited: boolean;
  /** chat.postMessage in one channel: this many a second on average, after a burst of so many. */
  readonly postsPerSecond: number;
  readonly postBurst: number;
  /** chat.postMessage in the whole workspace: "several hundred per minute". */
  readonly postsPerMinute: number;
  /** Calls of a tier 1 method at once, where none came for long. Slack names no figure: one for each socket. */
  readonly tierOneBurst: number;
  /** Calls of one method in one minute, by tier. */
  readonly tiers: Readonly<Record<Tier, number>>;
  readonly ackMs: number;
  readonly triggerMs: number;
  readonly responseUrlMs: number;
  readonly responseUrlUses: number;
  /** Before each of an event's deliveries after one that was not acked: at once, 1 minute, 5 minutes. */
  readonly eventRetryMs: readonly number[];
  /** From a file's upload to its message: Slack answers first and shows the file later (node-slack-sdk#1865). */
  readonly fileShareMs: number;
  /** Between the server's pings on each socket. */
  readonly pingMs: number;
  /** From the `warning` to the `refresh_requested` of a socket that is to be replaced, and from there to its end. */
  readonly refreshMs: number;
}

export type Tier = 1 | 2 | 3 | 4 | 'special';

const SLACK_PACE: Pace = {
  isLimited: true,
  postsPerSecond: 1,
  // "Bursts ok", says the documentation, not how many: 4 is what we dare to count on.
  postBurst: 4,
  postsPerMinute: 300,
  tierOneBurst: 10,
  tiers: { 1: 1, 2: 20, 3: 50, 4: 100, special: 600 },
  ackMs: 3_000,
  triggerMs: 3_000,
  responseUrlMs: 30 * 60_000,
  responseUrlUses: 5,
  eventRetryMs: [0, 60_000, 5 * 60_000],
  fileShareMs: 20,
  pingMs: 5_000,
  refreshMs: 10_000,
};

export interface SlashCommandEntry {
  readonly command: string;
  readonly description: string;
  readonly usageHint: string;
}

export interface ShortcutEntry {
  readonly name: string;
  readonly type: 'global' | 'message';
  readonly callbackId: string;
  readonly description: string;
}

/** What the manifest says the app has besides its commands. */
export interface AppFeatures {
  readonly hasHomeTab: boolean;
  readonly shortcuts: readonly ShortcutEntry[];
  /** `settings.event_subscriptions.bot_events` */
  readonly events: ReadonlySet<string>;
}

export type Settings = Omit<
  Required<LocalSlackOptions>,
  'manifest' | 'pace' | 'requestUrl' | 'page' | 'enterprise'
> & {
  readonly enterprise: NonNullable<LocalSlackOptions['enterprise']> | null;
  readonly pace: Pace;
  readonly requestUrl: string | undefined;
  readonly page: LocalSlackOptions['page'];
  readonly scopes: ReadonlySet<string>;
  /** Whether buttons do anything: `settings.interactivity` of the manifest. */
  readonly isInteractive: boolean;
  readonly commands: readonly SlashCommandEntry[];
  readonly app: AppFeatures;
};

export function resolveOptions(options: LocalSlackOptions): Settings {
  const features = recordOf(options.manifest, 'features') ?? {};
  const bot = recordOf(features, 'bot_user') ?? {};
  const app = recordOf(options.manifest, 'settings') ?? {};
  const scopes = recordOf(recordOf(options.manifest, 'oauth_config') ?? {}, 'scopes')?.bot;
  return {
    users: options.users,
    channels: options.channels,
    team: options.team ?? { id: 'T0LOCAL01', name: 'Local Slack', domain: 'local-slack' },
    enterprise: options.enterprise ?? null,
    userGroups: options.userGroups ?? [],
    slashText: options.slashText ?? 'raw',
    formText: options.formText ?? 'raw',
    textOnlyUpdate: options.textOnlyUpdate ?? 'removes-blocks',
    bot: options.bot ?? {
      userId: 'U0BOT0001',
      botId: 'B0BOT0001',
      appId: 'A0APP0001',
      name: textOf(bot, 'display_name') ?? 'bot',
    },
    tokens: options.tokens ?? { bot: 'xoxb-local-bot-token', app: 'xapp-1-local-app-token' },
    signingSecret: options.signingSecret ?? 'local-signing-secret',
    mode: options.mode ?? (app.socket_mode_enabled === true ? 'socket' : 'http'),
    isInteractive: recordOf(app, 'interactivity')?.is_enabled === true,
    requestUrl: options.requestUrl,
    port: options.port ?? 0,
    pace: { ...SLACK_PACE, ...options.pace },
    now: options.now ?? Date.now,
    page: options.page,
    scopes: new Set(Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string') : []),
    commands: recordsOf(features, 'slash_commands').map(readCommand),
    app: readFeatures(features, app),
  };
}

function readCommand(entry: Json): SlashCommandEntry {
  const command = textOf(entry, 'command') ?? '';
  if (entry.should_escape === true) throw new Error(`the sandbox does not have should_escape (${command})`);
  return {
    command,
    description: textOf(entry, 'description') ?? '',
    usageHint: textOf(entry, 'usage_hint') ?? '',
  };
}

function readFeatures(features: Json, app: Json): AppFeatures {
  const events = recordOf(app, 'event_subscriptions')?.bot_events;
  return {
    hasHomeTab: recordOf(features, 'app_home')?.home_tab_enabled === true,
    shortcuts: recordsOf(features, 'shortcuts').map((entry) => ({
      name: textOf(entry, 'name') ?? '',
      type: entry.type === 'message' ? 'message' : 'global',
      callbackId: textOf(entry, 'callback_id') ?? '',
      description: textOf(entry, 'description') ?? '',
    })),
    events: new Set(Array.isArray(events) ? events.filter((event) => typeof event === 'string') : []),
  };
}

export function readManifest(path: string | URL): Json {
  const manifest: unknown = parse(readFileSync(path, 'utf8'));
  if (!isRecord(manifest)) throw new Error(`${path} is no manifest`);
  return manifest;
}
