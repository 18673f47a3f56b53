import { chmod, writeFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { EVERYTHING, inventoryOf, makeHome, openTeamSlack, startBot } from '../rigs/bot.ts';
import { HAS_SSHD, startSshd } from '../rigs/sshd.ts';
import { pageOf, takePictures, watchPage } from '../rigs/watched-page.ts';
import { hasChromium } from '../sandbox/page/page-rig.ts';

const ADDRESSES = Array.from({ length: 12 }, (_, n) => `127.61.0.${n + 1}`);

interface Stage extends AsyncDisposable {
  readonly browser: Browser;
  readonly url: string;
  readonly page: Page;
}

/** Twelve hosts on one sshd, of which h3 and h5 cannot be upgraded. */
async function openStage(): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const home = opened.use(await makeHome({}));
  const broken = [2, 4].map((n) => ADDRESSES[n]).join('|');
  await writeFile(
    home.path('upgrade'),
    `#!/bin/sh
set -- $SSH_CONNECTION
case $3 in
  ${broken}) echo "dpkg was interrupted, run 'dpkg --configure -a'" >&2; exit 100 ;;
  *) echo "$1: shop 2.14.1 is installed" ;;
esac
`,
  );
  await chmod(home.path('upgrade'), 0o755);
  const [first = '', ...others] = ADDRESSES;
  const sshd = opened.use(
    await startSshd({
      addresses: [first, ...others],
      config: [`SetEnv PATH=${home.folder}:/usr/bin:/bin SHLVL=1`],
    }),
  );
  await writeFile(home.path('key'), `${sshd.key.private.trimEnd()}\n`, { mode: 0o600 });
  await writeFile(home.path('inventory.ini'), inventoryOf(sshd, ADDRESSES, home.path('key')));
  await writeFile(home.path('allowlist.ini'), EVERYTHING);
  const slack = opened.use(
    await openTeamSlack(
      pageOf({ text: '/batch_run -g web -canary 1 -serial 4 -cmd "upgrade"', note: 'Not on all at once' }),
    ),
  );
  opened.use(await startBot(home, slack));
  const { browser, page } = await watchPage(slack.url, opened);
  const close = opened.move();
  return { browser, url: slack.url, page, [Symbol.asyncDispose]: () => close.disposeAsync() };
}

describe.skipIf(!HAS_SSHD || !hasChromium)('a rollout, in a browser', () => {
  test('stops at its canary, is continued by a press, and is stopped by too many failures', async () => {
    await using stage = await openStage();
    const { page } = stage;
    const channel = page.getByRole('main').getByRole('log');
    const thread = page.getByRole('complementary', { name: 'Thread' });
    const composer = page.getByRole('main').getByRole('combobox');
    const type = async (text: string): Promise<void> => {
      await composer.fill(text);
      await composer.press('Enter');
    };

    await type('/batch_run -g web -canary 2 -serial 1,4 -maxfail 1 -n -cmd "upgrade"');
    await channel.getByText(/canary: h\[1-2\] \(2\); then it waits for Continue/).waitFor();
    await takePictures(stage.page, 'preview');

    await type('/batch_run -g web -canary 2 -serial 1,4 -maxfail 1 -c 1 -cmd "upgrade"');
    const root = channel.getByRole('article').filter({ hasText: 'runs on 12 hosts' }).first();
    await root.getByText('The canary has ended: 2 ok.').first().waitFor();
    await root.getByRole('button', { name: /repl(y|ies)/ }).click();
    await thread
      .getByText(/10 hosts of r-\w+ wait for/)
      .first()
      .waitFor();
    await takePictures(stage.page, 'canary');

    await root.getByRole('button', { name: 'Continue (10)' }).click();
    await takePictures(stage.page, 'confirm');
    await page
      .getByRole('dialog', { name: 'Continue on 10 hosts?' })
      .getByRole('button', { name: 'Continue' })
      .click();
    const ended = channel.getByRole('article').filter({ hasText: 'ran on 12 hosts' }).first();
    await ended
      .getByText(/too many failures: 2 of 12 hosts did not end ok; at most 1 may/)
      .first()
      .waitFor();
    await ended
      .getByText(/3 ok, 2 failed, 7 skipped of 12/)
      .first()
      .waitFor();
    await thread
      .getByText(/has ended, and it went on/)
      .first()
      .waitFor();
    await takePictures(stage.page, 'maxfail');

    // The first Enter takes what is offered.
    await type('/batch_run');
    await composer.press('Enter');
    const form = page.getByRole('dialog', { name: 'Run a command' });
    await form.getByText('May fail').scrollIntoViewIfNeeded();
    await takePictures(stage.page, 'form');
    expect(await form.getByText('In batches of').count()).toBe(1);
  }, 120_000);
});
