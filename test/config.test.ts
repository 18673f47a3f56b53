import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readConfig, unknownVariables } from '../src/config/config.ts';
import { ConfigError } from '../src/errors.ts';

const TOKENS = { SLACK_BOT_TOKEN: 'xoxb-bot', SLACK_APP_TOKEN: 'xapp-app' };

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('settings', () => {
  test('have the defaults of DESIGN.md', () => {
    expect(readConfig(TOKENS)).toMatchObject({
      slack: { apiUrl: 'https://slack.com/api/', mode: { kind: 'socket' } },
      inventoryPaths: ['inventory.ini'],
      inventoryEveryMs: 600_000,
      sshConfigPath: undefined,
      allowlistPath: 'allowlist.ini',
      databaseUrl: 'file:data/batchops.db',
      transferDir: 'data/transfers',
      knownHostsPath: 'data/known_hosts',
      hostKeyPolicy: 'accept-new',
      concurrency: 100,
      hostConcurrency: 1,
      auditChannel: undefined,
      http: { host: '127.0.0.1', port: 9464 },
      logLevel: 'info',
    });
  });

  test('say which part of the work a process does: a part needs a database that is shared, and a worker no token', () => {
    const url = { BATCHOPS_DATABASE_URL: 'postgres://b@127.0.0.1/b' };
    expect(readConfig(TOKENS).role).toBe('all');
    expect(readConfig({ ...url, BATCHOPS_ROLE: 'worker' }).role).toBe('worker');
    expect(problemsOf({ ...url, BATCHOPS_ROLE: 'bot' }).join()).toContain('SLACK_BOT_TOKEN: missing');
    for (const role of ['bot', 'worker']) {
      expect(problemsOf({ ...TOKENS, BATCHOPS_ROLE: role })).toEqual([
        expect.stringMatching(
          `^BATCHOPS_ROLE: ${role} needs a database .* set BATCHOPS_DATABASE_URL=postgres://`,
        ),
      ]);
    }
    expect(problemsOf({ ...TOKENS, BATCHOPS_ROLE: 'boss' })).toEqual([
      'BATCHOPS_ROLE: expected all, bot, worker, got "boss"',
    ]);
  });

  test('use HTTP mode where there is a signing secret and no app token', () => {
    const config = readConfig({ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 's', PORT: '8080' });
    expect(config.slack.mode).toMatchObject({ kind: 'http', host: '127.0.0.1', port: 8080 });
  });

  test('name where HTTP mode listens: an address or a name, and nothing else', () => {
    const env = { SLACK_BOT_TOKEN: 'xoxb-bot', SLACK_SIGNING_SECRET: 'signing' };
    const hostFor = (value: string) => readConfig({ ...env, BATCHOPS_HTTP_HOST: value }).slack.mode;
    for (const host of ['0.0.0.0', '::', 'bot.internal']) expect(hostFor(host)).toMatchObject({ host });
    expect(hostFor('[::1]')).toMatchObject({ host: '::1' });
    for (const wrong of ['127.0.0.1:3000', 'http://bot', '*', '-x', ':::']) {
      expect(problemsOf({ ...env, BATCHOPS_HTTP_HOST: wrong })).toEqual([
        `BATCHOPS_HTTP_HOST: expected an address such as 127.0.0.1 or ::, or a name, got "${wrong}"`,
      ]);
    }
  });

  test('come from a file where NAME_FILE is given, without its last newline', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'batchops-')), 'token');
    writeFileSync(path, 'xoxb-from-file\n');
    const config = readConfig({ SLACK_APP_TOKEN: 'xapp-1', SLACK_BOT_TOKEN_FILE: path });
    expect(config.slack.botToken.reveal()).toBe('xoxb-from-file');
  });

  test('name every problem at once, and no token', () => {
    const problems = problemsOf({
      SLACK_BOT_TOKEN: 'xapp-swapped',
      SLACK_APP_TOKEN: 'xoxb-swapped',
      BATCHOPS_CONCURRENCY: 'many',
      BATCHOPS_HOST_KEY_POLICY: 'maybe',
      BATCHOPS_HTTP_ADDR: 'nowhere',
      BATCHOPS_AUDIT_CHANNEL: '#ops',
      SLACK_API_URL: 'slack.com',
    });
    expect(problems.map((line) => line.split(':')[0])).toEqual([
      'SLACK_BOT_TOKEN',
      'SLACK_APP_TOKEN',
      'SLACK_API_URL',
      'BATCHOPS_CONCURRENCY',
      'BATCHOPS_HOST_KEY_POLICY',
      'BATCHOPS_AUDIT_CHANNEL',
      'BATCHOPS_HTTP_ADDR',
    ]);
    expect(problems.join()).not.toContain('swapped');
  });

  test('say what to do where the tokens are missing', () => {
    expect(problemsOf({})).toEqual([
      expect.stringMatching(/^SLACK_BOT_TOKEN: missing; .*OAuth/),
      expect.stringMatching(/^SLACK_APP_TOKEN: missing; .*SLACK_SIGNING_SECRET/),
    ]);
  });

  test('never show a token when printed', () => {
    const config = readConfig(TOKENS);
    expect(
      inspect(config, { depth: 9 }) + JSON.stringify(config) + String(config.slack.botToken),
    ).not.toMatch(/xoxb-bot|xapp-app/);
  });

  test('notice a variable that nothing reads', () => {
    expect(unknownVariables({ BATCHOPS_INVENTROY: 'x', BATCHOPS_INVENTORY_FILE: 'y', HOME: '/' })).toEqual([
      'BATCHOPS_INVENTROY',
    ]);
  });

  test('are all in .env.example', () => {
    const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
    const source = readFileSync(new URL('../src/config/config.ts', import.meta.url), 'utf8');
    const names = new Set(Array.from(source.matchAll(/'((?:SLACK|BATCHOPS)_[A-Z_]+|PORT)'/g), (m) => m[1]));
    for (const name of names) expect(example).toMatch(new RegExp(`^(# )?${name}=`, 'm'));
  });

  test('take sizes with their unit only, so that nobody allows 20 bytes where 20 GiB were meant', () => {
    const diskWith = (value: string) => readConfig({ ...TOKENS, BATCHOPS_TRANSFER_QUOTA: value }).disk;
    expect(readConfig(TOKENS).disk).toEqual({
      transferBytes: 20 * 1_024 ** 3,
      spoolBytes: 5 * 1_024 ** 3,
      databaseBytes: 10 * 1_024 ** 3,
      freeBytes: 500 * 1_024 ** 2,
    });
    expect(diskWith('3k').transferBytes).toBe(3_072);
    expect(diskWith('2T').transferBytes).toBe(2 * 1_024 ** 4);
    for (const wrong of ['20', '-1G', '1.5G', 'G', '1GB', '12345678G']) {
      expect(problemsOf({ ...TOKENS, BATCHOPS_TRANSFER_QUOTA: wrong })).toEqual([
        `BATCHOPS_TRANSFER_QUOTA: expected a size such as 500M, 20G or 1T, got "${wrong}"`,
      ]);
    }
  });

  test('take whole days, or forever, for what is kept, and never none', () => {
    const day = 86_400_000;
    expect(readConfig(TOKENS).keep).toEqual({
      outputMs: 90 * day,
      runMs: 365 * day,
      spoolMs: 7 * day,
      uploadMs: 30 * day,
      fetchedMs: Number.POSITIVE_INFINITY,
    });
    expect(readConfig({ ...TOKENS, BATCHOPS_KEEP_RUNS: 'Forever' }).keep.runMs).toBe(
      Number.POSITIVE_INFINITY,
    );
    for (const wrong of ['0d', '30', '12h', '-1d', 'never']) {
      expect(problemsOf({ ...TOKENS, BATCHOPS_KEEP_RUNS: wrong })).toEqual([
        `BATCHOPS_KEEP_RUNS: expected a number of days such as 30d, or forever, got "${wrong}"`,
      ]);
    }
  });

  test('leave of four slots one to others, unless told how many one person may have', () => {
    const slotsWith = (more: Record<string, string>): number =>
      readConfig({ ...TOKENS, ...more }).person.slots;
    expect(slotsWith({})).toBe(75);
    expect(slotsWith({ BATCHOPS_CONCURRENCY: '2' })).toBe(1);
    expect(slotsWith({ BATCHOPS_CONCURRENCY: '1' })).toBe(1);
    expect(slotsWith({ BATCHOPS_PERSON_CONCURRENCY: '100' })).toBe(100);
  });
});
