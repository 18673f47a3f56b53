import { rename, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  ADDRESSES,
  AUDIT,
  ada,
  EVERYTHING,
  inventoryOf,
  OPS,
  openStage,
  type Stage,
  shown,
} from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const LONG = 60_000;
/** Keeps Slack from reading `:4:` as an emoji. */
const WORD_JOINER = '\u2060';

async function replace({ home }: Stage, name: string, text: string): Promise<void> {
  await writeFile(home.path('new'), text, { mode: 0o600 });
  await rename(home.path('new'), home.path(name));
}

/** The line of the audit channel that says this. */
const audited = ({ slack }: Stage, what: RegExp) =>
  slack.waitFor(
    () => slack.messages(AUDIT).find((message) => what.test(message.text.replaceAll(WORD_JOINER, ''))),
    LONG,
  );

async function ask({ slack }: Stage, text: string): Promise<string> {
  const outcome = await slack.command(ada(text));
  return shown(await slack.waitFor(() => outcome.answers()[0], LONG));
}

test.skipIf(!HAS_SSHD)(
  'a right that is withdrawn on disk is gone: what waits is skipped, what is asked next is refused',
  async () => {
    await using stage = await openStage();
    const { slack } = stage;
    await slack.command(ada('-g web -c 1 -cmd "sleep 600"'));
    const root = await slack.waitFor(() => slack.messages(OPS).find((message) => message.isFromApp), LONG);
    await slack.waitFor(
      () => /1 running/.test(shown(slack.messages(OPS).find(({ ts }) => ts === root.ts))),
      LONG,
    );
    await replace(
      stage,
      'allowlist.ini',
      EVERYTHING.replace('actions = run, put, get', 'actions = put, get'),
    );
    await audited(stage, /reloaded.*rules: changed oncall \(actions\)/);
    // The one that runs goes on; nobody had to wait for it.
    const replies = await slack.waitFor(() => {
      const all = slack.thread(OPS, root.ts).filter(({ text }) => /skipped/.test(text));
      return all.length === 2 && all;
    }, LONG);
    expect(replies.map((reply) => shown(reply)).join('\n')).toContain('no longer allowed');
    expect(await ask(stage, '-h h1 -cmd "true"')).toContain('does not have the action run');
  },
  120_000,
);

test.skipIf(!HAS_SSHD)(
  'a file that is wrong changes nothing and is said with its line; SIGHUP reads again, and new secrets are masked',
  async () => {
    await using stage = await openStage();
    const { slack, sshd, home, bot } = stage;
    await replace(stage, 'allowlist.ini', EVERYTHING.replace('channels', 'channel'));
    await audited(
      stage,
      /reload-failed.*the last good version stays in force; allowlist\.ini:2: .* allowlist\.ini:4: unknown key/,
    );
    const good = inventoryOf(sshd, ADDRESSES, home.path('key'));
    await replace(
      stage,
      'inventory.ini',
      `${good}\n[later]\nip = 127.0.1.1\nuser = ops\npassword = brand-new-pw\n`,
    );
    expect(await ask(stage, '-h later -n -cmd "true"')).toContain('later');

    await replace(stage, 'allowlist.ini', EVERYTHING);
    await audited(stage, /reloaded.*rules: changed oncall \(hosts\) · hosts: added later/);
    await slack.command(ada('-h h1 -cmd "echo a brand-new-pw b"'));
    const said = await slack.waitFor(() => {
      const root = slack.messages(OPS).find((message) => message.isFromApp);
      const reply = root && slack.thread(OPS, root.ts).find((message) => message.ts !== root.ts);
      return reply && shown(reply);
    }, LONG);
    expect(said).toContain('a [secret] b');

    bot.process.kill('SIGHUP');
    await audited(stage, /reloaded.*read again; nothing changed/);
    expect(bot.output()).not.toContain('brand-new-pw');
    expect(await bot.stop()).toBe(0);
  },
  120_000,
);
