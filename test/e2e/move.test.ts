import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ada, finished, MAIN, OPS, openStage, shown, spawnBot, startBot } from '../rigs/bot.ts';
import { HAS_POSTGRES, startPostgres } from '../rigs/postgres.ts';

test.skipIf(!HAS_POSTGRES && process.env.CI === undefined)(
  'a bot that was killed is moved to PostgreSQL and goes on there: each command begins once, in the thread that it had',
  async () => {
    await using server = await startPostgres(true);
    const url = await server.createDatabase();
    await using stage = await openStage();
    const { slack, sshd, home, bot } = stage;
    const [notes, go] = [`${sshd.folder}/begun`, `${sshd.folder}/go`];
    await writeFile(notes, '', { mode: 0o666 });
    const begun = (): string[] => readFileSync(notes, 'utf8').trim().split('\n').toSorted();
    const command = `echo "$SSH_CONNECTION" | cut -d" " -f3 >> ${notes}; while [ ! -e ${go} ]; do sleep 0.1; done; echo done`;
    await slack.command(ada(`-h h1,h2,h3 -c 1 -cmd "${command}"`));
    await slack.waitFor(() => begun().join() === '127.0.1.1');
    await bot.stop('SIGKILL');
    const env = { PATH: process.env.PATH, BATCHOPS_DATABASE_URL: url, BATCHOPS_AUDIT_CHANNEL: 'C0AUD0001' };
    const moved = spawnSync(process.execPath, [MAIN, 'migrate', 'sqlite-to-postgres', 'data/batchops.db'], {
      cwd: home.folder,
      env,
      encoding: 'utf8',
    });
    expect(moved.stdout).toContain('moved: postgres://');
    expect(moved.status).toBe(0);
    await writeFile(go, '');
    await using old = spawnBot(home, slack);
    expect(await old.ended).toBe(78);
    expect(old.output()).toContain('migrate -- undo');
    await using next = await startBot(home, slack, { BATCHOPS_DATABASE_URL: url });
    const root = await finished(slack);
    expect(shown(root.blocks)).toContain('2 ok, 1 interrupted of 3');
    expect(begun()).toEqual(['127.0.1.1', '127.0.1.2', '127.0.1.3']);
    const hostsIn = (): readonly string[] =>
      slack
        .thread(OPS, root.ts)
        .flatMap(({ text, ts }) => (ts === root.ts ? [] : (text.match(/\bh[123]\b/g) ?? [])));
    await slack.waitFor(() => hostsIn().length >= 3);
    expect(hostsIn().toSorted()).toEqual(['h1', 'h2', 'h3']);
    expect(
      slack.messages(OPS).filter(({ isFromApp, threadTs }) => isFromApp && threadTs === null),
    ).toHaveLength(1);
    await slack.waitFor(() => slack.messages('C0AUD0001').some(({ text }) => text.includes('*moved*')));
    expect(await next.stop()).toBe(0);
  },
  120_000,
);
