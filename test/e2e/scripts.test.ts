import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { AUDIT, ada, EVERYTHING, finished, OPS, openStage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const SCRIPT = '#!/bin/sh -e\necho "$1 on $2: $STAGE $(cat)"\n';
const sha256 = createHash('sha256').update(SCRIPT).digest('hex');

async function running(word: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.split('\0').includes(word)).length;
}

describe.skipIf(!HAS_SSHD)('the real bot', () => {
  test('runs a script with input and variables, each host’s own values in them, as the preview showed it', async () => {
    await using stage = await openStage({
      allowlist: `${EVERYTHING}[narrow]\nusers = U0BOB0001\nchannels = *\nhosts = all\nactions = run\ncommands = df **\n`,
    });
    const { slack, home } = stage;
    await writeFile(home.path('data/transfers/hello.sh'), SCRIPT);
    await writeFile(home.path('data/transfers/input'), 'from input');
    const answerTo = async (command: Parameters<typeof slack.command>[0]) => {
      const outcome = await slack.command(command);
      return shown(await slack.waitFor(() => outcome.answers()[0]));
    };
    const line = '-g web -script hello.sh -stdin input -env "STAGE=test {n}" -- "{host} it\'s" {ip}';
    const preview = await answerTo(ada(line.replace('-g web', '-g web -n')));
    expect(preview).toContain(
      "script hello.sh '{host} it'\\''s' {ip} · reading input · with STAGE='test {n}'",
    );
    expect(preview).toContain(`hello.sh: ${SCRIPT.length} bytes, SHA-256 ${sha256}`);
    expect(preview).toContain(
      "each host's own; on h1: script hello.sh 'h1 it'\\''s' 127.0.1.1 · reading input · with STAGE='test 1'",
    );
    expect(await answerTo({ ...ada('-h h1 -script hello.sh'), user: 'U0BOB0001' })).toContain(
      '-script takes commands = *',
    );
    await writeFile(home.path('data/transfers/windows.sh'), '#!/bin/sh\r\necho\r\n');
    expect(await answerTo(ada('-h h1 -script windows.sh'))).toContain(
      'windows.sh would not run: its lines end in CR LF.',
    );

    await slack.command(ada(line));
    const root = await finished(slack);
    expect(root.text).toMatch(/3 ok of 3/);
    expect(shown(root)).toContain(`SHA-256 ${sha256}`);
    const thread = await slack.waitFor(() => {
      const said = slack.thread(OPS, root.ts).map(shown).join('\n');
      return ['h1 it', 'h2 it', 'h3 it'].every((words) => said.includes(words)) && said;
    });
    for (const n of [1, 2, 3]) expect(thread).toContain(`h${n} it's on 127.0.1.${n}: test ${n} from input`);
    await slack.waitFor(() => slack.messages(AUDIT).some(({ text }) => text.includes('accepted')));

    // Again on one of them: its number is the one that it had.
    const id = /r-\w{4}/.exec(root.text)?.[0] ?? '';
    await slack.command(ada(`retry ${id} all`, '/batch'));
    const again = await finished(slack, 2);
    expect(again.text).toMatch(/3 ok of 3/);
    await writeFile(home.path('data/transfers/hello.sh'), `${SCRIPT}echo more\n`);
    expect(await answerTo(ada(`retry ${id} all`, '/batch'))).toContain(
      `hello.sh is not the file any more that ${id} sent.`,
    );
    expect(slack.violations).toEqual([]);
    expect(stage.bot.output()).not.toMatch(/"level":(50|60)/);
  }, 90_000);

  test('that is killed leaves nothing running on a host beyond the time limit', async () => {
    await using stage = await openStage();
    const { slack, bot } = stage;
    await slack.command(ada('-h h1 -t 2s -cmd "setsid sleep 8881 & sleep 8881"'));
    await vi.waitFor(async () => expect(await running('8881')).toBe(2), { timeout: 20_000 });
    bot.process.kill('SIGKILL');
    await bot.ended;
    expect(await running('8881')).toBe(2);
    await vi.waitFor(async () => expect(await running('8881')).toBe(0), { timeout: 40_000, interval: 200 });
  }, 90_000);
});
