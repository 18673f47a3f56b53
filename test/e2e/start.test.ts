import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import { makeKeyPair } from '../../src/sandbox/fleet/key-pair.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { EVERYTHING, makeHome, openTeamSlack, spawnBot } from '../rigs/bot.ts';

const FILES = {
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};

async function takePort(): Promise<Server & { readonly taken: string }> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  return Object.assign(server, { taken: String(address.port) });
}

/** What a bot says that cannot start, and that it really ends: a supervisor waits for nothing else. */
async function start(
  env: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  spoil: (slack: LocalSlack) => void = () => {},
): Promise<{ readonly how: number | string; readonly output: string }> {
  await using slack = await openTeamSlack();
  spoil(slack);
  await using home = await makeHome({ ...FILES, ...files });
  await using bot = spawnBot(home, slack, env);
  const how = await bot.ended;
  return { how, output: bot.output() };
}

describe('a bot that cannot start', () => {
  test('ends where its health port is taken, and does not stay connected to Slack', async () => {
    await using server = await takePort();
    const { how, output } = await start({ BATCHOPS_HTTP_ADDR: `127.0.0.1:${server.taken}` });
    expect(how).toBe(78);
    expect(output).toBe(
      `batchops: BATCHOPS_HTTP_ADDR: cannot listen on 127.0.0.1:${server.taken} (EADDRINUSE)\n`,
    );
  });

  test("ends where the port for Slack's requests is taken", async () => {
    await using server = await takePort();
    const env = { SLACK_APP_TOKEN: '', SLACK_SIGNING_SECRET: 'signing', PORT: server.taken };
    const { how, output } = await start(env);
    expect(how).toBe(78);
    expect(output).toBe(
      `batchops: BATCHOPS_HTTP_HOST, PORT: cannot listen on 127.0.0.1, port ${server.taken} (EADDRINUSE)\n`,
    );
  });

  test('ends where Slack refuses the app token', async () => {
    const { how, output } = await start({ SLACK_APP_TOKEN: 'xapp-wrong' });
    expect(how).toBe(78);
    expect(output).toContain('batchops: SLACK_APP_TOKEN: Slack refuses the app token: invalid_auth\n');
  });

  test.each([
    ['missing_scope', ', it needs the scope connections:write'],
    ['forbidden_team', ''],
  ])('ends where the app token lacks what it needs: %s', async (error, scope) => {
    const { how, output } = await start({}, {}, (slack) => {
      slack.order({ kind: 'error', method: 'apps.connections.open', error, times: 1e6 });
    });
    expect(how).toBe(78);
    expect(output).toContain(`batchops: SLACK_APP_TOKEN: Slack refuses the app token: ${error}${scope}\n`);
  });

  const GBK = Buffer.from([0xc3, 0xdc]);
  test.each([
    [
      'a password in GBK',
      { 'inventory.ini': Buffer.concat([Buffer.from(`${FILES['inventory.ini']}passphrase = `), GBK]) },
      {},
      'batchops: inventory.ini:6: is not UTF-8 (line 6); save it as UTF-8\n',
    ],
    [
      "an inventory in Notepad's Unicode",
      { 'inventory.ini': Buffer.from(`\ufeff${FILES['inventory.ini']}`, 'utf16le') },
      {},
      'batchops: inventory.ini: is UTF-16 or no text at all; save it as UTF-8\n',
    ],
    [
      "a password's own file",
      { 'inventory.ini': '[h1]\nip = h\nuser = u\npassword = file:pw\n', pw: GBK },
      {},
      'batchops: inventory.ini:4: password: the file it names is not UTF-8 (line 1); save it as UTF-8\n',
    ],
    [
      'the settings',
      { '.env': Buffer.from([0x41, 0x3d, 0xff, 0x0a]) },
      {},
      'batchops: .env is not UTF-8 (line 1); save it as UTF-8\n',
    ],
    [
      "a setting's own file",
      { channel: GBK },
      { BATCHOPS_AUDIT_CHANNEL: '', BATCHOPS_AUDIT_CHANNEL_FILE: 'channel' },
      'batchops: BATCHOPS_AUDIT_CHANNEL_FILE: channel is not UTF-8 (line 1); save it as UTF-8\n',
    ],
  ])(
    'ends where %s is not the text that it is read as: nothing is decoded by guess',
    async (_what, files, env, output) => {
      expect(await start(env, files)).toEqual({ how: 78, output });
    },
  );

  test('ends where a key could not log in, with the line', async () => {
    const key = makeKeyPair({ passphrase: 'open sesame' }).private;
    const host = '[h1]\nip = h\nuser = u\nkey = id\n';
    const locked = await start({}, { id: key, 'inventory.ini': host });
    expect(locked).toEqual({
      how: 78,
      output: 'batchops: inventory.ini:4: key: it is encrypted, and the inventory has no passphrase\n',
    });
    const wrong = await start({}, { id: key, 'inventory.ini': `${host}passphrase = close sesame\n` });
    expect(wrong.output).toBe('batchops: inventory.ini:5: passphrase: it does not open the key\n');
  });

  test.each([
    ['BATCHOPS_TRANSFER_DIR', 'allowlist.ini', 'allowlist.ini is not a folder'],
    ['BATCHOPS_KNOWN_HOSTS', 'allowlist.ini/known_hosts', 'allowlist.ini is not a folder'],
  ])('names %s where it is no folder', async (variable, value, problem) => {
    const { how, output } = await start({ [variable]: value });
    expect(how).toBe(78);
    expect(output).toBe(`batchops: ${variable}: ${problem}\n`);
  });

  test('says that .env cannot be read, not that everything in it is missing', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    await mkdir(home.path('.env'));
    await using bot = spawnBot(home, slack);
    expect(await bot.ended).toBe(78);
    expect(bot.output()).toBe('batchops: .env: cannot be read (EISDIR)\n');
  });
});

test('reads the audit trail of the database that BATCHOPS_DATABASE_URL_FILE names', async () => {
  await using home = await makeHome({});
  await writeFile(home.path('url'), `file:${home.path('elsewhere.db')}\n`);
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  const verify = () =>
    execFileSync(process.execPath, [main, 'audit', 'verify'], {
      cwd: home.folder,
      env: { BATCHOPS_DATABASE_URL: '', BATCHOPS_DATABASE_URL_FILE: home.path('url') },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  expect(verify).toThrow(/elsewhere\.db/);
  expect(existsSync(home.path('data/batchops.db'))).toBe(false);
});
