import { expect, test } from 'vitest';
import { ADA, AUDIT, BOB, EVERYTHING, makeHome, OPS, openTeamSlack, shown, startBot } from '../rigs/bot.ts';

const SECRET = 'swordfish';

test('nobody learns from an answer to their own words whether what they typed is a secret', async () => {
  await using slack = await openTeamSlack();
  await using home = await makeHome({
    'inventory.ini': `[h1]\nip = 127.0.0.1\nport = 9\nuser = ops\npassword = ${SECRET}\n`,
    'allowlist.ini': EVERYTHING,
  });
  await using bot = await startBot(home, slack);
  const token = slack.settings.tokens.bot;
  const say = async (user: string, text: string, command = '/batch_run'): Promise<string> => {
    const outcome = await slack.command({ user, channel: OPS, command, text });
    return shown(await slack.waitFor(() => outcome.answers()[0]));
  };

  // A stranger's words are not said back, so a guess looks like any other word.
  for (const word of [SECRET, token, 'anything']) {
    for (const text of [`-h ${word} -cmd id`, `-${word}`, word]) {
      expect(await say(BOB, text)).not.toMatch(/\[secret\]|swordfish|xoxb|anything/);
    }
  }
  // One of ours gets them back as they are, a guess like any other word.
  expect(await say(ADA, `-h ${SECRET} -cmd id`)).toMatch(/There is no host "swordfish"[\s\S]*-h swordfish/);
  expect(await say(ADA, `-h h1 -n -cmd "echo ${SECRET} ${token}"`)).toContain(`echo ${SECRET} ${token}`);
  expect(await say(ADA, SECRET, '/batch')).toMatch(/does not know .*swordfish/);

  // The form's fields are words of theirs as well.
  await slack.command({ user: ADA, channel: OPS, command: '/batch_run', text: '' });
  const form = await slack.waitFor(() => slack.views(ADA).at(-1));
  const fields = { terms: SECRET, command: 'id', channel: OPS };
  const { errors } = await slack.submit({ user: ADA, viewId: form.id, values: fields });
  expect(errors).toMatchObject({ terms: expect.stringMatching(/no host "swordfish"/) });

  // What others read has none of it.
  const audit = await slack.waitFor(() => slack.messages(AUDIT).length >= 5 && slack.messages(AUDIT));
  expect(audit.map(shown).join('\n')).not.toMatch(/swordfish|xoxb/);
  await slack.command({
    user: ADA,
    channel: OPS,
    command: '/batch_run',
    text: `-h h1 -cmd "echo ${SECRET}"`,
  });
  const root = await slack.waitFor(() => slack.messages(OPS)[0]);
  expect(shown(root)).toMatch(/echo \[secret\]/);
  expect(bot.output()).not.toMatch(/swordfish|xoxb/);
}, 60_000);
