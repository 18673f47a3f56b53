import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { surfaces } from '../slack/rig.ts';
import { option, postRun, registerForm } from './form-bot.ts';
import { ADA, hasChromium, OPS, openPageRig, type PageRig, type PageTab } from './page-rig.ts';

describe.skipIf(!hasChromium)('modals, the Home tab, selects and shortcuts in a browser', () => {
  let rig: PageRig;
  let tab: PageTab;
  let page: Page;

  beforeAll(async () => {
    rig = await openPageRig(surfaces, registerForm);
  });
  afterAll(() => rig[Symbol.asyncDispose]());
  beforeEach(async () => {
    tab = await rig.openPage();
    ({ page } = tab);
  });
  afterEach(async () => {
    for (const view of rig.slack.views(ADA)) rig.slack.closeView({ user: ADA, viewId: view.id });
    await tab.context.close();
  });

  const main = (): Locator => page.getByRole('main');
  const form = (): Locator => page.getByRole('dialog', { name: 'Run a command' });
  const openForm = async (): Promise<void> => {
    await main().getByRole('button', { name: 'Shortcuts' }).click();
    await page.getByRole('menuitem', { name: 'Run a command' }).click();
    await form().waitFor();
  };
  /** The list is what was found for the words that stand there now. */
  const answered = (): Promise<void> => page.locator('[role="listbox"][aria-busy="false"]:visible').waitFor();
  const key = (name: string): Promise<void> => page.keyboard.press(name);
  const focused = (): Promise<string | null> =>
    page.evaluate<string | null>(
      'document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent',
    );
  const openHome = async (): Promise<void> => {
    await page.getByRole('navigation').getByRole('button', { name: 'batchops' }).click();
    await page.getByRole('heading', { name: 'My recent runs' }).waitFor();
  };
  const row = (name: RegExp): Locator => page.getByRole('navigation').getByRole('button', { name });

  test('a form is filled in with the keys alone, and what was filled in arrives', async () => {
    await openForm();
    const hosts = form().getByRole('combobox', { name: 'Hosts' });
    expect(await focused()).toBe('Hosts');
    await page.keyboard.type('web0');
    await answered();
    await page.getByRole('option', { name: 'web09' }).waitFor();
    await key('ArrowDown');
    await key('Enter');
    await form().getByRole('button', { name: 'Remove web02' }).waitFor();
    await page.keyboard.type('db');
    await answered();
    await page.getByRole('option', { name: 'db2' }).waitFor();
    await key('Enter');
    await form().getByRole('button', { name: 'Remove db1' }).waitFor();
    // Escape closes the list first, and not the form.
    await key('Escape');
    await page.getByRole('option').first().waitFor({ state: 'hidden' });
    expect(await hosts.getAttribute('aria-expanded')).toBe('false');
    await form().getByLabel('Command').fill('uptime -p');
    await form().getByRole('button', { name: 'Run' }).press('Enter');
    await form().getByText('Preview: web02, db1; group none').waitFor();
    await form().getByLabel('Command').press('Control+Enter');
    await form().waitFor({ state: 'detached' });
    await main().getByText('ran uptime -p').waitFor();
    const [command] = rig.slack.messages(OPS).slice(-1);
    expect(command?.text).toBe('ran uptime -p');
    // Where it was opened has the focus again.
    await vi.waitFor(async () => expect(await focused()).toBe('Shortcuts'));
    expect(tab.complaints).toEqual([]);
  });

  test('what is missing or refused is said under its input, which has the focus then', async () => {
    await openForm();
    await form().getByRole('button', { name: 'Run' }).click();
    await form().getByText('Please complete this required field.').first().waitFor();
    expect(await form().getByRole('alert').count()).toBe(2);
    await vi.waitFor(async () => expect(await focused()).toBe('Hosts'));
    expect(await form().getByLabel('Command').getAttribute('aria-invalid')).toBe('true');
    await form().getByRole('combobox', { name: 'Hosts' }).fill('db1');
    await page.getByRole('option', { name: 'db1' }).click();
    await form().getByLabel('Command').fill('rm -rf /');
    await form().getByRole('button', { name: 'Run' }).click();
    const wrong = form().getByRole('alert');
    await wrong.getByText('You may not run this here.').waitFor();
    expect(await form().getByRole('textbox', { name: 'Command' }).getAttribute('aria-describedby')).toBe(
      await wrong.getAttribute('id'),
    );
    expect(await wrong.count()).toBe(1);
    expect(tab.complaints).toEqual([]);
  });

  test('a select finds as one types, its options come in their groups, and it can be cleared', async () => {
    await openForm();
    await form().getByRole('combobox', { name: 'Hosts' }).click();
    await page.getByRole('group', { name: 'The db hosts' }).getByRole('option', { name: 'db1' }).click();
    await key('Escape');
    await form().getByLabel('Command').fill('uptime');
    const group = form().getByRole('combobox', { name: 'Group' });
    await group.click();
    await page.getByRole('option', { name: 'db' }).waitFor();
    await group.pressSequentially('can');
    await page.getByRole('option', { name: 'db' }).waitFor({ state: 'hidden' });
    await key('Enter');
    expect(await group.inputValue()).toBe('canary');
    await form().getByRole('button', { name: 'Run' }).click();
    await form().getByText('group canary').waitFor();
    await form().getByRole('button', { name: 'Clear Group' }).click();
    await form().getByRole('button', { name: 'Run' }).click();
    await form().getByText('group none').waitFor();
    expect(await group.inputValue()).toBe('');
  });

  test('another modal in its place asks once more, and is closed with its answer', async () => {
    await openForm();
    await form().getByRole('combobox', { name: 'Hosts' }).fill('db1');
    await page.getByRole('option', { name: 'db1' }).click();
    await form().getByLabel('Command').fill('next');
    await form().getByRole('button', { name: 'Run' }).click();
    const next = page.getByRole('dialog', { name: 'Are you sure?' });
    await next.getByText('It runs on many hosts.').waitFor();
    await next.getByRole('button', { name: 'Yes' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(rig.slack.views(ADA)).toEqual([]);
    expect(tab.complaints).toEqual([]);
  });

  test('the focus stays in a modal, and Escape, Cancel and the cross close it', async () => {
    for (const close of [
      () => key('Escape').then(() => key('Escape')),
      () => form().getByRole('button', { name: 'Cancel' }).click(),
      () => form().getByRole('button', { name: 'Close' }).click(),
    ]) {
      await openForm();
      for (let presses = 0; presses < 14; presses += 1) await key('Tab');
      expect(
        await page.evaluate(
          'document.activeElement === document.body || !!document.activeElement?.closest("dialog")',
        ),
      ).toBe(true);
      await close();
      await form().waitFor({ state: 'detached' });
      expect(rig.slack.views(ADA)).toEqual([]);
    }
  });

  test('the Home tab shows what the app published, and its buttons open the form', async () => {
    await openHome();
    expect(await main().getByRole('tab', { name: 'Home' }).getAttribute('aria-selected')).toBe('true');
    expect(await main().getByText('@Ada Lovelace').count()).toBe(1);
    await main().getByRole('button', { name: 'Run a command' }).click();
    await form().waitFor();
    await form().getByRole('button', { name: 'Cancel' }).click();
    await main().getByRole('tab', { name: 'Home' }).press('ArrowRight');
    await main().getByRole('tab', { name: 'Messages', selected: true }).waitFor();
    await main().getByRole('combobox', { name: 'Message batchops' }).waitFor();
    await main().getByRole('tab', { name: 'Home' }).click();
    await page.getByRole('heading', { name: 'Fleet' }).waitFor();
    // Someone else has a Home tab of their own.
    await page.getByRole('radio', { name: 'Bob Ross' }).check({ force: true });
    await main().getByText('@Bob Ross').waitFor();
    await page.reload();
    await main().getByText('@Bob Ross').waitFor();
    await row(/^ops/).click();
    await main().getByRole('heading', { name: 'ops' }).first().waitFor();
    expect(tab.complaints).toEqual([]);
  });

  test('a link to a message opens its thread beside its channel', async () => {
    await postRun(rig.client, ADA, 'linked');
    await openHome();
    await main().getByRole('link', { name: 'thread' }).click();
    await page.getByRole('complementary', { name: 'Thread' }).getByText('ran linked').waitFor();
    await main().getByRole('combobox', { name: 'Message #ops' }).waitFor();
    expect(tab.context.pages()).toHaveLength(1);
  });

  test('a select in a message sends what was chosen, and the app is asked for hosts while one types', async () => {
    await postRun(rig.client, ADA, 'selects');
    const run = main().getByRole('article').filter({ hasText: 'ran selects' });
    await run.getByRole('button', { name: 'Show host…' }).press('Enter');
    await page.getByText('Type to search.').waitFor();
    await page.keyboard.type('nothing like it');
    await page.getByText('Nothing matches “nothing like it”.').waitFor();
    await page.getByRole('combobox', { name: 'Show host…' }).fill('web0');
    await page.getByRole('option', { name: 'web01' }).waitFor();
    // Quicker than the answer: not what stands in the list by now, but what is typed.
    await page.keyboard.type('7');
    await key('Enter');
    await main().getByText('You chose web07').waitFor();
    await run.getByRole('button', { name: 'Show host…: web07' }).waitFor();
    expect(tab.complaints).toEqual([]);
  });

  test('a file is attached with words, and a shortcut of its message gets it', async () => {
    await page.getByLabel('File to attach').setInputFiles({
      name: 'app.conf',
      mimeType: 'text/plain',
      buffer: Buffer.from('a=1\n'),
    });
    await main().getByRole('button', { name: 'Remove app.conf' }).waitFor();
    await main().getByRole('combobox', { name: 'Message #ops' }).fill('here it is');
    await key('Enter');
    const message = main().getByRole('article').filter({ hasText: 'here it is' });
    await message.getByRole('group', { name: 'File app.conf' }).locator('pre').getByText('a=1').waitFor();
    await message.hover();
    await message.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Send to hosts' }).click();
    const dialog = page.getByRole('dialog', { name: 'Send to hosts' });
    await dialog.getByText('app.conf').waitFor();
    expect(tab.complaints).toEqual([]);
  });

  test('what an app writes into a form stays text', async () => {
    const { triggerId } = await rig.slack.command({
      user: ADA,
      channel: OPS,
      command: '/batch',
      text: 'hostile',
    });
    const evil = '<img src=x onerror="document.title=1"><b>';
    const plain = (text: string) => ({ type: 'plain_text' as const, text });
    await rig.client.views.open({
      trigger_id: triggerId,
      view: {
        type: 'modal',
        title: plain('<b>&amp;'),
        submit: plain('<i>'),
        blocks: [
          {
            type: 'input',
            label: plain(evil),
            hint: plain(evil),
            element: {
              type: 'static_select',
              placeholder: plain(evil),
              options: [{ ...option('a'), text: plain(evil) }],
            },
          },
        ],
      },
    });
    const dialog = page.getByRole('dialog');
    await dialog.getByText(evil).first().waitFor();
    await dialog.getByRole('combobox').click();
    await page.getByRole('option').getByText(evil).click();
    expect(await dialog.locator('img, b:has-text("<b>")').count()).toBe(0);
    expect(tab.complaints).toEqual([]);
  });

  test('in a narrow window a form and the Home tab have all of it', async () => {
    await page.setViewportSize({ width: 420, height: 800 });
    await openForm();
    const box = await form().boundingBox();
    expect(box?.width).toBeGreaterThan(380);
    expect(box?.height).toBeLessThanOrEqual(800);
    const submit = await form().getByRole('button', { name: 'Run' }).boundingBox();
    expect((submit?.y ?? 900) + (submit?.height ?? 0)).toBeLessThanOrEqual(800);
    await form().getByRole('combobox', { name: 'Hosts' }).fill('web');
    const list = await page.getByRole('listbox', { name: 'Hosts' }).boundingBox();
    expect((list?.x ?? -1) + (list?.width ?? 900)).toBeLessThanOrEqual(420);
    await form().getByRole('button', { name: 'Cancel' }).click();
    await form().waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Channels', exact: true }).click();
    await row(/^batchops/).click();
    await page.getByRole('heading', { name: 'My recent runs' }).waitFor();
    const overflow = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(false);
  });
});
