import { readFile } from 'node:fs/promises';
import { WebClient } from '@slack/web-api';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { AUDIT, HOSTILE, hasChromium, OPS, openPageRig, type PageRig, type PageTab } from './page-rig.ts';

describe.skipIf(!hasChromium)('the page in a browser', () => {
  let rig: PageRig;
  let tab: PageTab;
  let page: Page;

  beforeAll(async () => {
    rig = await openPageRig();
  });
  afterAll(() => rig[Symbol.asyncDispose]());
  beforeEach(async () => {
    tab = await rig.openPage();
    ({ page } = tab);
  });
  afterEach(() => tab.context.close());

  const composer = (): Locator => page.getByRole('main').getByRole('combobox');
  const channel = (): Locator => page.getByRole('main').getByRole('log');
  const thread = (): Locator => page.getByRole('complementary', { name: 'Thread' });
  const lastMessage = (): Locator => channel().getByRole('article').last();
  const send = async (text: string): Promise<void> => {
    await composer().fill(text);
    await composer().press('Enter');
  };
  const become = (name: string): Promise<void> => page.getByRole('radio', { name }).check({ force: true });
  const row = (name: string): Locator =>
    page.getByRole('navigation').getByRole('button', { name: new RegExp(`^${name}`) });
  /** Each run has words of its own, so that no other test's message is taken for it. */
  const run = async (words: string): Promise<Locator> => {
    await send(`/batch_run -g web -cmd "${words}"`);
    const root = channel()
      .getByRole('article')
      .filter({ hasText: `"${words}"` });
    await root.getByText('2 of 3 done').waitFor();
    return root;
  };

  test('a command gets its root message, live edits of it, and its results in the thread', async () => {
    const root = await run('df -h');
    expect(await root.getByText('APP').count()).toBe(1);
    expect(await root.locator('code').first().textContent()).toBe('-g web -cmd "df -h"');
    await root.getByRole('button', { name: /2 replies/ }).click();
    await thread().getByText('web2').waitFor();
    const output = thread().locator('pre').first();
    expect(await output.textContent()).toContain('/dev/vda1        50G   23G   25G  49% /\n');
    // As in Slack, long lines wrap: what is right here only would look well nowhere else.
    expect(await output.evaluate((pre) => pre.scrollWidth > pre.clientWidth)).toBe(false);
    await page.keyboard.press('Escape');
    await thread().waitFor({ state: 'detached' });
  });

  test('what hosts print stays text, whatever it contains', async () => {
    const root = await run('id');
    await root.getByRole('button', { name: /2 replies/ }).click();
    await thread().getByText('web2').waitFor();
    expect(await thread().locator('pre').nth(1).textContent()).toBe(HOSTILE);
    // The same as a plain message, where Slack's own markup is alive.
    rig.slack.say({
      user: 'U0ADA0001',
      channel: OPS,
      text: `${HOSTILE} :<b>: <http://x"onclick=alert(1)|y>`,
    });
    await channel().getByText('document.title=2').waitFor();
    expect(await page.locator('main img, main script, aside img, aside script').count()).toBe(0);
    expect(await page.locator('a[href^="javascript:"]').count()).toBe(0);
    expect(await page.evaluate('document.title')).toMatch(/Local Slack/);
    expect(tab.complaints).toEqual([]);
  });

  test('an answer for me alone says so, and nobody else sees it', async () => {
    await send('/batch help');
    await channel().getByText('Only for you').last().waitFor();
    expect(await lastMessage().getByText('Only visible to you').count()).toBe(1);
    await become('Bob Ross');
    await page.getByRole('radio', { name: 'Bob Ross', checked: true }).waitFor();
    await send('bob was here');
    await channel().getByText('bob was here').waitFor();
    expect(await channel().getByText('Only for you').count()).toBe(0);
  });

  test('a button asks first where it should, and then does it', async () => {
    const root = await run('sleep 60');
    await root.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('dialog', { name: 'Cancel this run?' }).waitFor();
    await page.getByRole('button', { name: 'Let it run' }).click();
    await root.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Stop it' }).click();
    await root.getByText('Cancelled').waitFor();
    expect(await root.getByRole('button', { name: 'Cancel', exact: true }).count()).toBe(0);
  });

  test('commands are completed with the keys, and their usage stays in sight', async () => {
    await composer().pressSequentially('/ba');
    const options = page.getByRole('option');
    expect(await options.count()).toBe(3);
    expect(await options.first().textContent()).toContain('Run a command on many hosts over SSH');
    await composer().press('ArrowDown');
    expect(await page.getByRole('option', { selected: true }).textContent()).toContain('/batch_scp');
    await composer().press('Tab');
    expect(await composer().inputValue()).toBe('/batch_scp ');
    expect(await page.getByRole('main').getByText('-action put|get').count()).toBe(1);
    await composer().fill('/batch_r');
    await composer().press('Enter');
    expect(await composer().inputValue()).toBe('/batch_run ');
    await composer().fill('/b');
    await composer().press('Escape');
    expect(await options.count()).toBe(0);
  });

  test('Enter sends, Shift+Enter does not, and the arrow up brings back what was sent', async () => {
    await composer().fill('one');
    await composer().press('Shift+Enter');
    await composer().pressSequentially('two');
    await composer().press('Enter');
    await channel().getByText('one\ntwo').waitFor();
    expect(await composer().inputValue()).toBe('');
    await composer().press('ArrowUp');
    expect(await composer().inputValue()).toBe('one\ntwo');
  });

  test('a command that does not come through says so in Slack’s words, and is not lost', async () => {
    await send('/nosuch thing');
    await channel().getByText('/nosuch is not a valid command.').waitFor();
    await vi.waitFor(async () => expect(await composer().inputValue()).toBe('/nosuch thing'));
    const root = await run('fails in threads');
    await root.getByRole('button', { name: /replies/ }).click();
    await thread().getByRole('combobox').fill('/batch_run -cmd x');
    await thread().getByRole('combobox').press('Enter');
    await thread().getByText('/batch_run is not supported in threads. Sorry!').waitFor();
  });

  test('what is new elsewhere is counted beside the channel, until it is opened', async () => {
    await send('/batch_run -g web -cmd audited');
    const audit = row('audit');
    await audit.getByLabel('1 new').waitFor();
    await audit.click();
    await channel().getByText('@Ada Lovelace').last().waitFor();
    expect(await lastMessage().textContent()).toContain('#ops');
    expect(await audit.getByLabel(/new/).count()).toBe(0);
    await row('ops').click();
    await composer().waitFor();
  });

  test('another person sees their own channels, and stays that person after a reload', async () => {
    // The app itself has a row of its own, for everyone.
    const direct = page.getByRole('list', { name: 'Direct messages' });
    await row('cleo').click();
    await become('Bob Ross');
    await page.getByRole('radio', { name: 'Bob Ross', checked: true }).waitFor();
    await direct.waitFor({ state: 'detached' });
    expect(await page.getByRole('list', { name: 'Apps' }).getByRole('button').count()).toBe(1);
    await page.reload();
    await page.getByRole('radio', { name: 'Bob Ross', checked: true }).waitFor({ state: 'attached' });
  });

  test('a file is a card that shows how it begins, opens and downloads', async () => {
    await send('/batch_scp -g web -action get /var/log/app.log app.log');
    await channel().getByText('copying 📦').last().waitFor();
    await lastMessage()
      .getByRole('button', { name: /1 reply/ })
      .click();
    const card = thread().getByRole('group', { name: 'File web1-app.log' });
    await card.locator('pre').waitFor();
    expect(await card.locator('pre').textContent()).toBe('line one\nline two\n');
    const downloading = page.waitForEvent('download');
    await card.getByRole('link', { name: 'Download' }).click();
    const path = await (await downloading).path();
    expect(await readFile(path, 'utf8')).toBe('line one\nline two\n');
    expect(tab.complaints).toEqual([]);
  });

  test('an example is put into the composer, not sent', async () => {
    await page.getByText('What to try').click();
    await page.getByRole('button', { name: /batch hosts/ }).click();
    expect(await composer().inputValue()).toBe('/batch hosts');
  });

  test('in a narrow window the thread covers the channel, and the channels are behind a button', async () => {
    const root = await run('narrow');
    await page.setViewportSize({ width: 420, height: 800 });
    const nav = page.getByRole('navigation');
    await nav.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Channels', exact: true }).click();
    await row('audit').click();
    await page.getByRole('heading', { name: '#audit' }).first().waitFor();
    await nav.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Channels', exact: true }).click();
    await row('ops').click();
    await root.getByRole('button', { name: /replies/ }).click();
    expect((await thread().boundingBox())?.width).toBe(420);
    const overflow = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(false);
    await page.getByRole('button', { name: 'Close thread' }).click();
    await thread().waitFor({ state: 'detached' });
  });

  test('in a narrow window the keys of a message never lie on its words unasked', async () => {
    const root = await run('keys');
    await page.setViewportSize({ width: 420, height: 800 });
    await root.getByRole('button', { name: /replies/ }).click();
    await thread().getByRole('article').nth(2).waitFor();
    await page.mouse.move(0, 0);
    // Those that show without being asked for, against everything that is written.
    const overlaps =
      await page.evaluate<number>(`[...document.querySelectorAll('.message')].filter((message) => {
      const keys = message.querySelector('.message-keys');
      if (keys === null || getComputedStyle(keys).opacity === '0') return false;
      const box = keys.getBoundingClientRect();
      return [...message.querySelectorAll('.body *, .message-head > *')].some((one) => {
        const words = one.getBoundingClientRect();
        return words.right > box.left && words.left < box.right && words.bottom > box.top + 1 && words.top < box.bottom - 1;
      });
    }).length`);
    expect(overlaps).toBe(0);
  });

  test('every block that the bot sends is drawn, and any other says that it is not', async () => {
    await row('audit').click();
    const client = new WebClient(rig.slack.settings.tokens.bot, { slackApiUrl: rig.slack.apiUrl });
    const plain = (text: string) => ({ type: 'plain_text' as const, text });
    const mrkdwn = (text: string) => ({ type: 'mrkdwn' as const, text });
    const { ts = '' } = await client.chat.postMessage({
      channel: AUDIT,
      text: 'blocks',
      blocks: [
        { type: 'header', text: plain('A header :tada:') },
        { type: 'section', text: mrkdwn('*section* one') },
        { type: 'divider' },
        { type: 'context', elements: [mrkdwn('small print')] },
        {
          type: 'rich_text',
          elements: [
            {
              type: 'rich_text_section',
              elements: [{ type: 'text', text: 'slanted', style: { italic: true, bold: true } }],
            },
            { type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'as it came' }] },
          ],
        },
      ],
    });
    const message = lastMessage();
    await message.getByRole('heading', { name: 'A header 🎉' }).waitFor();
    expect(await message.locator('b').filter({ hasText: 'section' }).count()).toBe(1);
    expect(await message.locator('.context').textContent()).toContain('small print');
    expect(await message.locator('hr').count()).toBe(1);
    expect(await message.locator('b i').textContent()).toBe('slanted');
    expect(await message.locator('pre').textContent()).toBe('as it came');
    expect(rig.slack.violations.filter(({ method }) => method === 'chat.postMessage')).toEqual([]);
    // Slack would take these; nobody gets them past the sandbox, but if they were there they would be seen.
    const stored = rig.slack.workspace.findMessage(AUDIT, ts);
    if (stored === undefined) throw new Error('no message');
    rig.slack.workspace.changeMessage(stored, {
      blocks: [
        { type: 'table', block_id: 'a' },
        { type: 'actions', block_id: 'b', elements: [{ type: 'datepicker' }] },
      ],
    });
    await message.getByText('table: not shown by the sandbox').waitFor();
    await message.getByText('datepicker: not shown by the sandbox').waitFor();
    expect(tab.complaints).toEqual([]);
  });

  test('its files come with a policy that lets nothing else run, and there are no others', async () => {
    const home = await fetch(rig.slack.url);
    expect(home.headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*require-trusted-types-for/,
    );
    for (const path of [
      '/page-files.ts',
      '/browser/',
      '/browser/..%2fpage-files.ts',
      '/packages/../package.json',
    ]) {
      expect((await fetch(rig.slack.url + path)).status, path).toBe(404);
    }
    expect((await fetch(rig.slack.url, { method: 'POST', body: '' })).status).toBe(404);
  });
});
