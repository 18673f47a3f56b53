import { spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { AUDIT, ada, EVERYTHING, type Home, MAIN, makeHome, openTeamSlack, startBot } from '../rigs/bot.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const FILES = {
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(home: Home, program: string, ...args: readonly string[]): Promise<Said> {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: home.folder,
      BATCHOPS_DATABASE_URL: `file:${home.path('data/batchops.db')}`,
      BATCHOPS_AUDIT_CHANNEL: AUDIT,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out, err };
}

const outbox = (home: Home, ...words: readonly string[]): Promise<Said> =>
  run(home, process.execPath, MAIN, 'outbox', ...words);

test('what Slack would not take is named in words, and sent by the running bot once an administrator says so', async () => {
  await using slack = await openTeamSlack();
  await using home = await makeHome(FILES);
  await using bot = await startBot(home, slack);
  await slack.waitFor(() => slack.messages(AUDIT)[0]);
  const refused = slack.order({
    kind: 'error',
    method: 'chat.postMessage',
    channel: AUDIT,
    error: 'invalid_blocks',
    times: Number.POSITIVE_INFINITY,
  });
  await slack.command(ada('-h nobody -cmd "true"'));
  await expect
    .poll(async () => (await outbox(home, 'list')).out, { timeout: 20_000 })
    .toContain('given up (');
  const listed = await run(home, 'npm', 'run', '--silent', 'outbox', '--', 'list');
  expect(listed).toMatchObject({ code: 0, err: '' });
  expect(listed.out).toMatch(
    /^audit:(\d+): the line of audit entry \1, for the audit channel, due since \d{4}-\d\d-\d\d \d\d:\d\d UTC: given up \(invalid_blocks\)\n1 row given up \(npm run outbox -- retry\), 0 tried again by themselves\n$/,
  );
  const [key = ''] = listed.out.split(': ');

  expect(await outbox(home, 'retry', 'r-none')).toEqual({
    code: 1,
    out: 'r-none: nothing of that was given up; npm run outbox -- list names what was\n',
    err: '',
  });
  expect(await outbox(home, 'resend')).toEqual({
    code: 78,
    out: '',
    err: 'batchops: outbox: expected list, retry, retry all, retry RUN or retry ROW\n',
  });
  refused.cancel();
  expect(await outbox(home, 'retry', key)).toEqual({
    code: 0,
    out: '1 row due again: a bot that runs sends it within a minute, another at its start\n',
    err: '',
  });
  const line = (wanted: RegExp) => slack.messages(AUDIT).find((message) => wanted.test(message.text));
  await slack.waitFor(() => line(/\*refused\*.*nobody/), 60_000);
  const told = await slack.waitFor(() => line(/\*sent-again\*/), 60_000);
  expect(told.text).toContain(
    `${userInfo().username} made due again what Slack would not take: 1 row (${key})`,
  );
  expect(await outbox(home, 'list')).toEqual({
    code: 0,
    out: 'Slack has all that was to be sent\n',
    err: '',
  });
  expect(await bot.stop()).toBe(0);
  expect(await run(home, process.execPath, MAIN, 'audit', 'verify')).toMatchObject({ code: 0 });
}, 120_000);
