import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EVERYTHING, type Home, MAIN, makeHome, openTeamSlack, startBot } from '../rigs/bot.ts';

const FILES = {
  '.env': 'BATCHOPS_LOG_LEVEL=info\n',
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};

function check(
  home: Home,
  env: Readonly<Record<string, string>> = {},
): { code: number | null; lines: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'check-config'], {
    cwd: home.folder,
    env: { PATH: process.env.PATH, HOME: home.folder, ...env },
    encoding: 'utf8',
  });
  return { code: status, lines: `${stdout}${stderr}`.trimEnd().split('\n') };
}

describe('check-config', () => {
  test('needs no tokens, makes nothing, and ends with 0 where nothing is wrong', async () => {
    await using home = await makeHome(FILES);
    expect(check(home)).toEqual({ code: 0, lines: ['0 problems, 0 suspicions'] });
    expect(check(home, { BATCHOPS_TRANSFER_DIR: 'not/there', BATCHOPS_KNOWN_HOSTS: 'nor/this' }).code).toBe(
      0,
    );
    expect(existsSync(home.path('not'))).toBe(false);
  });

  test('names every problem of settings and files at once, with its line, and never a secret', async () => {
    await using home = await makeHome({
      ...FILES,
      'inventory.ini': '[h1]\nip = 127.0.0.1\nport = no\nuser = ops\npassword = hunter2hunter2\n',
      'allowlist.ini': EVERYTHING.replace('users', 'user'),
      known: 'no line of a known_hosts file\n',
    });
    const { code, lines } = check(home, { BATCHOPS_CONCURRENCY: 'many', BATCHOPS_KNOWN_HOSTS: 'known' });
    expect(code).toBe(78);
    const text = lines.join('\n');
    expect(text).toMatch(/^problem: BATCHOPS_CONCURRENCY: expected/m);
    expect(text).toMatch(/^problem: inventory\.ini:3: /m);
    expect(text).toMatch(/^problem: allowlist\.ini:3: unknown key/m);
    expect(text).toMatch(/^problem: known:1: /m);
    expect(text).not.toContain('hunter2');
  });

  test('tells the suspicions of the files themselves, which the bot says at start as well', async () => {
    await using home = await makeHome({
      ...FILES,
      'inventory.ini': `${FILES['inventory.ini']}  user = root\n`,
    });
    writeFileSync(home.path('allowlist.ini'), EVERYTHING.replace('commands = *', 'commands = df *'));
    const { code, lines } = check(home, { BATCHOPS_CONCURENCY: '7' });
    expect(code).toBe(0);
    expect(lines).toEqual([
      'is this meant? BATCHOPS_CONCURENCY: no such setting; is it misspelt?',
      expect.stringMatching(/^is this meant\? inventory\.ini:5: a line below "password" looks like/),
      expect.stringMatching(/^is this meant\? allowlist\.ini:7: commands: "df \*" covers no options/),
      '0 problems, 3 suspicions',
    ]);
    await using slack = await openTeamSlack();
    await using bot = await startBot(home, slack, { BATCHOPS_CONCURENCY: '7' });
    const said = bot
      .output()
      .split('\n')
      .filter((line) => line.includes('is this meant?'));
    expect(said.map((line) => JSON.parse(line).msg)).toEqual(lines.slice(0, 3));
  });
});
