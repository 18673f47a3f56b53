import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { PageMessage, PageMessages } from '../../src/sandbox/slack/page-api.ts';
import { HAS_POSTGRES } from '../rigs/postgres.ts';
import { hasChromium, launchBrowser } from './page/page-rig.ts';

const ADA = 'U0ADA0001';
const BOB = 'U0BOB0001';
const OPS = 'C0OPS0001';
const AUDIT = 'C0AUDIT01';
const WAIT = { timeout: 20_000, interval: 50 };

interface Demo extends AsyncDisposable {
  readonly process: ChildProcess;
  said(): string;
  complained(): string;
  url(): Promise<string>;
}

function openDemo(...args: readonly string[]): Demo {
  const script = new URL('../../src/sandbox/demo.ts', import.meta.url).pathname;
  const recorder = new URL('../conformance/traffic/child.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', recorder, script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => {
    out += data;
  });
  child.stderr.on('data', (data: Buffer) => {
    err += data;
  });
  return {
    process: child,
    said: () => out,
    complained: () => err,
    async url() {
      const find = (): string => {
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(out)?.[0];
        if (url === undefined) throw new Error(`not up: ${out}${err}`);
        return url;
      };
      return vi.waitFor(find, WAIT);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGINT');
      await ended;
    },
  };
}

test('one command starts it all: a command runs on real hosts, a stranger is refused, Ctrl-C leaves nothing', async () => {
  await using demo = openDemo('--port', '0');
  const url = await demo.url();
  const send = async (user: string, text: string): Promise<unknown> => {
    const response = await fetch(`${url}/page/send`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user, channel: OPS, text }),
    });
    return response.json();
  };
  const read = async (path: string): Promise<readonly PageMessage[]> => {
    const response = await fetch(`${url}/page/${path}`);
    const answer: PageMessages = await response.json();
    return answer.messages;
  };

  expect(await send(ADA, '/batch_run -g web -cmd "hostname"')).toMatchObject({ ok: true });
  const root = await vi.waitFor(async () => {
    const [message] = await read(`messages?user=${ADA}&channel=${OPS}`);
    expect(message?.replyCount).toBeGreaterThanOrEqual(1);
    return message;
  }, WAIT);
  await vi.waitFor(async () => {
    const thread = await read(`thread?user=${ADA}&channel=${OPS}&ts=${root?.ts}`);
    const replies = JSON.stringify(thread.slice(1));
    for (const host of ['web1', 'web2', 'web3']) expect(replies).toContain(`"text":"${host}`);
  }, WAIT);

  expect(await send(BOB, '/batch_run -g web -cmd "hostname"')).toMatchObject({ ok: true });
  await vi.waitFor(async () => {
    const messages = await read(`messages?user=${BOB}&channel=${OPS}`);
    expect(messages.filter(({ isEphemeral }) => isEphemeral)).toHaveLength(1);
    expect(messages.filter(({ isEphemeral }) => !isEphemeral)).toHaveLength(1);
    expect((await read(`messages?user=${ADA}&channel=${AUDIT}`)).length).toBeGreaterThanOrEqual(2);
  }, WAIT);

  const folder = /\S*batchops-demo-\w+/.exec(demo.said())?.[0] ?? '';
  expect(existsSync(folder)).toBe(true);
  demo.process.kill('SIGINT');
  const [code] = await once(demo.process, 'close');
  expect([code, demo.complained()]).toEqual([0, '']);
  expect(existsSync(folder)).toBe(false);
});

test('a port that is taken is named, not replaced, where it was asked for', async () => {
  await using taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  await using demo = openDemo('--port', String(port));
  const [code] = await once(demo.process, 'close');
  expect(code).toBe(1);
  expect(demo.complained()).toContain(`127.0.0.1:${port}`);
});

test('the files of the demo leave nothing to suspect: its bot warns of none', async () => {
  await using demo = openDemo('--port', '0', '--verbose');
  await demo.url();
  await vi.waitFor(() => expect(demo.said()).toContain('Batchops is ready'), WAIT);
  expect(demo.said()).not.toMatch(/"level":(?:40|50|60)/);

  // Who else is on the machine cannot read its passwords.
  const inventory = /^ +Everything is in (\S+),/m.exec(demo.said())?.[1] ?? '';
  const [file = ''] = readdirSync(inventory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('inventory.ini'),
  );
  expect(statSync(join(inventory, file)).mode & 0o777).toBe(0o600);
});

test.skipIf(!HAS_POSTGRES || !hasChromium)(
  'three replicas: one is killed by its button in mid-run, what it ran is unknown, the rest is carried out, and it is started again',
  async () => {
    await using demo = openDemo('--port', '0', '--replicas', '3');
    const url = await vi.waitFor(() => demo.url(), { timeout: 60_000, interval: 100 });
    await using browser = await launchBrowser();
    const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
    await page.goto(url);
    const row = (words: string | RegExp) => page.locator('.replica').filter({ hasText: words });
    await row(/^1?Replica 1/).waitFor();
    const composer = page.getByRole('main').getByRole('combobox');
    await composer.fill('/batch_run -h all -cmd "sleep 4; hostname"');
    await composer.press('Enter');
    const busy = row(/runs r-/).first();
    await busy.waitFor();
    const name = (await busy.locator('.replica-name').textContent()) ?? '';
    await busy.getByRole('button', { name: /^Kill/ }).click();
    await row(name).getByText('killed').waitFor();
    // Its hosts are of unknown fate, all others go on with another one.
    const summary = page.locator('.message').filter({ hasText: /of 9 in/ });
    await summary.waitFor({ timeout: 60_000 });
    expect(await summary.textContent()).toMatch(/3 interrupted/);
    expect(await summary.textContent()).toMatch(/[1-9] ok/);
    await row(name)
      .getByRole('button', { name: /again$/ })
      .click();
    await row(name).getByText('idle').waitFor({ timeout: 30_000 });
    expect(await page.locator('.replica').getByText('posts to Slack').count()).toBeLessThan(2);
    demo.process.kill('SIGINT');
    const [code] = await once(demo.process, 'close');
    expect([code, demo.complained()]).toEqual([0, '']);
  },
  150_000,
);
