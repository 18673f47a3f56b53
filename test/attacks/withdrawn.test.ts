import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import {
  ADDRESSES,
  AUDIT,
  ada,
  EVERYTHING,
  finished,
  inventoryOf,
  makeHome,
  OPS,
  openStage,
  openTeamSlack,
  type Stage,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const LONG = 60_000;
/** Keeps Slack from reading `:4:` as an emoji. */
const WORD_JOINER = '\u2060';

async function replace({ home }: Pick<Stage, 'home'>, name: string, text: string): Promise<void> {
  await writeFile(home.path('new'), text, { mode: 0o600 });
  await rename(home.path('new'), home.path(name));
}

/** The line of the audit channel that says this. */
const audited = ({ slack }: Pick<Stage, 'slack'>, what: RegExp) => {
  const lines = () => slack.messages(AUDIT).map(({ text }) => text.replaceAll(WORD_JOINER, ''));
  const found = slack.waitFor(() => lines().find((line) => what.test(line)), LONG);
  return found.catch((cause) => {
    throw new Error(`no line of these is ${what}:\n${lines().join('\n')}`, { cause });
  });
};

async function ask({ slack }: Pick<Stage, 'slack'>, text: string): Promise<string> {
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

test('no way to write the files keeps a right alive: gone, half, through a link; and no connection outlives what its host was', async () => {
  await using server = await startSshServer();
  await using other = await startSshServer();
  const odd = (more: string) => `[odd]\nip = 127.0.0.1\npassword = right\nshell = raw\nuser = ops\n${more}`;
  const inventory = (port: number): string =>
    `${odd(`port = ${port}\n`)}[same]\nip = 127.0.0.1\nport = ${other.port}\npassword = right\nshell = raw\nuser = ops\n`;
  await using slack = await openTeamSlack();
  await using home = await makeHome({ 'inventory.ini': inventory(server.port), 'allowlist.ini': EVERYTHING });
  await using bot = await startBot(home, slack);
  const stage = { slack, home, bot };
  await slack.command(ada('-h odd,same -cmd id'));
  const first = await finished(slack);
  expect(first.text).toMatch(/2 ok of 2/);
  expect([server.open(), other.open()]).toEqual([1, 1]);

  // The host is another one now: what led to the old one is closed, and nothing else.
  await replace(stage, 'inventory.ini', inventory(other.port));
  await audited(stage, /reloaded.*hosts: changed odd \(port\)/);
  await vi.waitFor(() => expect(server.open()).toBe(0), { timeout: 10_000 });
  expect(other.open()).toBe(1);
  await slack.command(ada('-h odd,same -cmd id'));
  expect((await finished(slack, 2)).text).toMatch(/2 ok of 2/);
  expect(server.dials()).toBe(1);

  // A file that is gone, or written by half, takes nothing away and gives nothing.
  await rm(home.path('allowlist.ini'));
  await audited(
    stage,
    /reload-failed.*last good version stays in force; allowlist\.ini: cannot be read \(ENOENT\)/,
  );
  const half = EVERYTHING.slice(0, EVERYTHING.indexOf('actions'));
  await writeFile(home.path('allowlist.ini'), half);
  await audited(stage, /reload-failed.*last good version stays in force; allowlist\.ini:2: /);
  expect(await ask(stage, '-h odd -n -cmd id')).toContain('Your rules allow this here');

  // As volumes are written: a link to a folder is turned, and the file itself is never touched.
  for (const [folder, text] of [
    ['one', EVERYTHING],
    ['two', EVERYTHING.replace('hosts = all', 'hosts = same')],
  ] as const) {
    await mkdir(home.path(folder));
    await writeFile(home.path(folder, 'allowlist.ini'), text);
  }
  await symlink('one', home.path('now'));
  await symlink('now/allowlist.ini', home.path('link'));
  await rename(home.path('link'), home.path('allowlist.ini'));
  await audited(stage, /reloaded.*read again; nothing changed/);
  await symlink('two', home.path('next'));
  await rename(home.path('next'), home.path('now'));
  await audited(stage, /reloaded.*rules: changed oncall \(hosts\)/);
  expect(await ask(stage, '-h odd -cmd id')).toMatch(/no rule of yours|There is no host/);
  // Nor by an older run.
  const id = /r-\w{4}/.exec(first.text)?.[0] ?? '';
  const outcome = await slack.command(ada(`retry ${id} all`, '/batch'));
  expect(shown(await slack.waitFor(() => outcome.answers()[0], LONG))).toMatch(/You may not run this here/);
  expect(await bot.stop()).toBe(0);
}, 90_000);
