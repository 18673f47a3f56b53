import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ConfigError, showCode } from './errors.ts';
import { Secret } from './inventory/secret.ts';
import { decodeText, NotText } from './inventory/text.ts';
import { ROLES, type Role } from './ports/crew.ts';

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

export interface SlackConfig {
  readonly botToken: Secret;
  readonly apiUrl: string;
  readonly mode:
    | { readonly kind: 'socket'; readonly appToken: Secret }
    | { readonly kind: 'http'; readonly signingSecret: Secret; readonly host: string; readonly port: number };
}

export const HOST_KEY_POLICIES = ['strict', 'ask', 'accept-new', 'off'] as const;
export type HostKeyPolicy = (typeof HOST_KEY_POLICIES)[number];
const SLASH_TEXTS = ['auto', 'raw', 'entities'] as const;
export type SlashTextSetting = (typeof SLASH_TEXTS)[number];
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const DEFAULT_DATABASE_URL = 'file:data/batchops.db';
/** Fan-out of a run that asks for none (clush's own default), where the total allows it. */
const DEFAULT_FAN_OUT = 64;
const DEFAULT_TIME_LIMIT_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
/** The bot stays open to others whatever one person does: of four slots, one is left to them. */
const PERSON_SHARE = 3 / 4;

type Environment = Readonly<Record<string, string | undefined>>;

/** Other processes can reach it too. */
function isShared(databaseUrl: string): boolean {
  const url = databaseUrl.toLowerCase();
  return url.startsWith('postgres:') || url.startsWith('postgresql:');
}

/** A variable's value, or the text of the file that `NAME_FILE` names; empty is as good as not set. */
function readVariable(env: Environment, name: string, problems: string[]): string | undefined {
  const direct = env[name]?.trim() || undefined;
  const path = env[`${name}_FILE`]?.trim() || undefined;
  if (path === undefined) return direct;
  if (direct !== undefined) {
    problems.push(`${name}: given twice, also as ${name}_FILE; leave one out`);
    return direct;
  }
  try {
    return decodeText(readFileSync(path)).trim() || undefined;
  } catch (error) {
    if (error instanceof NotText) problems.push(`${name}_FILE: ${path} ${error.message}`);
    else problems.push(`${name}_FILE: cannot read ${path} (${showCode(error)})`);
    return undefined;
  }
}

/** The one setting that reading the record needs: it works where no token is at hand. */
export function readDatabaseUrl(env: Environment): string {
  const problems: string[] = [];
  const url = readVariable(env, 'BATCHOPS_DATABASE_URL', problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return url ?? DEFAULT_DATABASE_URL;
}

/** Whether decisions are told in a channel: what writes one down beside the bot has to know. */
export function hasAuditChannel(env: Environment): boolean {
  const problems: string[] = [];
  const channel = readVariable(env, 'BATCHOPS_AUDIT_CHANNEL', problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return channel !== undefined;
}

/** The environment → settings, or a `ConfigError` with everything that is wrong at once. */
export function readConfig(env: Environment): Config {
  const { config, problems } = inspectConfig(env);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/**
 * The settings, with a default where one is wrong, and all that is wrong. Every variable may be given as
 * `NAME_FILE=path` instead, as container secrets are. Whoever only looks needs no tokens: those that are given are
 * looked at all the same.
 */
export function inspectConfig(
  env: Environment,
  wanted: 'needed' | 'optional' = 'needed',
): { readonly config: Config; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const read = (name: string): string | undefined => readVariable(env, name, problems);

  const readOneOf = <T extends string>(name: string, known: readonly T[], fallback: T): T => {
    const value = read(name);
    if (value === undefined) return fallback;
    const found = known.find((word) => word === value.toLowerCase());
    if (found === undefined) problems.push(`${name}: expected ${known.join(', ')}, got "${value}"`);
    return found ?? fallback;
  };

  const readNumber = (name: string, fallback: number, min: number, max: number): number => {
    const value = read(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    problems.push(`${name}: expected a whole number from ${min} to ${max}, got "${value}"`);
    return fallback;
  };

  const readDuration = (name: string, fallback: number, min: number, max: number): number => {
    const value = read(name);
    if (value === undefined) return fallback;
    const [, count, unit = ''] = /^(\d{1,6})(s|m|h|d)$/.exec(value.toLowerCase()) ?? [];
    const ms =
      Number(count ?? Number.NaN) * ({ s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 0);
    if (ms >= min && ms <= max) return ms;
    problems.push(
      `${name}: expected a duration from ${min / 1_000}s to ${max < DAY_MS ? `${max / 3_600_000}h` : `${max / DAY_MS}d`}, such as 90s, 10m or 2h, got "${value}"`,
    );
    return fallback;
  };

  const readKeeping = (name: string, fallback: string): number => {
    const value = (read(name) ?? fallback).toLowerCase();
    if (value === 'forever') return Number.POSITIVE_INFINITY;
    const days = Number(/^(\d{1,5})d$/.exec(value)?.[1] ?? 0);
    if (days === 0)
      problems.push(`${name}: expected a number of days such as 30d, or forever, got "${value}"`);
    return days * DAY_MS;
  };

  const readBytes = (name: string, fallback: string): number => {
    const value = read(name) ?? fallback;
    const [, count, unit = ''] = /^(\d{1,6})([kmgt])$/.exec(value.toLowerCase()) ?? [];
    if (count !== undefined) return Number(count) * 1_024 ** (1 + 'kmgt'.indexOf(unit));
    problems.push(`${name}: expected a size such as 500M, 20G or 1T, got "${value}"`);
    return 0;
  };

  const readToken = (name: string, prefix: string): Secret | undefined => {
    const value = read(name);
    if (value === undefined) return undefined;
    // The value itself is never shown: a token in the wrong variable is still a token.
    if (!value.startsWith(prefix))
      problems.push(`${name}: does not start with ${prefix}; is it another token?`);
    return new Secret(value);
  };

  const readApiUrl = (): string => {
    const value = read('SLACK_API_URL') ?? 'https://slack.com/api/';
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      problems.push(`SLACK_API_URL: expected an http or https address, got "${value}"`);
    }
    return value.endsWith('/') ? value : `${value}/`;
  };

  /** An address or name; IPv6 with or without brackets. */
  const readHost = (): string => {
    const value = (read('BATCHOPS_HTTP_HOST') ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
    if (isIP(value) === 0 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value)) {
      problems.push(
        `BATCHOPS_HTTP_HOST: expected an address such as 127.0.0.1 or ::, or a name, got "${value}"`,
      );
    }
    return value;
  };

  const readSlack = (): SlackConfig => {
    const botToken = readToken('SLACK_BOT_TOKEN', 'xoxb-');
    if (botToken === undefined && tokens === 'needed') {
      problems.push('SLACK_BOT_TOKEN: missing; it is on the app\'s page under "OAuth & Permissions"');
    }
    const appToken = readToken('SLACK_APP_TOKEN', 'xapp-');
    const signingSecret = read('SLACK_SIGNING_SECRET');
    const port = readNumber('PORT', 3000, 0, 65_535);
    const host = readHost();
    if (appToken === undefined && signingSecret === undefined && tokens === 'needed') {
      problems.push(
        'SLACK_APP_TOKEN: missing; Socket Mode needs it (xapp-…, scope connections:write), ' +
          'or set SLACK_SIGNING_SECRET for HTTP mode',
      );
    }
    return {
      botToken: botToken ?? new Secret(''),
      apiUrl: readApiUrl(),
      mode:
        appToken !== undefined
          ? { kind: 'socket', appToken }
          : { kind: 'http', signingSecret: new Secret(signingSecret ?? ''), host, port },
    };
  };

  const readAddress = (): Config['http'] => {
    const value = read('BATCHOPS_HTTP_ADDR') ?? '127.0.0.1:9464';
    const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(value);
    const port = Number(match?.[2]);
    if (match?.[1] === undefined || port > 65_535) {
      problems.push(`BATCHOPS_HTTP_ADDR: expected HOST:PORT, got "${value}"`);
      return { host: '127.0.0.1', port: 9464 };
    }
    return { host: match[1].replace(/^\[|\]$/g, ''), port };
  };

  const readChannel = (): string | undefined => {
    const value = read('BATCHOPS_AUDIT_CHANNEL');
    if (value !== undefined && !/^[CG][A-Z0-9]+$/.test(value)) {
      problems.push(`BATCHOPS_AUDIT_CHANNEL: expected a channel id such as C0123ABCD, got "${value}"`);
    }
    return value;
  };

  const readPaths = (): readonly string[] => {
    const paths = (read('BATCHOPS_INVENTORY') ?? 'inventory.ini').split(',').map((path) => path.trim());
    if (paths.includes('') || new Set(paths).size < paths.length)
      problems.push('BATCHOPS_INVENTORY: expected paths, each once, with a comma between them');
    return paths.filter((path) => path !== '');
  };

  const role = readOneOf('BATCHOPS_ROLE', ROLES, 'all');
  // Who never speaks to Slack needs none.
  const tokens = role === 'worker' ? 'optional' : wanted;
  const databaseUrl = read('BATCHOPS_DATABASE_URL') ?? DEFAULT_DATABASE_URL;
  if (role !== 'all' && !isShared(databaseUrl)) {
    problems.push(
      `BATCHOPS_ROLE: ${role} needs a database that it shares with the other part; set BATCHOPS_DATABASE_URL=postgres://…, or leave BATCHOPS_ROLE out`,
    );
  }
  const slack = readSlack();
  const hostKeyPolicy = readOneOf('BATCHOPS_HOST_KEY_POLICY', HOST_KEY_POLICIES, 'accept-new');
  const concurrency = readNumber('BATCHOPS_CONCURRENCY', 100, 1, 10_000);
  const config: Config = {
    role,
    slack,
    inventoryPaths: readPaths(),
    inventoryEveryMs: readDuration('BATCHOPS_INVENTORY_EVERY', 10 * 60_000, 10_000, DAY_MS),
    sshConfigPath: read('BATCHOPS_SSH_CONFIG'),
    allowlistPath: read('BATCHOPS_ALLOWLIST') ?? 'allowlist.ini',
    databaseUrl,
    transferDir: read('BATCHOPS_TRANSFER_DIR') ?? 'data/transfers',
    knownHostsPath: read('BATCHOPS_KNOWN_HOSTS') ?? 'data/known_hosts',
    hostKeyPolicy,
    concurrency,
    hostConcurrency: readNumber('BATCHOPS_HOST_CONCURRENCY', 1, 1, 100),
    person: {
      slots: readNumber(
        'BATCHOPS_PERSON_CONCURRENCY',
        Math.max(1, Math.floor(concurrency * PERSON_SHARE)),
        1,
        10_000,
      ),
      runs: readNumber('BATCHOPS_PERSON_RUNS', 20, 1, 10_000),
      waiting: readNumber('BATCHOPS_PERSON_WAITING', 20_000, 1, 10_000_000),
    },
    maxTimeLimitMs: readDuration('BATCHOPS_MAX_TIME', 86_400_000, 1_000, 30 * 86_400_000),
    auditChannel: readChannel(),
    slashText: readOneOf('BATCHOPS_SLASH_TEXT', SLASH_TEXTS, 'auto'),
    http: readAddress(),
    resumeWithinMs: readDuration('BATCHOPS_RESUME_WITHIN', 10 * 60_000, 1_000, 7 * 86_400_000),
    disk: {
      transferBytes: readBytes('BATCHOPS_TRANSFER_QUOTA', '20G'),
      spoolBytes: readBytes('BATCHOPS_SPOOL_QUOTA', '5G'),
      databaseBytes: readBytes('BATCHOPS_DATABASE_QUOTA', '10G'),
      freeBytes: readBytes('BATCHOPS_FREE_SPACE', '500M'),
    },
    kept: {
      connections: readNumber('BATCHOPS_KEPT_CONNECTIONS', 1_000, 0, 100_000),
      forMs: readDuration('BATCHOPS_KEPT_FOR', 15 * 60_000, 1_000, 3_600_000),
    },
    keep: {
      outputMs: readKeeping('BATCHOPS_KEEP_OUTPUT', '90d'),
      runMs: readKeeping('BATCHOPS_KEEP_RUNS', '365d'),
      spoolMs: readKeeping('BATCHOPS_KEEP_SPOOL', '7d'),
      uploadMs: readKeeping('BATCHOPS_KEEP_UPLOADS', '30d'),
      fetchedMs: readKeeping('BATCHOPS_KEEP_FETCHED', 'forever'),
    },
    logLevel: readOneOf('BATCHOPS_LOG_LEVEL', LOG_LEVELS, 'info'),
  };
  return { config, problems };
}

const VARIABLES = [
  'INVENTORY',
  'INVENTORY_EVERY',
  'SSH_CONFIG',
  'ALLOWLIST',
  'DATABASE_URL',
  'TRANSFER_DIR',
  'KNOWN_HOSTS',
  'HOST_KEY_POLICY',
  'CONCURRENCY',
  'HOST_CONCURRENCY',
  'PERSON_CONCURRENCY',
  'PERSON_RUNS',
  'PERSON_WAITING',
  'MAX_TIME',
  'AUDIT_CHANNEL',
  'HTTP_ADDR',
  'HTTP_HOST',
  'LOG_LEVEL',
  'RESUME_WITHIN',
  'TRANSFER_QUOTA',
  'SPOOL_QUOTA',
  'DATABASE_QUOTA',
  'FREE_SPACE',
  'KEEP_OUTPUT',
  'KEEP_RUNS',
  'KEEP_SPOOL',
  'KEEP_UPLOADS',
  'KEEP_FETCHED',
  'SLASH_TEXT',
  'ROLE',
  'KEPT_CONNECTIONS',
  'KEPT_FOR',
];

/** `BATCHOPS_…` variables that nothing reads: most likely a slip of the pen, and worth a line in the log. */
export function unknownVariables(env: Environment): readonly string[] {
  return Object.keys(env).filter((name) => {
    const match = /^BATCHOPS_(.+?)(_FILE)?$/.exec(name);
    return match?.[1] !== undefined && !VARIABLES.includes(match[1]);
  });
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
