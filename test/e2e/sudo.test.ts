import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  AUDIT,
  ada,
  EVERYTHING,
  finished,
  makeHome,
  OPS,
  openTeamSlack,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { CAN_ADD_USERS, HAS_SSHD, HAS_SUDO, startSshd } from '../rigs/sshd.ts';

const LOGIN = 'Login-pass-4711';
const SUDO = 'Sudo-pass-4712';

const RULE = EVERYTHING.replace('run, put', 'run, sudo, put');

test.skipIf(!HAS_SSHD || !CAN_ADD_USERS || !HAS_SUDO)(
  'as another user, through sudo: for whom a rule has the right, said in words, the password nowhere',
  async () => {
    await using slack = await openTeamSlack();
    await using sshd = await startSshd({
      accounts: [
        // Sudo asks for the password of the account that is run as.
        { password: LOGIN, sudoers: ['Defaults:NAME targetpw', 'NAME ALL=(ALL) ALL'] },
        { password: SUDO },
      ],
    });
    const [user = '', other = ''] = sshd.accounts;
    const host = `ip = 127.0.0.1\nport = ${sshd.port}\nuser = ${user}\npassword = ${LOGIN}\n`;
    await using home = await makeHome({
      'inventory.ini':
        `[right]\n${host}sudo_password = ${SUDO}\n[wrong]\n${host}sudo_password = login:\n` +
        `[none]\n${host}\n[raw]\n${host}shell = raw\n`,
      'allowlist.ini': `${RULE}[no-sudo]\nusers = U0BOB0001\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
    });
    await using bot = await startBot(home, slack, { BATCHOPS_LOG_LEVEL: 'trace' });
    const answerTo = async (command: Parameters<typeof slack.command>[0]) => {
      const outcome = await slack.command(command);
      return shown(await slack.waitFor(() => outcome.answers()[0]));
    };

    const refused = await answerTo({ ...ada(`-h right -sudo ${other} -cmd "id -un"`), user: 'U0BOB0001' });
    expect(refused).toContain('Rule [no-sudo] came nearest, but it does not have the right sudo.');
    expect(await answerTo(ada('-h right,raw -sudo -cmd id'))).toContain(
      'Nothing but the command itself is sent to raw (shell = raw in the inventory), so -sudo is not possible there.',
    );
    const preview = await answerTo(ada(`-h right -sudo ${other} -n -cmd "id -un"`));
    expect(preview).toContain(`as ${other} via sudo: id -un`);
    expect(slack.messages(OPS)).toEqual([]);

    await slack.command(ada(`-h right,wrong,none -sudo ${other} -cmd "id -un"`));
    const root = await finished(slack);
    expect(root.text).toMatch(/1 ok, 2 auth failed of 3/);
    expect(shown(root)).toContain(`as ${other} via sudo: id -un`);
    const thread = await slack.waitFor(() => {
      const said = slack.thread(OPS, root.ts).map(shown).join('\n');
      return said.includes('none') && said.includes('wrong') && said.includes(`${other}\n`) && said;
    });
    expect(thread).toContain('sudo refused the password that the inventory has for it; it was tried once');
    expect(thread).toContain(
      'sudo wants a password here, and the inventory has none for it (`sudo_password`)',
    );
    await slack.waitFor(() =>
      slack
        .messages(AUDIT)
        .some(({ text }) => text.includes('accepted') && text.includes(`as ${other} via sudo`)),
    );

    await slack.command(ada(`-h right -sudo ${other} -cmd "echo ${SUDO}; env | grep -c ${SUDO}"`));
    await finished(slack, 2);
    await bot.stop();
    const files = readdirSync(home.path('data'), { recursive: true, encoding: 'utf8' })
      .map((name) => join(home.path('data'), name))
      .filter((path) => statSync(path).isFile());
    expect(files.filter((path) => readFileSync(path).includes(SUDO))).toEqual([]);
    expect(bot.output()).not.toContain(SUDO);
    expect(
      JSON.stringify([slack.messages(OPS), slack.messages(AUDIT), slack.thread(OPS, root.ts)]),
    ).not.toContain(SUDO);
    expect(slack.violations).toEqual([]);
  },
  90_000,
);
