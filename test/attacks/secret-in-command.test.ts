import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { ADA, ada, finished, type Home, OPS, openStage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const PASSWORD = 'Wh1te-Rabbit!77';
const VAULT = `\n[vault]\nip = 127.0.1.1\nenable = False\npassword = ${PASSWORD}\n`;

/** Which files below `data/` hold the password. */
function filesWithPassword(home: Home): readonly string[] {
  const names = readdirSync(home.path('data'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => {
    const path = join(home.path('data'), name);
    return statSync(path).isFile() && readFileSync(path).includes(PASSWORD);
  });
}

test.skipIf(!HAS_SSHD)(
  'a password of the inventory typed in a command is on the disk only while it may have to run, however it came',
  async () => {
    await using stage = await openStage({ inventory: VAULT });
    const { slack, home } = stage;
    const secret = `printf %s '${PASSWORD}' | wc -c`;

    // Asked, and not run: a preview, a refusal, a form that was looked at.
    await slack.command(ada(`-h h1 -n -cmd "${secret}"`));
    const refused = await slack.command(ada(`-h nowhere -cmd "${secret}"`));
    await slack.waitFor(() => refused.answers()[0]);
    await slack.command(ada(''));
    const form = await slack.waitFor(() => slack.views(ADA).at(-1));
    const fields = { channel: OPS, terms: 'h1', command: secret };
    expect((await slack.submit({ user: ADA, viewId: form.id, values: fields })).errors).toEqual({});
    expect(slack.views(ADA).at(-1)?.view.submit).toMatchObject({ text: 'Run on 1 host' });
    expect(filesWithPassword(home)).toEqual([]);

    // Run: it works as typed, and then it is gone.
    await slack.command(ada(`-g web -cmd "${secret}; until test -e ${home.path('go')}; do sleep 0.1; done"`));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /3 running/.test(text)), 20_000);
    expect(filesWithPassword(home)).not.toEqual([]);
    writeFileSync(home.path('go'), '');
    const root = await finished(slack);
    await slack.waitFor(() => filesWithPassword(home).length === 0, 10_000);
    const thread = slack.thread(OPS, root.ts);
    expect(shown(thread)).toMatch(String(PASSWORD.length));
    expect(JSON.stringify([root, ...thread])).not.toContain(PASSWORD);

    // Again is not possible, and says so.
    const id = /r-\w{4}/.exec(root.text)?.[0] ?? '';
    const retry = await slack.command(ada(`retry ${id} all`, '/batch'));
    expect(shown(await slack.waitFor(() => retry.answers()[0]))).toMatch(
      new RegExp(`What ${id} was asked to do holds a secret, which was not kept.*Type it again`, 's'),
    );
    expect((await openAuditTrail(`file:${home.path('data/batchops.db')}`).verify()).faults).toEqual([]);
    await stage.bot.stop();
    expect(filesWithPassword(home)).toEqual([]);
  },
  90_000,
);
