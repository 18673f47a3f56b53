import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import {
  ADA,
  ADDRESSES,
  AUDIT,
  ada,
  BOB,
  EVERYTHING,
  finished,
  inventoryOf,
  makeHome,
  OPS,
  openStage,
  openTeamSlack,
  SECRET,
  shown,
  spawnBot,
  startBot,
} from '../rigs/bot.ts';
import { HAS_SSHD, startSshd } from '../rigs/sshd.ts';

function replies(slack: LocalSlack, root: StoredMessage, count: number): Promise<readonly StoredMessage[]> {
  return slack.waitFor(() => {
    const thread = slack.thread(OPS, root.ts);
    return thread.length >= count && thread;
  }, 25_000);
}

describe.skipIf(!HAS_SSHD)('the real bot, over a strict Slack and a real sshd', () => {
  test.each(['raw', 'entities'] as const)(
    'runs a command and puts each result into the thread, the summary into the root message: text %s',
    async (slashText) => {
      await using stage = await openStage({ slack: { slashText } });
      const { slack } = stage;
      const outcome = await slack.command(ada('-g web -cmd "echo out-$((20+1)); echo err >&2; exit 3"'));
      expect(outcome).toMatchObject({ ok: true });

      const root = await finished(slack);
      expect(root.text).toMatch(/^r-\w{4}: 3 failed of 3 in /);
      const thread = await replies(slack, root, 3);
      expect(thread).toHaveLength(3);
      for (const host of ['h1', 'h2', 'h3']) {
        const reply = thread.map(shown).find((text) => text.includes(host));
        expect(reply).toContain('out-21');
        expect(reply).toContain('err');
        expect(reply).toMatch(/exit(ed)? (code )?3/);
      }
      await slack.waitFor(() =>
        /accepted[\s\S]*settled/.test(
          slack
            .messages(AUDIT)
            .map((line) => line.text)
            .join('\n'),
        ),
      );
      expect(slack.violations).toEqual([]);
      expect(stage.bot.output()).not.toMatch(/"level":(50|60)/);
    },
  );

  test('refuses a person whom no rule names: nothing in the channel, an answer for that person, an audit entry', async () => {
    await using stage = await openStage();
    const { slack } = stage;
    const outcome = await slack.command({
      user: BOB,
      channel: OPS,
      command: '/batch_run',
      text: '-g web -cmd "id"',
    });
    const answer = await slack.waitFor(() => outcome.answers()[0]);
    expect(answer.onlyFor).toBe(BOB);
    expect(shown(answer)).toMatch(/No rule of this bot names you/);
    expect(shown(answer)).not.toMatch(/h1|h2|web.*host/);
    await slack.waitFor(() => slack.messages(AUDIT).some((line) => /refused/.test(line.text)));
    expect(slack.messages(OPS)).toEqual([]);
  });

  test('runs nothing where it cannot post, and says to invite it', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const mark = home.path('mark');
    const outcome = await slack.command(ada(`-h h1 -cmd "touch ${mark}"`, '/batch_run', SECRET));
    const answer = await slack.waitFor(() => outcome.answers()[0]);
    expect(shown(answer)).toMatch(/\/invite @batchops/);
    await slack.waitFor(() => slack.messages(AUDIT).some((line) => /refused/.test(line.text)));
    expect(existsSync(mark)).toBe(false);
  });

  test('does the same over HTTP, with signed requests', async () => {
    await using slack = await openTeamSlack({ mode: 'http' });
    await using sshd = await startSshd({ addresses: ADDRESSES });
    await using home = await makeHome({
      key: `${sshd.key.private.trimEnd()}\n`,
      'allowlist.ini': EVERYTHING,
    });
    await writeFile(home.path('inventory.ini'), inventoryOf(sshd, ADDRESSES, home.path('key')));
    await using bot = await startBot(home, slack, {
      SLACK_APP_TOKEN: '',
      SLACK_SIGNING_SECRET: slack.settings.signingSecret,
      PORT: '0',
    });
    const port = /"port":(\d+)/.exec(bot.output())?.[1];
    slack.setRequestUrl(`http://127.0.0.1:${port}/slack/events`);
    await slack.command(ada('-g web -cmd "sleep 30"'));
    const root = await slack.waitFor(() => slack.messages(OPS)[0]);
    const click = await slack.click({ user: ADA, channel: OPS, ts: root.ts, actionId: 'batchops_cancel' });
    expect(click).toMatchObject({ ok: true });
    expect((await finished(slack)).text).toMatch(/3 (cancelled|skipped) of 3|\d cancelled, \d skipped of 3/);
    expect(await replies(slack, root, 3)).toHaveLength(3);
    expect(slack.violations).toEqual([]);
  });

  test('stops the remote process when Cancel is pressed', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const pidFile = home.path('pid');
    await slack.command(ada(`-h h1 -cmd "echo $$ > ${pidFile}; echo begun; sleep 60"`));
    const root = await slack.waitFor(() => slack.messages(OPS)[0]);
    await expect.poll(() => existsSync(pidFile), { timeout: 10_000 }).toBe(true);
    const click = await slack.click({ user: ADA, channel: OPS, ts: root.ts, actionId: 'batchops_cancel' });
    expect(click).toMatchObject({ ok: true });
    const end = await finished(slack);
    expect(end.text).toMatch(/1 cancelled of 1/);
    const [reply] = await replies(slack, root, 1);
    expect(reply && shown(reply)).toContain('begun');
    const pid = Number(await readFile(pidFile, 'utf8'));
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 10_000 }).toBe(false);
  });

  test('lets nobody cancel who may not', async () => {
    await using stage = await openStage();
    const { slack } = stage;
    await slack.command(ada('-h h1 -cmd "sleep 1; echo done"'));
    const root = await slack.waitFor(() => slack.messages(OPS)[0]);
    const click = await slack.click({ user: BOB, channel: OPS, ts: root.ts, actionId: 'batchops_cancel' });
    const answer = await slack.waitFor(() => click.answers()[0]);
    expect(answer.onlyFor).toBe(BOB);
    expect((await finished(slack)).text).toMatch(/1 ok of 1/);
  });

  test('lets no output ping, link or leave its block', async () => {
    await using stage = await openStage();
    const { slack } = stage;
    await slack.command(
      // As a host says it: typed, the mention would be Slack's, and refused.
      ada(
        String.raw`-h h1 -cmd "printf '\074!channel\076 @here \074https://evil.example|x\076 \140\140\140 *b*\n'; exit 1"`,
      ),
    );
    const root = await finished(slack);
    const [reply] = await replies(slack, root, 1);
    expect(reply && shown(reply)).toContain('<!channel>');
    expect(reply?.pings).toEqual([]);
    expect(reply?.links).toEqual([]);
    expect(slack.violations).toEqual([]);
  });

  test('delivered twice by Slack, runs once', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const log = home.path('log');
    const outcome = await slack.command(ada(`-h h1 -cmd "echo ran >> ${log}"`));
    await outcome.redeliver();
    await finished(slack);
    expect(await readFile(log, 'utf8')).toBe('ran\n');
    expect(slack.messages(OPS)).toHaveLength(1);
  });

  test('after kill -9 reports what ran as interrupted, goes on with what waited, and runs nothing twice', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    const log = home.path('log');
    // Fan-out 1: one host at a time, the others wait.
    await slack.command(ada(`-g web -c 1 -cmd "echo ran >> ${log}; sleep 3"`));
    await expect.poll(() => existsSync(log), { timeout: 10_000 }).toBe(true);
    await bot.stop('SIGKILL');

    await using again = await startBot(home, slack);
    const root = await finished(slack);
    expect(root.text).toMatch(/2 ok, 1 interrupted of 3/);
    const thread = await replies(slack, root, 3);
    expect(thread).toHaveLength(3);
    expect((await readFile(log, 'utf8')).split('\n').filter(Boolean)).toHaveLength(3);
    expect(slack.messages(OPS)).toHaveLength(1);
    expect(await again.stop()).toBe(0);
  });

  test('starts nothing of what waits where Slack cannot reach it', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    const log = home.path('log');
    await slack.command(ada(`-g web -c 1 -cmd "echo ran >> ${log}; sleep 4"`));
    await expect.poll(() => existsSync(log), { timeout: 10_000 }).toBe(true);
    await bot.stop('SIGKILL');

    await using deaf = spawnBot(home, slack, { SLACK_APP_TOKEN: 'xapp-wrong' });
    expect(await deaf.ended).toBe(78);
    expect(await readFile(log, 'utf8')).toBe('ran\n');

    await using again = await startBot(home, slack);
    expect((await finished(slack)).text).toMatch(/2 ok, 1 interrupted of 3/);
    expect(await again.stop()).toBe(0);
  });

  test('ends with 0 on SIGTERM, and its audit trail is whole', async () => {
    await using stage = await openStage();
    const { slack, bot, home } = stage;
    await slack.command(ada('-h h1 -cmd "true"'));
    await finished(slack);
    expect(await bot.stop()).toBe(0);
    const { execFileSync } = await import('node:child_process');
    const main = new URL('../../src/main.ts', import.meta.url).pathname;
    const run = (word: string) =>
      execFileSync(process.execPath, [main, 'audit', word], { cwd: home.folder, encoding: 'utf8' });
    expect(run('verify')).toMatch(/^\d+ entries, 0 faults; head \d+:[0-9a-f]{64}$/m);
    const entries = run('export')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map((entry) => entry.action)).toEqual([
      'started',
      'anchored',
      'accepted',
      // The host's first key.
      'trusted',
      'settled',
      'anchored',
    ]);
  });

  test.each([
    ['-h h11 -cmd "id"', /There is no host "h11"; did you mean h1\?/],
    ['-g wbe -cmd "id"', /There is no group "wbe"; did you mean web\?/],
    ['-h h1 -c 9999 -cmd "id"', /-c 9999 is more/],
  ])('refuses %s with the line of use', async (text, problem) => {
    await using stage = await openStage();
    const outcome = await stage.slack.command(ada(text));
    const answer = await stage.slack.waitFor(() => outcome.answers()[0]);
    expect(shown(answer)).toMatch(problem);
    expect(shown(answer)).toContain('/batch_run -h HOSTS -g GROUPS');
    expect(stage.slack.messages(OPS)).toEqual([]);
  });

  test('answers /batch can, hosts, runs and show', async () => {
    await using stage = await openStage();
    const { slack } = stage;
    await slack.command(ada('-h h1 -cmd "echo seen"'));
    const root = await finished(slack);
    const id = /r-\w+/.exec(root.text)?.[0] ?? '';
    for (const [text, expected] of [
      ['can', /oncall/],
      ['hosts', /h2/],
      ['runs', new RegExp(id)],
      [`show ${id}`, /ok/],
      [`show ${id} h1`, /seen/],
      ['help', /-cmd/],
      ['nonsense', /nonsense/],
    ] as const) {
      const outcome = await slack.command(ada(text, '/batch'));
      const answer = await slack.waitFor(() => outcome.answers()[0]);
      expect(answer.onlyFor, text).toBe(ADA);
      expect(shown(answer), text).toMatch(expected);
    }
    expect(slack.violations).toEqual([]);
  });
});

describe('a bot with wrong settings', () => {
  test('ends with 78 and names every problem by file and line, without a stack or a secret', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome({
      'inventory.ini': '[web1]\nip = 10.0.0.1\nuser = root\npassword = hunter2\nport = many\n',
      'allowlist.ini': '[oncall]\nusers = ada\nchannels = *\nhosts = all\nactions = run\ncommands = *\n',
    });
    await using bot = spawnBot(home, slack);
    expect(await bot.ended).toBe(78);
    expect(bot.output()).toMatch(/inventory\.ini:5: /);
    expect(bot.output()).not.toMatch(/hunter2|\n\s+at /);
  });
});
