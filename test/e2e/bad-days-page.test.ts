import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { openPageFiles } from '../../src/sandbox/page/page-files.ts';
import { ADA, AUDIT, ada, BOB, BOT, OPS, openStage } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';
import { hasChromium, launchBrowser } from '../sandbox/page/page-rig.ts';

/** `SCREENSHOTS=folder npm test`, as with fleet-page.test.ts. */
const SCREENSHOTS = process.env.SCREENSHOTS;
const WEB = 'C0WEB0001';

/** One person in two windows: what a desk shows, and a telephone. */
class Windows {
  readonly #pages: readonly (readonly [string, Page])[];
  readonly wide: Page;

  private constructor(wide: Page, narrow: Page) {
    this.wide = wide;
    this.#pages = [
      ['wide', wide],
      ['narrow', narrow],
    ];
  }

  static async open(browser: Browser, url: string): Promise<Windows> {
    const open = async (width: number, height: number): Promise<Page> => {
      const page = await browser.newPage({ viewport: { width, height }, locale: 'en-GB' });
      await page.goto(url);
      await page.getByRole('main').waitFor();
      return page;
    };
    return new Windows(await open(1280, 860), await open(390, 844));
  }

  /** The message with these words, in the wide one; it is to be read in both, and nothing hangs over. */
  async message(words: string | RegExp, name: string): Promise<Locator> {
    for (const [size, page] of this.#pages) {
      const found = page.getByRole('article').filter({ hasText: words }).last();
      await found.waitFor({ timeout: 30_000 });
      await found.scrollIntoViewIfNeeded();
      const overflow = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
      expect(await page.evaluate(overflow), `${name}, ${size}`).toBe(false);
      if (SCREENSHOTS !== undefined)
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${size}.png`) });
    }
    return this.wide.getByRole('article').filter({ hasText: words }).last();
  }
}

describe.skipIf(!HAS_SSHD || !hasChromium)("Slack's bad days, as people see them", () => {
  test('two readings, a late command, a deleted root message and a closed channel tell what is and what to press', async () => {
    await using stage = await openStage({
      allowlist: `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
      env: { BATCHOPS_SLASH_TEXT: 'auto' },
      slack: {
        slashText: 'raw',
        formText: 'entities',
        users: [
          { id: ADA, name: 'ada', realName: 'Ada Lovelace' },
          { id: BOB, name: 'bob', realName: 'Bob Ross' },
        ],
        channels: [
          { id: OPS, name: 'ops', members: [ADA, BOB, BOT] },
          { id: WEB, name: 'web', members: [ADA, BOB, BOT] },
          { id: AUDIT, name: 'audit', members: [ADA, BOT] },
          { id: 'D0ADA0001', name: 'ada', kind: 'im', members: [ADA, BOT] },
        ],
        page: openPageFiles({ people: [{ id: ADA, note: '' }], startChannelId: OPS, examples: [] }),
      },
    });
    const { slack } = stage;
    const browser = await launchBrowser();
    await using opened = new AsyncDisposableStack();
    opened.defer(() => browser.close());
    const windows = await Windows.open(browser, slack.url);
    const { wide } = windows;
    const send = async (text: string): Promise<void> => {
      const composer = wide.getByRole('main').getByRole('combobox');
      await composer.fill(text);
      await composer.press('Enter');
    };
    const ended = (count: number) =>
      slack.waitFor(
        () => slack.messages(OPS).filter(({ text }) => /1 ok of 1/.test(text)).length === count,
        30_000,
      );

    // One channel closes meanwhile: its person hears of it in the end.
    await slack.command(ada('-g web -c 1 -cmd "sleep 2"', '/batch_run', WEB));
    await slack.waitFor(() => slack.messages(WEB).some(({ isFromApp }) => isFromApp));
    slack.order({ kind: 'error', channel: WEB, error: 'is_archived', times: 1e6 });

    await send('/batch_run -h h1 -cmd "echo one &gt; /dev/null"');
    const question = await windows.message('Which of these did you type?', 'readings');
    expect(await question.locator('pre').allTextContents()).toEqual([
      '/batch_run -h h1 -cmd "echo one &gt; /dev/null"',
      '/batch_run -h h1 -cmd "echo one > /dev/null"',
    ]);
    await question.getByRole('button', { name: 'Run 2' }).click();
    await ended(1);
    await question.getByRole('button', { name: 'Run 1' }).click();
    await windows.message(/has begun r-\w+ already: nothing more was run/, 'readings-pressed');

    // With the space, as Enter would otherwise take what the composer suggests.
    await send('/batch_run ');
    const form = wide.getByRole('dialog');
    await form.getByLabel('Command').fill('echo "a & b" > /dev/null');
    await form.getByLabel(/expression/i).fill('h1');
    await form.getByRole('button', { name: 'Preview' }).click();
    const asked = await windows.message('remembered for all forms here', 'form');
    await form.waitFor({ state: 'detached' });
    await asked.getByRole('button', { name: 'Run 2' }).click();
    await ended(2);

    slack.order({ kind: 'ghost', method: 'slash_commands', times: 1 });
    await send('/batch_run -h h1 -cmd "echo late"');
    const late = await windows.message('This command reached Batchops late', 'late');
    await late.getByRole('button', { name: 'Run it now' }).click();
    await ended(3);

    await send('/batch_run -h h1 -cmd "sleep 3"');
    const root = await slack.waitFor(() =>
      slack.messages(OPS).find((one) => /sleep 3/.test(JSON.stringify(one))),
    );
    slack.workspace.deleteMessage(root);
    await windows.message('Posted anew: Slack no longer had the first message of this run.', 'lost-root');
    await ended(4);

    await slack.waitFor(() => slack.messages('D0ADA0001')[0], 40_000);
    await wide
      .getByRole('navigation')
      .getByRole('button', { name: /^batchops/ })
      .click();
    await wide.getByText(/Slack does not let me write in/).waitFor();
    if (SCREENSHOTS !== undefined) await wide.screenshot({ path: join(SCREENSHOTS, 'closed-channel.png') });
  }, 150_000);
});
