import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { ADA, BOB, OPS, openStage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

/** Ada may all; Bob the same on h1 only. */
const RULES = `
[ada]
users = ${ADA}
channels = *
hosts = all
actions = run, put, get
commands = *
paths = *
[bob]
users = ${BOB}
channels = *
hosts = h1
actions = run, put, get
commands = *
paths = *
`;

describe.skipIf(!HAS_SSHD)('the transfer folder, through the real bot', () => {
  test("carries no host's file to who may not fetch it there, and lets nobody replace another's", async () => {
    await using stage = await openStage({ allowlist: RULES });
    const { slack, home } = stage;
    await writeFile(home.path('shadow'), 'root:secret-hash\n');
    const copy = async (user: string, text: string): Promise<string> => {
      const before = slack.messages(OPS).length;
      const outcome = await slack.command({ user, channel: OPS, command: '/batch_scp', text });
      return await slack.waitFor(() => {
        const [answer] = outcome.answers();
        if (answer !== undefined) return shown(answer);
        const root = slack.messages(OPS)[before];
        if (root === undefined || !/ of \d+ in /.test(root.text)) return undefined;
        const thread = slack.thread(OPS, root.ts);
        return thread.length > 0 && [shown(root), ...thread.map(shown)].join('\n');
      }, 20_000);
    };

    expect(await copy(ADA, `-h h1,h2 -action get ${home.path('shadow')} took`)).toMatch(/2 ok of 2/);
    const there = home.path('there');
    const carried = await copy(BOB, `-h h1 -action put took/h2/shadow ${there}`);
    expect(carried).toMatch(/fetched from a host and path of which no rule of yours allows a get here/);
    const preview = await copy(BOB, `-h h1 -n -action put took/h2/shadow ${there}`);
    expect(preview).toMatch(/Refused: This file was fetched from a host and path/);
    expect(existsSync(there)).toBe(false);

    // What was fetched from his own host he may send, but not replace: somebody else sends from there.
    const replaced = await copy(BOB, `-h h1 -action get ${home.path('shadow')} took`);
    expect(replaced).toMatch(new RegExp(`took/h1/shadow is not yours to replace: ${ADA} fetched it from h1`));
    expect(await copy(BOB, `-h h1 -action put took/h1/shadow ${there}`)).toMatch(/1 ok of 1/);
    expect(await readFile(there, 'utf8')).toBe('root:secret-hash\n');
    // Her own she may replace, and what an administrator placed is anybody's to send.
    expect(await copy(ADA, `-h h1 -action get ${home.path('shadow')} took`)).toMatch(/1 ok of 1/);
    await writeFile(home.path('data/transfers/placed'), 'by hand\n');
    expect(await copy(BOB, `-h h1 -action put placed ${there}`)).toMatch(/1 ok of 1/);
  }, 90_000);
});
