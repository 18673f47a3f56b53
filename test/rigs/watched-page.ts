import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openPageFiles } from '../../src/sandbox/page/page-files.ts';
import { launchBrowser } from '../sandbox/page/page-rig.ts';
import { ADA, BOB, OPS } from './bot.ts';

/** `SCREENSHOTS=folder npm test`: a picture of each. */
const SCREENSHOTS = process.env.SCREENSHOTS;
const WIDE = { width: 1400, height: 900 };
const NARROW = { width: 480, height: 900 };

/** Of a Slack in which Ada is watched as she tries this. */
export function pageOf(example: { readonly text: string; readonly note: string }) {
  return {
    users: [
      { id: ADA, name: 'ada', realName: 'Ada Lovelace' },
      { id: BOB, name: 'bob', realName: 'Bob Ross' },
    ],
    page: openPageFiles({
      people: [{ id: ADA, note: 'may do everything in #ops' }],
      startChannelId: OPS,
      examples: [example],
    }),
  };
}

/** The page at this address in a browser, which goes with what was opened. */
export async function watchPage(
  url: string,
  opened: AsyncDisposableStack,
): Promise<{ readonly browser: Browser; readonly page: Page }> {
  const browser = await launchBrowser();
  opened.defer(() => browser.close());
  const page = await browser.newPage({ viewport: WIDE, locale: 'en-GB', reducedMotion: 'reduce' });
  await page.goto(url);
  return { browser, page };
}

/** At a wide and at a narrow window. */
export async function takePictures(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return;
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(SCREENSHOTS, `${name}-wide.png`) });
  await page.setViewportSize(NARROW);
  await page.screenshot({ path: join(SCREENSHOTS, `${name}-narrow.png`) });
  await page.setViewportSize(WIDE);
}
