import { expect, test } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { CLEO, OPS as DESK, openDeskRig } from '../requests/rig.ts';
import {
  ADA,
  BOB,
  EVERYTHING,
  finished,
  makeHome,
  OPS,
  openTeamSlack,
  shown,
  startBot,
} from '../rigs/bot.ts';

/** Nobody answers on these hosts: what is asked is what is told of them. Bob has h1; h2, vault1 and [vault] are none of his. */
const INVENTORY = `
[DEFAULT]
port = 9
user = keeper
password = swordfish
[h1]
ip = 127.0.7.1
[h2]
ip = 127.0.7.2
[vault1]
ip = 127.0.7.3
enable = False
[web]
h1 = True
h2 = True
[vault]
vault1 = True
`;
const RULES = `${EVERYTHING}
[bob]
users = ${BOB}
channels = *
hosts = h1
actions = run, put, get
commands = *
paths = /**
`;
const OTHERS = /vault|h2|keeper|127\.0\.7\.[23]/;

async function ask(slack: LocalSlack, text: string, command = '/batch_run', user = BOB): Promise<string> {
  const outcome = await slack.command({ user, channel: OPS, command, text });
  return shown(await slack.waitFor(() => outcome.answers()[0]));
}

test('a host, group, pattern or address that is not yours is answered as one that does not exist, wherever it is asked', async () => {
  await using slack = await openTeamSlack();
  await using home = await makeHome({ 'inventory.ini': INVENTORY, 'allowlist.ini': RULES });
  await using bot = await startBot(home, slack);
  const tries: readonly (readonly [command: string, text: string])[] = [
    ...[
      'vault1',
      'h1,vault1',
      '@vault',
      'vault*',
      'vault[1-2]',
      'h1,!vault1',
      'vault',
      '127.0.7.3',
      'vaul',
    ].flatMap((terms): readonly (readonly [string, string])[] => [
      ['/batch_run', `-h ${terms} -cmd id`],
      ['/batch_run', `-h ${terms} -n -cmd id`],
      ['/batch_scp', `-h ${terms} -action put nothing /tmp/`],
      ['/batch_scp', `-h ${terms} -action get /etc/hostname here`],
      ['/batch', `hosts ${terms}`],
      ['/batch', `can ${terms}`],
    ]),
    ['/batch_run', '-g vault -cmd id'],
    ['/batch_run', '-g v* -cmd id'],
    ['/batch_run', '-h h1 -x vault1 -cmd id'],
    ['/batch_run', '-h h1 -x @vault -cmd id'],
    ['/batch', 'show r-0000 vault1'],
    ['/batch', 'retry vault1'],
  ];
  for (const [command, text] of tries) {
    const missing = text
      .replaceAll('vaul', 'naul')
      .replaceAll('v*', 'n*')
      .replaceAll('127.0.7.3', '127.0.7.9');
    const answers = [await ask(slack, text, command), await ask(slack, missing, command)];
    expect(
      answers[0]?.replaceAll('vaul', 'naul').replaceAll('v*', 'n*').replaceAll('127.0.7.3', '127.0.7.9'),
    ).toBe(answers[1]);
    expect(answers[1]).not.toMatch(OTHERS);
  }

  // The form, as it is looked at and as it is sent.
  await slack.command({ user: BOB, channel: OPS, command: '/batch_run', text: '' });
  const form = await slack.waitFor(() => slack.views(BOB).at(-1));
  const offer = (query: string) =>
    slack.suggest({ user: BOB, viewId: form.id, actionId: 'batchops_form_hosts', query });
  expect(JSON.stringify(await offer(''))).toContain('h1');
  for (const query of ['', 'v', 'vault1', '@vault', '@w', 'h'])
    expect(JSON.stringify(await offer(query))).not.toMatch(OTHERS);
  const send = async (terms: string) =>
    JSON.stringify(
      (await slack.submit({ user: BOB, viewId: form.id, values: { terms, command: 'id', channel: OPS } }))
        .errors,
    );
  expect((await send('vault1')).replaceAll('vault1', 'nault1')).toBe(await send('nault1'));
  expect(await send('@web')).not.toMatch(OTHERS);

  await slack.openHome({ user: BOB });
  const tab = shown(await slack.waitFor(() => slack.home(BOB)));
  expect(tab).toMatch(/1 host/);
  expect(tab).not.toMatch(OTHERS);
  expect(slack.messages(OPS)).toEqual([]);
  expect(bot.output()).not.toMatch(/"level":(50|60)/);
}, 120_000);

test('words that stand for more than is yours run nowhere: how many are yours is said, and nothing of the others', async () => {
  await using slack = await openTeamSlack();
  await using home = await makeHome({ 'inventory.ini': INVENTORY, 'allowlist.ini': RULES });
  await using _bot = await startBot(home, slack);
  for (const terms of ['-h all', '-g all', '-g web', '-h @web', '-h h*', '-h h?', '-g w*']) {
    for (const rest of ['-cmd id', '-n -cmd id']) {
      const answer = await ask(slack, `${terms} ${rest}`);
      const said = answer.replace(terms, '');
      expect(said).toMatch(/stands for hosts that no rule of yours is for; 1 of them is yours\./);
      expect(said).toMatch(/write -h h1 for what is yours/);
      expect(said).not.toMatch(OTHERS);
    }
  }
  expect(slack.messages(OPS)).toEqual([]);

  // What was said to be theirs can be sent as it was written.
  await slack.command({ user: BOB, channel: OPS, command: '/batch_run', text: '-h h1 -cmd id' });
  expect((await finished(slack)).text).toMatch(/1 unreachable of 1/);

  // Somebody else's run, which he can read here: he is told of its hosts there, and by no refusal of his own.
  await slack.command({ user: ADA, channel: OPS, command: '/batch_run', text: '-h h1,h2 -cmd id' });
  const theirs = /r-\w{4}/.exec((await finished(slack, 2)).text)?.[0];
  const again = await ask(slack, `retry ${theirs} all`, '/batch');
  expect(again).toMatch(
    /You may not run this here on 1 of the 2 hosts of r-\w{4}: no rule of yours is for it/,
  );
  expect(again).not.toMatch(OTHERS);
}, 120_000);

/** Cleo's only rule is for web01; web02, db01 and the group [db] are none of hers. */
test('who has rights on one host is told of no other in lists, and by no near name', async () => {
  await using rig = await openDeskRig();
  const tell = async (command: string, text: string): Promise<string> => {
    const call = { command, text, requester: CLEO, channelId: DESK, requestKey: `${command} ${text}` };
    return JSON.stringify(await rig.desk.command(call));
  };
  const others = /web02|db01|10\.0\.0\.[23]|root@10\.0\.0\.[23]/;
  for (const terms of ['', ' all', ' @web', ' @mixed', ' web*']) {
    const hosts = await tell('/batch', `hosts${terms}`);
    expect(hosts).toContain('web01');
    expect(hosts).not.toMatch(others);
    expect(await tell('/batch', `can${terms}`)).not.toMatch(others);
  }
  expect(await tell('/batch_run', '-h web0 -cmd uptime')).not.toMatch(others);
  expect(await tell('/batch_run', '-h db0 -cmd uptime')).not.toMatch(others);
});
