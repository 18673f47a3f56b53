import { Secret } from '../inventory/secret.ts';
import { ROLES, type Role } from '../ports/crew.ts';
import { HOST_KEY_POLICIES, type HostKeyPolicy } from '../run/host-key.ts';
import { DAY_MS, type Environment, Variables } from './variables.ts';

export interface Config {
  /** Which part of the work this process does. */
  readonly role: Role;
  readonly slack: SlackConfig;
  /** Files, folders and programs. */
  readonly inventoryPaths: readonly string[];
  /** How often the programs among them are run again. */
  readonly inventoryEveryMs: number;
  readonly sshConfigPath: string | undefined;
  readonly allowlistPath: string;
  readonly databaseUrl: string;
  readonly transferDir: string;
  readonly knownHostsPath: string;
  readonly hostKeyPolicy: HostKeyPolicy;
  /** Jobs on the wire in this process. */
  readonly concurrency: number;
  /** Jobs at once on one host, over all runs. */
  readonly hostConcurrency: number;
  /** What one person may have: jobs on the wire, unfinished runs, waiting jobs. */
  readonly person: { readonly slots: number; readonly runs: number; readonly waiting: number };
  /** The longest that `-t` may ask for. */
  readonly maxTimeLimitMs: number;
  readonly auditChannel: string | undefined;
  /** How Slack writes `& < >` in slash text: said, or asked (`auto`). */
  readonly slashText: SlashTextSetting;
  readonly http: { readonly host: string; readonly port: number };
  readonly logLevel: LogLevel;
  /** Where the bot was away for longer, what waited does not start by itself. */
  readonly resumeWithinMs: number;
  /** Bytes that each may hold; and that are to stay free on the disks that the bot writes to. */
  readonly disk: {
    readonly transferBytes: number;
    readonly spoolBytes: number;
    readonly databaseBytes: number;
    readonly freeBytes: number;
  };
  /** Connections to hosts that nobody uses: how many, and for how long each. */
  readonly kept: { readonly connections: number; readonly forMs: number };
  /** Milliseconds, perhaps infinite. */
  readonly keep: {
    readonly outputMs: number;
    readonly runMs: number;
    readonly spoolMs: number;
    readonly uploadMs: number;
    readonly fetchedMs: number;
  };
}

interface SlackConfig {
  readonly botToken: Secret;
  readonly apiUrl: string;
  readonly mode:
    | { readonly kind: 'socket'; readonly appToken: Secret }
    | { readonly kind: 'http'; readonly signingSecret: Secret; readonly host: string; readonly port: number };
}

const SLASH_TEXTS = ['auto', 'raw', 'entities'] as const;
type SlashTextSetting = (typeof SLASH_TEXTS)[number];
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const DEFAULT_DATABASE_URL = 'file:data/batchops.db';
/** Fan-out of a run that asks for none (clush's own default), where the total allows it. */
const DEFAULT_FAN_OUT = 64;
const DEFAULT_TIME_LIMIT_MS = 5 * 60_000;
/** The bot stays open to others whatever one person does: of four slots, one is left to them. */
const PERSON_SHARE = 3 / 4;

/** Other processes can reach it too. */
function isShared(databaseUrl: string): boolean {
  const url = databaseUrl.toLowerCase();
  return url.startsWith('postgres:') || url.startsWith('postgresql:');
}

/** The one setting that reading the record needs: it works where no token is at hand. */
export function readDatabaseUrl(env: Environment): string {
  const variables = new Variables(env);
  const url = variables.text('BATCHOPS_DATABASE_URL');
  variables.check();
  return url ?? DEFAULT_DATABASE_URL;
}

/** Whether decisions are told in a channel: what writes one down beside the bot has to know. */
export function hasAuditChannel(env: Environment): boolean {
  const variables = new Variables(env);
  const channel = variables.text('BATCHOPS_AUDIT_CHANNEL');
  variables.check();
  return channel !== undefined;
}

/** The environment → settings, or a `ConfigError` with everything that is wrong at once. */
export function readConfig(env: Environment): Config {
  const variables = new Variables(env);
  const config = readAll(variables, 'needed');
  variables.check();
  return config;
}

/**
 * The settings, with a default where one is wrong, and all that is wrong. Needs no tokens: those that are given are
 * looked at all the same.
 */
export function inspectConfig(env: Environment): {
  readonly config: Config;
  readonly problems: readonly string[];
} {
  const variables = new Variables(env);
  return { config: readAll(variables, 'optional'), problems: variables.problems };
}

/** `BATCHOPS_…` variables that nothing reads. */
export function unknownVariables(env: Environment): readonly string[] {
  const variables = new Variables(env);
  readAll(variables, 'optional');
  return variables.unknown();
}

function readAll(variables: Variables, wanted: 'needed' | 'optional'): Config {
  const role = variables.oneOf('BATCHOPS_ROLE', ROLES, 'all');
  const databaseUrl = variables.text('BATCHOPS_DATABASE_URL') ?? DEFAULT_DATABASE_URL;
  if (role !== 'all' && !isShared(databaseUrl)) {
    variables.problems.push(
      `BATCHOPS_ROLE: ${role} needs a database that it shares with the other part; set BATCHOPS_DATABASE_URL=postgres://…, or leave BATCHOPS_ROLE out`,
    );
  }
  // Who never speaks to Slack needs no tokens.
  const slack = readSlack(variables, role === 'worker' ? 'optional' : wanted);
  const concurrency = variables.number('BATCHOPS_CONCURRENCY', 100, 1, 10_000);
  const personShare = Math.max(1, Math.floor(concurrency * PERSON_SHARE));
  return {
    role,
    slack,
    inventoryPaths: variables.paths('BATCHOPS_INVENTORY', 'inventory.ini'),
    inventoryEveryMs: variables.durationMs('BATCHOPS_INVENTORY_EVERY', 10 * 60_000, 10_000, DAY_MS),
    sshConfigPath: variables.text('BATCHOPS_SSH_CONFIG'),
    allowlistPath: variables.text('BATCHOPS_ALLOWLIST') ?? 'allowlist.ini',
    databaseUrl,
    transferDir: variables.text('BATCHOPS_TRANSFER_DIR') ?? 'data/transfers',
    knownHostsPath: variables.text('BATCHOPS_KNOWN_HOSTS') ?? 'data/known_hosts',
    hostKeyPolicy: variables.oneOf('BATCHOPS_HOST_KEY_POLICY', HOST_KEY_POLICIES, 'accept-new'),
    concurrency,
    hostConcurrency: variables.number('BATCHOPS_HOST_CONCURRENCY', 1, 1, 100),
    person: {
      slots: variables.number('BATCHOPS_PERSON_CONCURRENCY', personShare, 1, 10_000),
      runs: variables.number('BATCHOPS_PERSON_RUNS', 20, 1, 10_000),
      waiting: variables.number('BATCHOPS_PERSON_WAITING', 20_000, 1, 10_000_000),
    },
    maxTimeLimitMs: variables.durationMs('BATCHOPS_MAX_TIME', DAY_MS, 1_000, 30 * DAY_MS),
    auditChannel: variables.channelId('BATCHOPS_AUDIT_CHANNEL'),
    slashText: variables.oneOf('BATCHOPS_SLASH_TEXT', SLASH_TEXTS, 'auto'),
    http: variables.hostAndPort('BATCHOPS_HTTP_ADDR', { host: '127.0.0.1', port: 9464 }),
    resumeWithinMs: variables.durationMs('BATCHOPS_RESUME_WITHIN', 10 * 60_000, 1_000, 7 * DAY_MS),
    disk: {
      transferBytes: variables.bytes('BATCHOPS_TRANSFER_QUOTA', '20G'),
      spoolBytes: variables.bytes('BATCHOPS_SPOOL_QUOTA', '5G'),
      databaseBytes: variables.bytes('BATCHOPS_DATABASE_QUOTA', '10G'),
      freeBytes: variables.bytes('BATCHOPS_FREE_SPACE', '500M'),
    },
    kept: {
      connections: variables.number('BATCHOPS_KEPT_CONNECTIONS', 1_000, 0, 100_000),
      forMs: variables.durationMs('BATCHOPS_KEPT_FOR', 15 * 60_000, 1_000, 3_600_000),
    },
    keep: {
      outputMs: variables.keepingMs('BATCHOPS_KEEP_OUTPUT', '90d'),
      runMs: variables.keepingMs('BATCHOPS_KEEP_RUNS', '365d'),
      spoolMs: variables.keepingMs('BATCHOPS_KEEP_SPOOL', '7d'),
      uploadMs: variables.keepingMs('BATCHOPS_KEEP_UPLOADS', '30d'),
      fetchedMs: variables.keepingMs('BATCHOPS_KEEP_FETCHED', 'forever'),
    },
    logLevel: variables.oneOf('BATCHOPS_LOG_LEVEL', LOG_LEVELS, 'info'),
  };
}

function readSlack(variables: Variables, wanted: 'needed' | 'optional'): SlackConfig {
  const botToken = variables.token('SLACK_BOT_TOKEN', 'xoxb-');
  if (botToken === undefined && wanted === 'needed') {
    variables.problems.push('SLACK_BOT_TOKEN: missing; it is on the app\'s page under "OAuth & Permissions"');
  }
  const appToken = variables.token('SLACK_APP_TOKEN', 'xapp-');
  const signingSecret = variables.text('SLACK_SIGNING_SECRET');
  const port = variables.number('PORT', 3000, 0, 65_535);
  const host = variables.host('BATCHOPS_HTTP_HOST', '127.0.0.1');
  if (appToken === undefined && signingSecret === undefined && wanted === 'needed') {
    variables.problems.push(
      'SLACK_APP_TOKEN: missing; Socket Mode needs it (xapp-…, scope connections:write), ' +
        'or set SLACK_SIGNING_SECRET for HTTP mode',
    );
  }
  return {
    botToken: botToken ?? new Secret(''),
    apiUrl: variables.url('SLACK_API_URL', 'https://slack.com/api/'),
    mode:
      appToken !== undefined
        ? { kind: 'socket', appToken }
        : { kind: 'http', signingSecret: new Secret(signingSecret ?? ''), host, port },
  };
}

/**
 * What a run may ask for at most, and what it gets where it asks for nothing. `fitted`: the settings that there are
 * files enough for, of `openFiles`.
 */
export function limitsOf(
  { concurrency, maxTimeLimitMs }: Config,
  { concurrency: jobs, person }: Config,
  openFiles: number,
) {
  return {
    maxFanOut: concurrency,
    fanOut: Math.min(DEFAULT_FAN_OUT, concurrency),
    maxTimeLimitMs,
    timeLimitMs: Math.min(DEFAULT_TIME_LIMIT_MS, maxTimeLimitMs),
    person,
    ...(jobs < concurrency && { room: { jobs, openFiles } }),
  };
}
