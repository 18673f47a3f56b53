import { existsSync } from 'node:fs';
import { App, type BlockAction, type ButtonAction, LogLevel } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { openPageFiles } from '../../../src/sandbox/page/page-files.ts';
import type { Json } from '../../../src/sandbox/slack/json.ts';
import { type LocalSlack, openLocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import { readManifest } from '../../../src/sandbox/slack/options.ts';

const CHROMIUM = '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);

export const ADA = 'U0ADA0001';
export const BOB = 'U0BOB0001';
export const BOT = 'U0BOT0001';
export const OPS = 'C0OPS0001';
export const AUDIT = 'C0AUDIT01';

/** What a host may print, to break out with. */
export const HOSTILE =
  '<img src=x onerror="document.title=1"><script>document.title=2</script><!channel> *b* <javascript:alert(1)|x> &lt;i&gt;';

export interface PageRig extends AsyncDisposable {
  readonly slack: LocalSlack;
  /** The bot's own. */
  readonly client: WebClient;
  readonly browser: Browser;
  openPage(size?: { width: number; height: number }): Promise<PageTab>;
}

export interface PageTab {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained about, the content security policy first of all. */
  readonly complaints: readonly string[];
}

/** Headless, and without a word to anyone outside. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** The local Slack with its page, a small bot on Bolt, and a browser. */
export async function openPageRig(
  manifest: Json = readManifest(new URL('../../../manifest.yml', import.meta.url)),
  register: (bot: App) => void = registerCommands,
): Promise<PageRig> {
  await using opened = new AsyncDisposableStack();
  const slack = opened.use(
    await openLocalSlack({
      manifest,
      users: [
        { id: ADA, name: 'ada', realName: 'Ada Lovelace' },
        { id: BOB, name: 'bob', realName: 'Bob Ross' },
        { id: 'U0CLEO001', name: 'cleo' },
      ],
      channels: [
        { id: OPS, name: 'ops', topic: 'Where the hosts are looked after', members: [ADA, BOB, BOT] },
        { id: 'C0RANDOM1', name: 'random', kind: 'private', members: [ADA, BOB] },
        {
          id: AUDIT,
          name: 'audit',
          topic: 'One line per run, refusal and decision',
          members: [ADA, BOB, BOT],
        },
        { id: 'D0ADABOT1', name: 'ada', kind: 'im', members: [ADA, BOT] },
        { id: 'D0ADACLE1', name: 'ada', kind: 'im', members: [ADA, 'U0CLEO001'] },
      ],
      // The pace of Slack is tried elsewhere.
      pace: { isLimited: false },
      page: openPageFiles({
        people: [
          { id: ADA, note: 'may do everything in #ops' },
          { id: BOB, note: 'is not on the allowlist' },
        ],
        startChannelId: OPS,
        examples: [
          { text: '/batch_run -g web -cmd "df -h"', note: 'A command on three hosts' },
          { text: '/batch hosts', note: 'Which hosts there are' },
        ],
      }),
    }),
  );
  const bot = openBot(slack);
  register(bot);
  await bot.start();
  opened.defer(async () => void (await bot.stop()));
  const browser = await launchBrowser();
  opened.defer(() => browser.close());
  const close = opened.move();

  return {
    slack,
    client: bot.client,
    browser,
    async openPage(size = { width: 1400, height: 900 }) {
      const context = await browser.newContext({ viewport: size, locale: 'en-GB' });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
      });
      await page.goto(slack.url);
      await page.getByRole('main').waitFor();
      return { page, context, complaints };
    },
    [Symbol.asyncDispose]: () => close.disposeAsync(),
  };
}

function openBot(slack: LocalSlack): App {
  const bot = new App({
    token: slack.settings.tokens.bot,
    appToken: slack.settings.tokens.app,
    socketMode: true,
    clientOptions: { slackApiUrl: slack.apiUrl },
    convoStore: false,
    logLevel: LogLevel.ERROR,
  });
  return bot;
}

/** Answers the commands of the manifest with one message of each kind that the page must show. */
function registerCommands(bot: App): void {
  bot.command('/batch', async ({ ack }) => ack(`Only for you: \`/batch_run\``));
  bot.command('/batch_run', async ({ ack, client, command }) => {
    await ack();
    const root = await client.chat.postMessage({
      channel: command.channel_id,
      text: `running ${command.text}`,
      blocks: formatRoot(command.text, command.user_id, '0 of 3 done', true),
    });
    const thread_ts = root.ts ?? '';
    for (const host of ['web1', 'web2']) {
      await client.chat.postMessage({
        channel: command.channel_id,
        thread_ts,
        text: `${host} ok`,
        blocks: formatResult(host, host === 'web1' ? DF : HOSTILE),
      });
    }
    await client.chat.update({
      channel: command.channel_id,
      ts: thread_ts,
      text: 'edited',
      blocks: formatRoot(command.text, command.user_id, '2 of 3 done', true),
    });
    await client.chat.postMessage({
      channel: AUDIT,
      text: `<@${command.user_id}> ran \`${command.text}\` in <#${OPS}>`,
    });
  });
  bot.command('/batch_scp', async ({ ack, client, command }) => {
    await ack();
    const root = await client.chat.postMessage({ channel: command.channel_id, text: 'copying :package:' });
    await client.files.uploadV2({
      channel_id: command.channel_id,
      thread_ts: root.ts ?? '',
      filename: 'web1-app.log',
      content: 'line one\nline two\n',
    });
  });
  bot.action<BlockAction<ButtonAction>>('cancel', async ({ ack, client, body }) => {
    await ack();
    await client.chat.update({
      channel: OPS,
      ts: body.message?.ts ?? '',
      text: 'cancelled',
      blocks: formatRoot('-cmd "sleep 60"', body.user.id, 'Cancelled', false),
    });
  });
}

const DF = `Filesystem      Size  Used Avail Use% Mounted on
/dev/vda1        50G   23G   25G  49% /
tmpfs           3.9G     0  3.9G   0% /dev/shm
/dev/mapper/a-very-long-volume-name-that-makes-the-line-wide   2.0T  1.1T  0.9T  55% /var/lib/a-very-long-mount-point`;

function formatRoot(command: string, user: string, state: string, isRunning: boolean) {
  return [
    {
      type: 'section' as const,
      text: {
        type: 'mrkdwn' as const,
        text: `:hourglass_flowing_sand: *${state}* on 3 hosts: \`${command}\``,
        verbatim: true,
      },
    },
    {
      type: 'context' as const,
      elements: [
        { type: 'mrkdwn' as const, text: `<@${user}>`, verbatim: true },
        { type: 'mrkdwn' as const, text: '`r-7k3f`', verbatim: true },
      ],
    },
    ...(isRunning
      ? [
          {
            type: 'actions' as const,
            elements: [
              {
                type: 'button' as const,
                action_id: 'cancel',
                style: 'danger' as const,
                text: { type: 'plain_text' as const, text: 'Cancel' },
                confirm: {
                  title: { type: 'plain_text' as const, text: 'Cancel this run?' },
                  text: { type: 'plain_text' as const, text: 'What runs is stopped; what waits is skipped.' },
                  confirm: { type: 'plain_text' as const, text: 'Stop it' },
                  deny: { type: 'plain_text' as const, text: 'Let it run' },
                },
              },
            ],
          },
        ]
      : []),
  ];
}

function formatResult(host: string, output: string) {
  return [
    {
      type: 'section' as const,
      text: {
        type: 'mrkdwn' as const,
        text: `:white_check_mark: *${host}* ok, exit 0, 0.2 s`,
        verbatim: true,
      },
    },
    {
      type: 'rich_text' as const,
      elements: [
        {
          type: 'rich_text_preformatted' as const,
          elements: [{ type: 'text' as const, text: output }],
        },
      ],
    },
  ];
}
