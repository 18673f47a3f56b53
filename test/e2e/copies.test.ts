import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ada, EVERYTHING, finished, OPS, openStage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

describe.skipIf(!HAS_SSHD)('copies, over a strict Slack and a real sshd', () => {
  test('puts a file on every host and fetches one from every host', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    await writeFile(home.path('data/transfers/hello.txt'), 'hello from ops\n');
    await slack.command(ada(`-h h1 -action put hello.txt ${home.path('there.txt')}`, '/batch_scp'));
    expect((await finished(slack)).text).toMatch(/1 ok of 1/);
    expect(await readFile(home.path('there.txt'), 'utf8')).toBe('hello from ops\n');

    await slack.command(ada(`-g web -action get ${home.path('there.txt')} fetched`, '/batch_scp'));
    const root = await finished(slack, 2);
    expect(root.text).toMatch(/3 ok of 3/);
    for (const host of ['h1', 'h2', 'h3']) {
      expect(await readFile(home.path('data/transfers/fetched', host, 'there.txt'), 'utf8')).toBe(
        'hello from ops\n',
      );
    }
    // Results that would wait for Slack's pace share a message.
    const files = await slack.waitFor(() => {
      const all = slack.thread(OPS, root.ts).flatMap((message) => message.files);
      return all.length === 3 && all;
    });
    expect(files).toHaveLength(3);
    const said = slack.thread(OPS, root.ts).map(shown).join('\n');
    for (const host of ['h1', 'h2', 'h3']) expect(said).toContain(`fetched/${host}/there.txt`);
    expect(slack.violations).toEqual([]);
  });

  test('follows no link on a host out of the paths of its rules', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'batchops-paths-'));
    await mkdir(join(folder, 'open'));
    await mkdir(join(folder, 'closed'));
    await symlink(join(folder, 'closed'), join(folder, 'open/link'));
    await using stage = await openStage({
      allowlist: EVERYTHING.replace('paths = /**', `paths = ${folder}/open/**`),
    });
    const { slack, home } = stage;
    await writeFile(home.path('data/transfers/hello.txt'), 'hello\n');
    await slack.command(ada(`-h h1 -action put hello.txt ${folder}/open/link/`, '/batch_scp'));
    expect((await finished(slack)).text).toMatch(/1 transfer failed of 1/);
    expect(await readdir(join(folder, 'closed'))).toEqual([]);
    await slack.command(ada(`-h h1 -action put hello.txt ${folder}/open/`, '/batch_scp'));
    expect((await finished(slack, 2)).text).toMatch(/1 ok of 1/);
    await rm(folder, { recursive: true });
  });

  test('repeats a put with the same file only', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const there = home.path('there', 'config');
    await writeFile(home.path('data/transfers/config'), 'one\n');
    await slack.command(ada(`-h h1 -action put config ${there}`, '/batch_scp'));
    const root = await finished(slack);
    expect(root.text).toMatch(/1 \w+ failed of 1/);
    const retry = ada(`retry ${/r-\w+/.exec(root.text)?.[0]}`, '/batch');

    await mkdir(home.path('there'));
    await writeFile(home.path('data/transfers/config'), 'two\n');
    const outcome = await slack.command(retry);
    const answer = await slack.waitFor(() => outcome.answers()[0]);
    expect(shown(answer)).toMatch(/config is not the file any more that r-\w+ sent/);
    expect(existsSync(there)).toBe(false);

    await writeFile(home.path('data/transfers/config'), 'one\n');
    await slack.command(retry);
    expect((await finished(slack, 2)).text).toMatch(/1 ok of 1/);
    expect(await readFile(there, 'utf8')).toBe('one\n');
  });
});
