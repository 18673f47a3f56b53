import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { openPageFiles } from '../../src/sandbox/page/page-files.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { ADA, EVERYTHING, type Home, makeHome, OPS, openTeamSlack, startBot } from '../rigs/bot.ts';
import { freePort, HAS_SSHD, makeKeyPair, type Sshd, startSshd } from '../rigs/sshd.ts';
import { hasChromium, launchBrowser } from '../sandbox/page/page-rig.ts';

/** `SCREENSHOTS=folder npm test`: the pictures of the README. */
const SCREENSHOTS = process.env.SCREENSHOTS;
const WINDOW = { width: 1400, height: 900 };

const numbered = (group: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${group}${String(i + 1).padStart(3, '0')}`);
const GROUPS = { web: numbered('web', 120), api: numbered('api', 60), db: numbered('db', 20) };
const HOSTS = Object.values(GROUPS).flat();
const DEAD: readonly [string, ...string[]] = ['api017', 'db009'];
const FAILED = ['web041', 'web042', 'web043', 'api007'];
const OLD = [...GROUPS.web.slice(100, 110), ...GROUPS.db.slice(0, 2)];

/** OpenSSH's MAX_LISTEN_SOCKS: thirteen real servers, and an address for each host. */
const ADDRESSES_PER_SSHD = 16;
const addressOf = (host: string): string => {
  const i = HOSTS.indexOf(host);
  return `127.60.${Math.floor(i / ADDRESSES_PER_SSHD)}.${(i % ADDRESSES_PER_SSHD) + 1}`;
};

const HEALTHY = 'shop 2.14.1 healthy\nworkers  8 of 8\nqueue    0\n';
const OUTDATED = 'shop 2.13.9 healthy\nworkers  8 of 8\nqueue    0\n';
const SICK = 'shop 2.14.1 unhealthy: no answer from orders-db:5432 within 5 s\n';

interface Stage extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly browser: Browser;
  /** One line for each time that a host ran the command. */
  executions(): Promise<number>;
}

async function openStage(): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const home = opened.use(await makeHome({}));
  await writeFile(
    home.path('shop'),
    `#!/bin/sh
set -- $SSH_CONNECTION
echo "$3" >> ${home.path('executions')}
case $3 in
  ${FAILED.map(addressOf).join('|')}) printf '${shellText(SICK)}' >&2; exit 3 ;;
  ${OLD.map(addressOf).join('|')}) printf '${shellText(OUTDATED)}' ;;
  *) printf '${shellText(HEALTHY)}' ;;
esac
`,
  );
  await chmod(home.path('shop'), 0o755);
  const key = makeKeyPair();
  const addresses = HOSTS.map(addressOf);
  const servers = await Promise.all(
    Array.from({ length: Math.ceil(HOSTS.length / ADDRESSES_PER_SSHD) }, async (_, i) =>
      opened.use(
        await startSshd({
          addresses: addresses.slice(i * ADDRESSES_PER_SSHD, (i + 1) * ADDRESSES_PER_SSHD),
          authorizedKeys: [key.public],
          config: [`SetEnv PATH=${home.folder}:/usr/bin:/bin SHLVL=1`],
        }),
      ),
    ),
  );
  await writeFile(home.path('key'), `${key.private.trimEnd()}\n`, { mode: 0o600 });
  await writeFile(home.path('inventory.ini'), await formatInventory(servers, home));
  await writeFile(home.path('allowlist.ini'), EVERYTHING);
  const slack = opened.use(
    await openTeamSlack({
      users: [
        { id: ADA, name: 'ada', realName: 'Ada Lovelace' },
        { id: 'U0BOB0001', name: 'bob', realName: 'Bob Ross' },
      ],
      page: openPageFiles({
        people: [{ id: ADA, note: 'may do everything in #ops' }],
        startChannelId: OPS,
        examples: [{ text: '/batch_run -h all -cmd "shop status"', note: 'On 200 hosts' }],
      }),
    }),
  );
  opened.use(await startBot(home, slack));
  const browser = await launchBrowser();
  opened.defer(() => browser.close());
  const close = opened.move();
  return {
    slack,
    browser,
    executions: async () => (await readFile(home.path('executions'), 'utf8')).trim().split('\n').length,
    [Symbol.asyncDispose]: () => close.disposeAsync(),
  };
}

const shellText = (text: string): string => text.replaceAll('\n', '\\n');

async function formatInventory(servers: readonly Sshd[], home: Home): Promise<string> {
  const nobody = await freePort(addressOf(DEAD[0]));
  const sections = HOSTS.map((host, i) => {
    const port = DEAD.includes(host) ? nobody : servers[Math.floor(i / ADDRESSES_PER_SSHD)]?.port;
    return `[${host}]\nip = ${addressOf(host)}\nport = ${port}\n`;
  });
  const groups = Object.entries(GROUPS).map(
    ([group, hosts]) => `[${group}]\n${hosts.map((host) => `${host} = True\n`).join('')}`,
  );
  const [sshd] = servers;
  return [`[DEFAULT]\nuser = ${sshd?.user}\nkey = ${home.path('key')}\n`, ...sections, ...groups].join('\n');
}

async function takePicture(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return;
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** Where it stands in a pane, all of it; fails where one would have to scroll. */
async function topInSight(pane: Locator, what: Locator): Promise<number> {
  const [view, box] = await Promise.all([pane.boundingBox(), what.boundingBox()]);
  if (view === null || box === null) throw new Error(`${what} is not drawn`);
  expect(box.y).toBeGreaterThanOrEqual(view.y);
  expect(box.y + box.height).toBeLessThanOrEqual(view.y + view.height);
  return box.y;
}

describe.skipIf(!HAS_SSHD || !hasChromium)('a run on 200 hosts, in a browser', () => {
  test('is read in one screen, and asked about without being run again', async () => {
    await using stage = await openStage();
    const { slack, browser } = stage;
    const page = await browser.newPage({ viewport: WINDOW, locale: 'en-GB', reducedMotion: 'reduce' });
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(slack.url);
    const channel = page.getByRole('main').getByRole('log');
    const thread = page.getByRole('complementary', { name: 'Thread' });
    const composer = page.getByRole('main').getByRole('combobox');
    const pane = thread.getByRole('log');
    const forMe = channel.getByRole('article').filter({ hasText: 'Only visible to you' });

    await composer.fill('/batch_run -h all -c 60 -cmd "shop status"');
    await composer.press('Enter');
    const root = channel.getByRole('article').filter({ hasText: 'shop status' }).first();
    await root.getByText(/194 ok, 4 failed, 2 unreachable of 200 in/).waitFor();
    expect(await stage.executions()).toBe(198);

    await root.getByRole('button', { name: /repl(y|ies)/ }).click();
    await thread.getByText(/200 hosts, \d different results/).waitFor();
    await thread
      .getByText(/r-\w{4}\.jsonl/)
      .first()
      .waitFor();
    await takePicture(page, 'fleet');
    // Failures first; within each, everything that the hosts said.
    const failed = await topInSight(pane, thread.getByText(SICK.trim()));
    const dead = [];
    for (const host of DEAD) dead.push(await topInSight(pane, thread.getByText(new RegExp(host)).first()));
    const outdated = await topInSight(pane, thread.getByText(OUTDATED.trim()));
    const healthy = await topInSight(pane, thread.getByText(HEALTHY.trim()));
    await topInSight(pane, thread.getByText(/Each host's own output/));
    await topInSight(pane, thread.getByText('web[041-043],api007 (4)'));
    expect(Math.max(failed, ...dead)).toBeLessThan(Math.min(outdated, healthy));

    await root.getByRole('button', { name: 'Only errors' }).click();
    await forMe.getByText(/6 hosts not ok/).waitFor();
    // Two hosts share it, so it names neither's address.
    await forMe.getByText(/refused by \{host\}/).waitFor();
    await root.getByRole('button', { name: 'Show host…' }).click();
    await page.getByRole('combobox', { name: 'Show host…' }).fill('db009');
    await page.getByRole('option', { name: /db009/ }).click();
    await forMe.getByText(/db009/).last().waitFor();
    await takePicture(page, 'fleet-errors');
    expect(await stage.executions()).toBe(198);
    expect(slack.messages(OPS).filter((message) => message.isFromApp)).toHaveLength(1);

    await root.getByRole('button', { name: 'Retry failed (6)' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
    await channel.getByText(/4 failed, 2 unreachable of 6 in/).waitFor();
    await takePicture(page, 'fleet-retried');
    expect(await stage.executions()).toBe(202);
    if (SCREENSHOTS !== undefined) await page.setViewportSize({ width: 420, height: 800 });
    await takePicture(page, 'fleet-narrow');
    expect(complaints).toEqual([]);
    expect(slack.violations).toEqual([]);
  }, 120_000);
});
