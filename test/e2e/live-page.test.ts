import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { ADA, ada, finished, OPS, openStage, shown, startBot } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';
import { pageOf, takePictures, watchPage } from '../rigs/watched-page.ts';
import { hasChromium } from '../sandbox/page/page-rig.ts';

/** Says one, and then each next word once its file is there; the inventory's password among them. */
const TALK =
  'echo one; printf "\\033[31mhunt"; sleep 0.2; echo "er2-hunter2"; while [ ! -e $HOME/go2 ]; do sleep 0.1; done; echo two; while [ ! -e $HOME/go3 ]; do sleep 0.1; done; echo three';

describe.skipIf(!HAS_SSHD || !hasChromium)('a command that goes on, in a browser', () => {
  test('is followed in its reply and in a window, masked, until it ends; and a crash leaves nothing that says it runs', async () => {
    await using opened = new AsyncDisposableStack();
    const stage = opened.use(
      await openStage({
        inventory: '[spare]\nip = 127.0.1.9\npassword = hunter2-hunter2\n',
        slack: pageOf({ text: '/batch_run -h h1 -follow -cmd "make"', note: 'As it speaks' }),
      }),
    );
    const { slack, home } = stage;
    const talk = TALK.replaceAll('$HOME', home.folder);
    const { page } = await watchPage(slack.url, opened);

    const refused = await slack.command(ada(`-h h1,h2 -follow -cmd '${talk}'`));
    expect(shown(await slack.waitFor(() => refused.answers()[0]))).toContain(
      '-follow is for one host, and these are 2.',
    );
    await slack.command(ada(`-h h1 -follow -cmd '${talk}'`));
    const root = await slack.waitFor(() => slack.messages(OPS).find(({ isFromApp }) => isFromApp));
    const replies = () => slack.thread(OPS, root.ts).filter(({ ts }) => ts !== root.ts);
    const live = await slack.waitFor(
      () => replies().find((reply) => shown(reply).includes('[secret]')),
      20_000,
    );
    expect(shown(live)).toMatch(/h1\n · still running · r-\w+\nstdout\none\n\[secret\]$/);
    const channel = page.getByRole('main').getByRole('log');
    const article = channel.getByRole('article').filter({ hasText: 'runs on 1 host' }).first();
    await article.getByRole('button', { name: /repl(y|ies)/ }).click();
    await page.getByRole('complementary', { name: 'Thread' }).getByText('[secret]').first().waitFor();
    await takePictures(page, 'follow-running');

    const select = { user: ADA, channel: OPS, ts: root.ts, actionId: 'batchops_show_host' };
    const offered = await slack.suggest({ ...select, query: '' });
    expect(JSON.stringify(offered)).toContain('h1 · running');
    await slack.click({ ...select, values: ['0'] });
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Kept fresh while this is open').waitFor();
    await dialog.getByText('[secret]').first().waitFor();
    await takePictures(page, 'live-window');
    await writeFile(home.path('go2'), '');
    await dialog.getByText('two').first().waitFor({ timeout: 20_000 });
    await slack.waitFor(() => shown(replies()).includes('two'), 20_000);
    await writeFile(home.path('go3'), '');
    await dialog.getByText('It has ended: this is its result.').waitFor({ timeout: 20_000 });
    await takePictures(page, 'live-window-ended');
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await finished(slack);
    // The one reply is the ordinary result now.
    const done = await slack.waitFor(() => replies().find((reply) => shown(reply).includes('three')), 20_000);
    expect(done.ts).toBe(live.ts);
    expect(shown(replies())).not.toContain('still running');
    expect(shown(slack)).not.toContain('hunter2');
    await takePictures(page, 'follow-ended');

    // The same hosts, looked at; and what of that is remembered.
    await slack.command(ada('ping h1,h3', '/batch'));
    const pinged = await finished(slack, 2);
    expect(shown(pinged)).toContain('pinged 2 hosts');
    const found = await slack.waitFor(() => {
      const said = shown(slack.thread(OPS, pinged.ts));
      return (said.match(/sftp {4}offered/g) ?? []).length === 2 && said;
    }, 20_000);
    expect(found).toMatch(
      /logged in within [\d,]+ ms \(TCP \d+, keys \d+, login \d+\), first channel \d+ ms\nSHA256:/,
    );
    const article2 = channel.getByRole('article').filter({ hasText: 'pinged 2 hosts' }).first();
    await article2.getByRole('button', { name: /repl(y|ies)/ }).click();
    await takePictures(page, 'ping-2');
    const remembered = async () => {
      const asked = await slack.command(ada('facts h1', '/batch'));
      return shown(await slack.waitFor(() => asked.answers()[0]));
    };
    await vi.waitFor(
      async () => expect(await remembered()).toMatch(/contact {2}[\d.]+ s ago: ok[\s\S]*sftp {5}offered/),
      { timeout: 15_000, interval: 500 },
    );
    await takePictures(page, 'facts-1');
    await slack.command(ada('facts @web', '/batch'));
    await channel.getByText('nothing was dialled').last().waitFor();
    await takePictures(page, 'facts-3');

    await Promise.all(['go2', 'go3'].map((name) => rm(home.path(name))));
    await slack.command(ada(`-h h2 -follow -cmd '${talk}'`));
    const second = await slack.waitFor(() =>
      slack.messages(OPS).find((message) => shown(message).includes('runs on 1 host: h2')),
    );
    const said = () => shown(slack.thread(OPS, second.ts));
    await slack.waitFor(() => said().includes('still running'), 20_000);
    await stage.bot.stop('SIGKILL');
    opened.use(await startBot(home, slack));
    // The same reply, edited.
    await slack.waitFor(() => said().includes('interrupted') && !said().includes('still running'), 30_000);
    await writeFile(home.path('go2'), '');
    await writeFile(home.path('go3'), '');
    expect(slack.violations).toEqual([]);
  }, 120_000);
});
