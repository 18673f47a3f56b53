import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { CANCEL_ACTION, CONTINUE_ACTION } from '../../src/report/buttons.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import {
  ADA,
  ada,
  BOB,
  EVERYTHING,
  finished,
  type Home,
  OPS,
  openStage,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const EVE = 'U0EVE0001';
const PEOPLE = {
  users: [
    { id: ADA, name: 'ada' },
    { id: BOB, name: 'bob' },
    { id: EVE, name: 'eve' },
  ],
};
/** Eve may run what Ada runs, and stop nobody. */
const RULES = `${EVERYTHING}\n[eve]\nusers = ${EVE}\nchannels = ${OPS}\nhosts = all\nactions = run\ncommands = *\n`;

/** A line for each host that ran it, and when. */
const RAN = '-cmd "echo ran >> LOG; date +%s%N >> LOG.at"';
const typed = (home: Home, options: string): string =>
  `-g web ${options} ${RAN.replaceAll('LOG', home.path('log'))}`;
const lines = async (path: string): Promise<string[]> =>
  existsSync(path) ? (await readFile(path, 'utf8')).split('\n').filter(Boolean) : [];
const ran = async (home: Home): Promise<number> => (await lines(home.path('log'))).length;

const rootWith = (slack: LocalSlack, words: RegExp) =>
  slack.waitFor(
    () => slack.messages(OPS).find((message) => message.isFromApp && words.test(shown(message))),
    25_000,
  );

async function press(slack: LocalSlack, user: string, actionId: string, ts: string): Promise<string> {
  const click = await slack.click({ user, channel: OPS, ts, actionId });
  return shown(await slack.waitFor(() => click.answers()[0]));
}

describe.skipIf(!HAS_SSHD)('a rollout, by the real bot on real hosts', () => {
  test('its canary calls who asked, outlives a kill and a start, and goes on for nobody but who may say so', async () => {
    await using stage = await openStage({ allowlist: RULES, slack: PEOPLE });
    const { slack, home, bot } = stage;
    await slack.command(ada(typed(home, '-canary 1')));
    const root = await rootWith(slack, /The canary has ended: 1 ok\.\* 2 hosts wait for _Continue_/);
    expect(await ran(home)).toBe(1);
    const asking = await slack.waitFor(() =>
      slack.thread(OPS, root.ts).find((reply) => /2 hosts of r-\w+ wait for _Continue_/.test(shown(reply))),
    );
    expect(shown(asking)).toContain(`<@${ADA}>`);
    await bot.stop('SIGKILL');
    await using again = await startBot(home, slack);
    expect(await press(slack, BOB, CONTINUE_ACTION, root.ts)).toMatch(/No rule of this bot names you/);
    expect(await press(slack, EVE, CONTINUE_ACTION, asking.ts)).toMatch(/continues is not yours to say/);
    expect(await ran(home)).toBe(1);
    // At once: a moment later the root message has no such button any more.
    const both = await Promise.all([asking, root].map(({ ts }) => press(slack, ADA, CONTINUE_ACTION, ts)));
    expect(both.join('\n')).toMatch(/continues: 2 hosts/);
    expect(both.join('\n')).toMatch(/does not wait for Continue/);
    expect((await finished(slack)).text).toMatch(/3 ok of 3/);
    expect(await ran(home)).toBe(3);
    await slack.waitFor(() =>
      slack.thread(OPS, root.ts).some((reply) => /has ended, and it went on/.test(shown(reply))),
    );
    expect(slack.violations).toEqual([]);
    expect(await again.stop()).toBe(0);
  }, 90_000);

  test('batches wait between them, also where the bot is killed meanwhile', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    await slack.command(ada(typed(home, '-serial 1 -wait 3s')));
    await rootWith(slack, /Batch 1 of 3 has ended; batch 2 of 3 begins at/);
    await bot.stop('SIGKILL');
    await using again = await startBot(home, slack);
    expect((await finished(slack)).text).toMatch(/3 ok of 3/);
    const times = (await lines(home.path('log.at'))).map((ns) => Number(BigInt(ns) / 1_000_000n));
    expect(times).toHaveLength(3);
    const gaps = times.slice(1).map((at, n) => at - (times[n] ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(3_000);
    expect(slack.violations).toEqual([]);
    expect(await again.stop()).toBe(0);
  }, 90_000);

  test('too many failures stop it: the rest is skipped with the reason, and a retry rolls out as it did', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const mark = home.path('mended');
    await slack.command(ada(`-g web -c 1 -maxfail 0 -order reverse -cmd "test -e ${mark}"`));
    const root = await finished(slack);
    expect(root.text).toMatch(/1 failed, 2 skipped of 3/);
    const why = 'too many failures: 1 of 3 hosts did not end ok; none may (-maxfail 0)';
    expect(shown(root)).toContain(`*Stopped for ${why}.*`);
    const replies = () => slack.thread(OPS, root.ts).map(shown).join('\n');
    await slack.waitFor(() => /h2[\s\S]*skipped/.test(replies()) && replies());
    expect(replies()).toContain(why);
    expect(replies()).toMatch(/h3[\s\S]*exit 1/);
    await slack.click({ user: ADA, channel: OPS, ts: root.ts, actionId: 'batchops_retry' });
    const again = await finished(slack, 2);
    expect(again.text).toMatch(/1 failed, 2 skipped of 3/);
    expect(shown(again)).toContain('the last of the inventory first · none of 3 may fail');
    expect(slack.violations).toEqual([]);
  }, 90_000);

  test('a copy goes out in batches too, and is stopped behind its canary', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    await writeFile(home.path('data/transfers/site.conf'), 'new\n');
    const to = home.path('site.conf');
    await slack.command(ada(`-g web -canary 1 -action put site.conf ${to}`, '/batch_scp'));
    const root = await rootWith(slack, /The canary has ended: 1 ok/);
    expect(await readFile(to, 'utf8')).toBe('new\n');
    expect(await press(slack, ADA, CANCEL_ACTION, root.ts)).toMatch(/2 not started any more/);
    expect((await finished(slack)).text).toMatch(/1 ok, 2 skipped of 3/);
    await slack.waitFor(() =>
      slack.thread(OPS, root.ts).some((reply) => /it was stopped there by/.test(shown(reply))),
    );
  }, 90_000);

  test('a preview shows the batches, says that a run draws anew, and touches no host', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const preview = await slack.command(ada(typed(home, '-order random -canary 1 -serial 1 -n')));
    const text = shown(await slack.waitFor(() => preview.answers()[0]));
    expect(text).toMatch(/canary: h\d; then it waits for Continue\nbatch 1 of 2: h\d\nbatch 2 of 2: h\d/);
    expect(text).toContain('a run draws it anew');
    expect(await ran(home)).toBe(0);
  }, 60_000);
});
