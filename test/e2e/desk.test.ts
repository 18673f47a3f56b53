import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import {
  ADA,
  AUDIT,
  ada,
  BOB,
  EVERYTHING,
  finished,
  OPS,
  openStage,
  SECRET,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

async function press(
  slack: LocalSlack,
  root: StoredMessage,
  actionId: string,
  more: { user?: string; values?: readonly string[] } = {},
): Promise<StoredMessage> {
  const click = await slack.click({ user: ADA, channel: OPS, ts: root.ts, actionId, ...more });
  expect(click).toMatchObject({ ok: true });
  return await slack.waitFor(() => click.answers()[0]);
}

const view = (slack: LocalSlack, user = ADA) => slack.waitFor(() => slack.views(user).at(-1));

describe.skipIf(!HAS_SSHD)('the buttons below a root message', () => {
  test('answer from the store to the one who clicked, also after a restart, and touch no host', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    const log = home.path('log');
    await slack.command(ada(`-g web -cmd "echo ran >> ${log}; echo said-$((40+2)); false"`));
    const root = await finished(slack);
    expect(await bot.stop()).toBe(0);
    await using again = await startBot(home, slack);

    const errors = await press(slack, root, 'batchops_errors');
    expect(errors.onlyFor).toBe(ADA);
    expect(shown(errors)).toMatch(/3 hosts not ok/);
    expect(shown(errors)).toMatch(/h\[1-3\] \(3\)/);

    const offered = await slack.suggest({
      user: ADA,
      channel: OPS,
      ts: root.ts,
      actionId: 'batchops_show_host',
      query: 'h2',
    });
    const [option] = offered.groups.flatMap((group) => group.options);
    expect(JSON.stringify(option)).toMatch(/h2 · failed, exit 1/);
    const host = await press(slack, root, 'batchops_show_host', { values: [String(option?.value)] });
    expect(host.onlyFor).toBe(ADA);
    expect(shown(host)).toMatch(/h2[\s\S]*said-42/);

    const pointer = await press(slack, root, 'batchops_log');
    expect(shown(pointer)).toMatch(/full log of r-\w{4} is being put into its thread/);
    const files = await slack.waitFor(() => {
      const found = slack.thread(OPS, root.ts).flatMap((message) => message.files);
      return found.length >= 2 && found;
    }, 15_000);
    expect(files).toHaveLength(2);
    const later = await press(slack, root, 'batchops_log');
    expect(shown(later)).toMatch(/is a file in its thread/);
    expect(slack.thread(OPS, root.ts).flatMap((message) => message.files)).toHaveLength(2);

    expect((await readFile(log, 'utf8')).trim().split('\n')).toHaveLength(3);
    expect(slack.messages(OPS)).toHaveLength(1);
    // After a restart the bot looks whether its message stands already, where it may (README, scopes).
    expect(slack.violations.filter(({ error }) => error !== 'missing_scope')).toEqual([]);
    expect(again.output()).not.toMatch(/"level":(50|60)/);
  });

  test('show nothing to who is in no rule', async () => {
    await using stage = await openStage();
    const { slack } = stage;
    await slack.command(ada('-h h1 -cmd "echo secret-thing; false"'));
    const root = await finished(slack);
    for (const actionId of ['batchops_errors', 'batchops_log', 'batchops_retry', 'batchops_again']) {
      const answer = await press(slack, root, actionId, { user: BOB });
      expect(answer.onlyFor).toBe(BOB);
      expect(shown(answer)).toMatch(/No rule of this bot names you/);
    }
    expect(slack.messages(OPS)).toHaveLength(1);
  });

  test('Retry failed runs once where it failed, however often it was clicked and delivered', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const log = home.path('log');
    await slack.command(
      ada(`-g web -cmd "echo $SSH_CONNECTION >> ${log}; case $SSH_CONNECTION in *127.0.1.2*) false;; esac"`),
    );
    const root = await finished(slack);
    expect(root.text).toMatch(/2 ok, 1 failed of 3/);

    const click = { user: ADA, channel: OPS, ts: root.ts, actionId: 'batchops_retry' };
    const [first, second] = await Promise.all([slack.click(click), slack.click(click)]);
    await first.redeliver();
    const again = await finished(slack, 2);
    expect(again.text).toMatch(/1 failed of 1/);
    await second.redeliver();
    const answers = await slack.waitFor(() => {
      const all = [...first.answers(), ...second.answers()];
      return all.length >= 3 && all;
    });
    expect(answers.map(shown).join('\n')).toMatch(/already begun r-\w{4}/);
    expect((await readFile(log, 'utf8')).trim().split('\n')).toHaveLength(4);
    expect(slack.messages(OPS)).toHaveLength(2);
    await slack.waitFor(() => slack.messages(AUDIT).some(({ text }) => /button batchops_retry/.test(text)));
  });

  test('Cancel one host stops that one; the others go on', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const gate = home.path('gate');
    await slack.command(ada(`-g web -cmd "until test -e ${gate}; do sleep 0.1; done"`));
    const root = await slack.waitFor(() => slack.messages(OPS)[0]);
    const ask = { user: ADA, channel: OPS, ts: root.ts, actionId: 'batchops_cancel_host' };
    const offered = await slack.suggest({ ...ask, query: 'h2' });
    const value = String(offered.groups.flatMap((group) => group.options)[0]?.value);
    const bob = await slack.suggest({ ...ask, user: BOB, query: '' });
    expect(bob.groups.flatMap((group) => group.options)).toEqual([]);
    const answer = await press(slack, root, 'batchops_cancel_host', { values: [value] });
    expect(shown(answer)).toMatch(/h2/);
    await writeFile(gate, '');
    expect((await finished(slack)).text).toMatch(/2 ok, 1 (cancelled|skipped) of 3/);
    expect(slack.violations).toEqual([]);
  });
});

describe.skipIf(!HAS_SSHD)('the form', () => {
  test('opens for a command without words, shows what it would do, and runs it once', async () => {
    // Where it comes as entities it is asked about first: slash-text.test.ts.
    await using stage = await openStage({ slack: { formText: 'raw' } });
    const { slack, home } = stage;
    const log = home.path('log');
    await slack.command(ada(''));
    const form = await view(slack);
    await slack.suggest({ user: ADA, viewId: form.id, actionId: 'batchops_form_hosts', query: '@w' });
    const values = {
      batchops_form_hosts: ['@web'],
      terms: '!h3',
      command: `echo "ran" >> ${log}`,
    };
    const preview = await slack.submit({ user: ADA, viewId: form.id, values });
    expect(preview.errors).toEqual({});
    const judged = await view(slack);
    expect(judged.view.submit).toMatchObject({ text: 'Run on 2 hosts' });
    expect(shown(judged.view)).toMatch(/h\[1-2\]/);
    expect(existsSync(log)).toBe(false);
    expect(slack.messages(OPS)).toHaveLength(0);

    // What was shown is not what is sent now: it is shown again, and not run.
    await slack.submit({ user: ADA, viewId: form.id, values: { terms: '!h2,!h3' } });
    expect((await view(slack)).view.submit).toMatchObject({ text: 'Run on 1 host' });
    expect(slack.messages(OPS)).toHaveLength(0);

    const sent = await slack.submit({ user: ADA, viewId: form.id });
    await sent.redeliver();
    expect((await finished(slack)).text).toMatch(/1 ok of 1/);
    expect(await readFile(log, 'utf8')).toBe('ran\n');
    expect(slack.views(ADA)).toHaveLength(0);
    expect(slack.messages(OPS)).toHaveLength(1);
    expect(slack.violations).toEqual([]);
    expect(stage.bot.output()).not.toMatch(/"level":(50|60)/);
  });

  test('says at the field what is wrong, by the rights in the channel that was chosen', async () => {
    await using stage = await openStage({ allowlist: EVERYTHING.replace(`${OPS}, ${SECRET}`, OPS) });
    const { slack } = stage;
    await slack.command(ada(''));
    const form = await view(slack);
    const submit = (values: Record<string, string | string[] | null>) =>
      slack.submit({ user: ADA, viewId: form.id, values });
    expect((await submit({ command: 'id' })).errors).toMatchObject({
      hosts: expect.stringMatching(/Choose hosts/),
    });
    const wrong = await submit({ terms: 'h9', fanout: 'many', limit: '5' });
    expect(wrong.errors).toMatchObject({
      fanout: expect.stringMatching(/not a number/),
      limit: expect.stringMatching(/not a duration/),
    });
    const unknown = await submit({ terms: 'h9', fanout: null, limit: null });
    expect(unknown.errors).toMatchObject({ terms: expect.stringMatching(/no host "h9"/) });
    const elsewhere = await submit({ terms: 'h1', channel: AUDIT });
    expect(elsewhere.errors).toMatchObject({ channel: expect.stringMatching(/other channels/) });
    const unseen = await submit({ terms: 'h1', channel: SECRET });
    expect(unseen.errors).toMatchObject({ channel: expect.stringMatching(/invite @batchops/) });
    await slack.waitFor(() => slack.messages(AUDIT).some((line) => /refused.*form/.test(line.text)));
    expect(slack.messages(OPS)).toHaveLength(0);
  });

  test('opens from the global shortcut for those whom a rule names, and for nobody else', async () => {
    await using stage = await openStage();
    const { slack } = stage;
    await slack.shortcut({ user: ADA, callbackId: 'batchops_run' });
    expect((await view(slack)).view.title).toMatchObject({ text: 'Run a command' });
    await slack.shortcut({ user: BOB, callbackId: 'batchops_run' });
    expect(shown((await view(slack, BOB)).view)).toMatch(/No rule of this bot names you/);
    expect(slack.violations).toEqual([]);
  });

  test("sends a message's file to the hosts", async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const message = slack.upload({
      user: ADA,
      channel: OPS,
      name: '../motd ä.txt',
      content: 'hello from slack\n',
    });
    await slack.messageShortcut({
      user: ADA,
      channel: OPS,
      ts: message.ts,
      callbackId: 'batchops_send_file',
    });
    const form = await view(slack);
    expect(shown(form.view)).toMatch(/motd/);
    const values = { terms: 'h1', remote: home.path('there.txt') };
    await slack.submit({ user: ADA, viewId: form.id, values });
    expect((await view(slack)).view.submit).toMatchObject({ text: 'Run on 1 host' });
    await slack.submit({ user: ADA, viewId: form.id });
    await slack.waitFor(() => slack.messages(OPS).some((one) => /1 ok of 1/.test(one.text)), 20_000);
    expect(await readFile(home.path('there.txt'), 'utf8')).toBe('hello from slack\n');
    expect(slack.violations).toEqual([]);
  });
});

describe.skipIf(!HAS_SSHD)("a file of the channel's, named in -local", () => {
  test("is sent: one's own newest of the name, and somebody else's by its id only", async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    for (const content of ['old\n', 'new\n'])
      slack.upload({ user: ADA, channel: OPS, name: 'motd.txt', content });
    const [bobs = ''] = slack.upload({ user: BOB, channel: OPS, name: 'motd.txt', content: 'evil\n' }).files;
    slack.upload({ user: BOB, channel: OPS, name: 'bob.txt', content: 'of Bob\n' });
    slack.upload({ user: ADA, channel: AUDIT, name: 'other.txt', content: 'not from here\n' });
    const there = home.path('there.txt');
    const put = (name: string, more = '') =>
      slack.command(ada(`-h h1 ${more} -action put slack:${name} ${there}`, '/batch_scp'));

    const missing = await put('modt.txt');
    expect(shown(await slack.waitFor(() => missing.answers()[0]))).toMatch(/did you mean slack:motd\.txt/i);
    const elsewhere = await put('other.txt');
    expect(shown(await slack.waitFor(() => elsewhere.answers()[0]))).toMatch(
      /You shared no file "other\.txt"/,
    );
    const preview = await put('motd.txt', '-n');
    const shownFirst = shown(await slack.waitFor(() => preview.answers()[0]));
    const sha = createHash('sha256').update('new\n').digest('hex');
    expect(shownFirst).toMatch(new RegExp(`4 bytes, SHA-256 ${sha}.*uploaded by ${ADA}`));
    expect(shownFirst).toMatch(/Your rules allow this here/);
    const others = await put('bob.txt');
    expect(shown(await slack.waitFor(() => others.answers()[0]))).toMatch(
      new RegExp(`The newest of that name is of ${BOB}: slack:F`),
    );

    await put('motd.txt');
    expect((await finished(slack)).text).toMatch(/1 ok of 1/);
    expect(await readFile(there, 'utf8')).toBe('new\n');
    const root = await finished(slack);
    expect(shown(root)).toContain(`SHA-256 ${sha}`);
    expect(shown(root)).toContain(`uploaded by <@${ADA}>`);
    await put(bobs);
    expect(shown(await finished(slack, 2))).toContain(`Slack's file ${bobs} · uploaded by <@${BOB}>`);
    expect(await readFile(there, 'utf8')).toBe('evil\n');
    expect(slack.violations).toEqual([]);
  });
});

describe.skipIf(!HAS_SSHD)('App Home', () => {
  test('shows the fleet, the runs with links, and rights; to strangers nothing', async () => {
    await using stage = await openStage();
    const { slack } = stage;
    await slack.command(ada('-h h1 -cmd "echo home"'));
    const root = await finished(slack);
    await slack.openHome({ user: ADA });
    const home = await slack.waitFor(() => slack.home(ADA));
    expect(shown(home.view)).toMatch(/3 hosts, 1 group/);
    expect(shown(home.view)).toMatch(/1 ok of 1/);
    expect(shown(home.view)).toContain(`/archives/${OPS}/p${root.ts.replace('.', '')}|thread>`);
    expect(shown(home.view)).toMatch(/run, put, get/);

    await slack.act({ user: ADA, viewId: home.id, actionId: 'batchops_home_run' });
    expect((await view(slack)).view.title).toMatchObject({ text: 'Run a command' });

    await slack.openHome({ user: BOB });
    const strange = await slack.waitFor(() => slack.home(BOB));
    expect(shown(strange.view)).toMatch(/No rule of this bot names you/);
    expect(shown(strange.view)).not.toMatch(/h1|r-\w{4}|echo/);
    expect(slack.violations).toEqual([]);
  });
});
