import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { READ_ENTITIES_ACTION, READ_RAW_ACTION, RUN_LATE_ACTION } from '../../src/report/doubts.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import type { LocalSlackOptions } from '../../src/sandbox/slack/options.ts';
import {
  ADA,
  ada,
  type Bot,
  EVERYTHING,
  finished,
  type Home,
  inventoryOf,
  makeHome,
  OPS,
  openTeamSlack,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { startSshd } from '../rigs/sshd.ts';

interface Scene extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly home: Home;
  readonly bot: Bot;
}

/** One host on a real sshd, and the bot in either mode. */
async function openScene(mode: 'socket' | 'http', options: Partial<LocalSlackOptions> = {}): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const slack = stack.use(await openTeamSlack({ mode, ...options }));
  const sshd = stack.use(await startSshd({ addresses: ['127.0.1.1'] }));
  const home = stack.use(await makeHome({ key: `${sshd.key.private.trimEnd()}\n` }));
  await writeFile(home.path('inventory.ini'), inventoryOf(sshd, ['127.0.1.1'], home.path('key')));
  await writeFile(home.path('allowlist.ini'), EVERYTHING);
  const overHttp = { SLACK_APP_TOKEN: '', SLACK_SIGNING_SECRET: slack.settings.signingSecret, PORT: '0' };
  const bot = stack.use(
    await startBot(home, slack, { BATCHOPS_SLASH_TEXT: 'auto', ...(mode === 'http' ? overHttp : {}) }),
  );
  if (mode === 'http') {
    const port = /"port":(\d+)/.exec(bot.output())?.[1];
    slack.setRequestUrl(`http://127.0.0.1:${port}/slack/events`);
  }
  return { slack, home, bot, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const privately = (slack: LocalSlack, pattern: RegExp) =>
  slack.waitFor(() => slack.ephemerals(ADA).findLast((message) => pattern.test(shown(message))), 15_000);

const roots = (slack: LocalSlack) => slack.messages(OPS).filter(({ isFromApp }) => isFromApp);

const press = (slack: LocalSlack, ts: string, actionId: string) =>
  slack.click({ user: ADA, channel: OPS, ts, actionId });

describe.each([
  ['raw', 'socket', READ_RAW_ACTION],
  ['entities', 'http', READ_ENTITIES_ACTION],
] as const)('where Slack sends text %s, over %s', (slashText, mode, meant) => {
  test('what reaches the shell is what was typed, once its reading is known', async () => {
    await using scene = await openScene(mode, { slashText });
    const { slack, home } = scene;
    const file = home.path('out');
    const typed = (text: string) => ada(`-h h1 -cmd "echo '${text}' > ${file} && cat ${file}"`);

    await slack.command(typed('a &lt; b'));
    const question = await privately(slack, /Which of these did you type/);
    expect(shown(question)).toContain(`echo '${slashText === 'raw' ? 'a &lt; b' : 'a &amp;lt; b'}'`);
    expect(roots(slack)).toEqual([]);
    await press(slack, question.ts, meant);
    await finished(slack);
    expect(await readFile(file, 'utf8')).toBe('a &lt; b\n');

    // From now on nobody is asked; pressed again, the button does nothing.
    await press(slack, question.ts, READ_RAW_ACTION);
    await privately(slack, /has begun r-\w+ already: nothing more was run/);
    await slack.command(typed('&amp; <c> &'));
    await finished(slack, 2);
    expect(await readFile(file, 'utf8')).toBe('&amp; <c> &\n');
    await slack.command(ada('help', '/batch'));
    await privately(slack, /Text of commands: [^:]*, as somebody here answered/);
    expect(scene.bot.output()).toMatch(/from now on text from Slack is read so/);
    expect(roots(slack)).toHaveLength(2);
    expect(slack.violations).toEqual([]);
  }, 60_000);

  test('what is typed into the form is asked about apart, and runs as it was typed', async () => {
    await using scene = await openScene(mode, { slashText, formText: slashText });
    const { slack, home } = scene;
    const file = home.path('out');
    const send = async (command: string) => {
      await slack.command(ada(''));
      const form = await slack.waitFor(() => slack.views(ADA).at(-1));
      const values = { terms: 'h1', command };
      await slack.submit({ user: ADA, viewId: form.id, values });
      return form;
    };
    await send(`echo 'a &lt; b' > ${file}`);
    expect(slack.views(ADA)).toEqual([]);
    const question = await privately(slack, /Which of these did you type/);
    expect(shown(question)).toMatch(/\/batch_run -h h1 [\s\S]*on 1 host: h1[\s\S]*on 1 host: h1/);
    expect(roots(slack)).toEqual([]);
    await press(slack, question.ts, meant);
    await finished(slack);
    expect(await readFile(file, 'utf8')).toBe('a &lt; b\n');
    // Pressed again it tells the truth: it was run, and not again.
    await press(slack, question.ts, READ_RAW_ACTION);
    await privately(slack, /has begun r-\w+ already: nothing more was run/);

    // The next form is shown as it was typed, and runs so.
    const form = await send(`echo '&amp; <c> &' > ${file}`);
    const preview = await slack.waitFor(() => slack.views(ADA).at(-1));
    expect(shown(preview.view)).toContain(`echo '&amp; <c> &' > ${file}`);
    await slack.submit({ user: ADA, viewId: form.id });
    await finished(slack, 2);
    expect(await readFile(file, 'utf8')).toBe('&amp; <c> &\n');

    // Of commands nothing is known by that.
    await slack.command(ada('help', '/batch'));
    const help = await privately(slack, /Text of forms: [^:]*, as somebody here answered/);
    expect(shown(help)).toMatch(/Text of commands: the first that holds/);
    expect(roots(slack)).toHaveLength(2);
    expect(slack.violations).toEqual([]);
  }, 60_000);
});

describe.each(['socket', 'http'] as const)('a command that Slack says has failed, over %s', (mode) => {
  test('does not run when the bot gets to it, before its person says so; then once', async () => {
    await using scene = await openScene(mode);
    const { slack, bot } = scene;
    // It stands still for longer than Slack waits: the command is in its buffers, and comes once more.
    bot.process.kill('SIGSTOP');
    const outcome = await slack.command(ada('-h h1 -cmd "echo one"'));
    expect(outcome).toMatchObject({ ok: false, error: 'operation_timeout' });
    bot.process.kill('SIGCONT');
    const question = await privately(slack, /reached Batchops late/);
    expect(shown(question)).toContain('echo one');
    // Whatever came with it was taken up before this one.
    await slack.command(ada('hosts', '/batch'));
    await privately(slack, /1 host/);
    expect(roots(slack)).toEqual([]);
    expect(slack.ephemerals(ADA).filter((message) => /late/.test(shown(message)))).toHaveLength(1);
    // In the moment after it stood still, a click is taken for a late one, too: nobody reads so fast.
    await vi.waitFor(
      async () => {
        await press(slack, question.ts, RUN_LATE_ACTION);
        expect(roots(slack)).toHaveLength(1);
      },
      { timeout: 10_000, interval: 400 },
    );
    await finished(slack);
    await press(slack, question.ts, RUN_LATE_ACTION);
    await privately(slack, /has begun r-\w+ already: nothing more was run/);
    expect(roots(slack)).toHaveLength(1);
  }, 60_000);
});

test('a command that a ghost swallowed is asked about when Slack brings it again', async () => {
  await using scene = await openScene('socket');
  const { slack } = scene;
  slack.order({ kind: 'ghost', method: 'slash_commands', times: 1 });
  expect(await slack.command(ada('-h h1 -cmd "echo one"'))).toMatchObject({ error: 'operation_timeout' });
  const question = await privately(slack, /reached Batchops late/);
  expect(roots(slack)).toEqual([]);
  await press(slack, question.ts, RUN_LATE_ACTION);
  await finished(slack);
  expect(roots(slack)).toHaveLength(1);
}, 60_000);
