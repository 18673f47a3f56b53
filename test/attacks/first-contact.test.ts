import { readFile, writeFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import { describe, expect, test } from 'vitest';
import type { KeyPair } from '../../src/sandbox/fleet/key-pair.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import { fingerprint } from '../../src/ssh/host-keys/known-hosts.ts';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import {
  ADA,
  ADDRESSES,
  AUDIT,
  ada,
  BOB,
  finished,
  makeHome,
  OPS,
  openStage,
  openTeamSlack,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { HAS_SSHD, makeKeyPair } from '../rigs/sshd.ts';

/** Ada may run on all and say which keys they have; Bob may only run. */
const RULES = `
[ada]
users = ${ADA}
channels = ${OPS}
hosts = all
actions = run, trust
commands = *
[bob]
users = ${BOB}
channels = *
hosts = all
actions = run
commands = *
`;

const TRUST = 'batchops_trust';
const ASK = { BATCHOPS_HOST_KEY_POLICY: 'ask' };
const words = (key: KeyPair) => key.public.split(' ').slice(0, 2).join(' ');

function printOf(key: KeyPair | undefined): string {
  const parsed = ssh2.utils.parseKey(key?.public ?? '');
  if (parsed instanceof Error) throw parsed;
  return fingerprint(parsed.getPublicSSH());
}

async function say(slack: LocalSlack, user: string, text: string): Promise<StoredMessage> {
  const outcome = await slack.command({ user, channel: OPS, command: '/batch', text });
  return await slack.waitFor(() => outcome.answers()[0], 60_000);
}

async function press(slack: LocalSlack, user: string, message: StoredMessage): Promise<string> {
  const outcome = await slack.click({ user, channel: OPS, ts: message.ts, actionId: TRUST });
  expect(outcome.error).toBe(null);
  return shown(await slack.waitFor(() => outcome.answers()[0], 60_000));
}

const hasButton = (message: StoredMessage) => JSON.stringify(message.blocks).includes(TRUST);

describe.skipIf(!HAS_SSHD)('a host that nobody has met, through the real bot', () => {
  test('gets nothing under ask until somebody with the right has said yes to what it shows', async () => {
    await using stage = await openStage({ allowlist: RULES, env: ASK });
    const { slack, sshd, home } = stage;
    const print = printOf(sshd.hostKeys[0]);
    await slack.command(ada('-h h1 -cmd id'));
    const root = await finished(slack);
    const reply = await slack.waitFor(() => slack.thread(OPS, root.ts)[0]);
    expect(shown(reply)).toMatch(/host key failed[\s\S]*nothing secret was sent[\s\S]*\/batch trust h1/);
    expect(shown(reply)).toContain(print);

    const no = await say(slack, BOB, 'trust h1');
    expect(shown(no)).toMatch(/You may not say here which keys are to be trusted of h1/);
    expect(hasButton(no)).toBe(false);

    const look = await say(slack, ADA, 'trust @web');
    expect(shown(look)).toContain('Host keys of 3 hosts: 3 new');
    expect(shown(look)).toContain(print);
    // Her button, put before somebody else.
    const leaked = slack.workspace.addMessage({
      channel: OPS,
      threadTs: null,
      user: ADA,
      isFromApp: true,
      text: 'leaked',
      blocks: look.blocks,
      files: [],
      metadata: null,
      onlyFor: null,
      ...{ mentions: [], links: [] },
    } as never);
    expect(await press(slack, BOB, leaked)).toMatch(/shown to somebody else. This click has written nothing/);
    await expect(readFile(home.path('data/known_hosts'))).rejects.toThrow('ENOENT');

    const [one, two] = await Promise.all([press(slack, ADA, look), press(slack, ADA, look)]);
    expect([one, two].filter((text) => text.startsWith('3 hosts known from now on'))).toHaveLength(1);
    expect([one, two].filter((text) => text.includes('already been pressed'))).toHaveLength(1);
    const lines = (await readFile(home.path('data/known_hosts'), 'utf8')).trimEnd().split('\n');
    expect(lines.toSorted()).toEqual(
      ADDRESSES.map((ip) => `[${ip}]:${sshd.port} ${words(sshd.hostKeys[0] as KeyPair)}`).toSorted(),
    );
    await slack.command(ada('-g web -cmd id'));
    expect((await finished(slack, 2)).text).toMatch(/3 ok of 3/);

    const line = await slack.waitFor(() =>
      slack.messages(AUDIT).find(({ text }) => text.includes('*trusted*')),
    );
    expect(shown(line)).toContain(print);
    const trail = openAuditTrail(`file:${home.path('data/batchops.db')}`);
    expect((await trail.verify()).faults).toEqual([]);
    const actions = [];
    for await (const { action, userId } of trail.entries()) actions.push(`${action} ${userId}`);
    expect(actions).toContain(`trusted ${ADA}`);
    expect(actions).toContain(`refused ${BOB}`);
  }, 180_000);

  test('tells its first key in its reply and in the audit under accept-new', async () => {
    await using stage = await openStage({ allowlist: RULES });
    const { slack, sshd, home } = stage;
    await slack.command(ada('-h h1 -cmd id'));
    const root = await finished(slack);
    const reply = await slack.waitFor(() => slack.thread(OPS, root.ts)[0]);
    const print = printOf(sshd.hostKeys[0]);
    expect(shown(reply)).toMatch(/first contact, its host key was not known before/);
    expect(shown(reply)).toContain(print);
    const told = [];
    for await (const { action, detail } of openAuditTrail(`file:${home.path('data/batchops.db')}`).entries())
      if (action === 'trusted') told.push(detail);
    const settled = await slack.waitFor(() =>
      slack.messages(AUDIT).find(({ text }) => text.includes('*settled*')),
    );
    expect(shown(settled)).toContain('1 host key not known before');
    expect(told).toMatchObject([{ keys: [{ host: 'h1', fingerprint: print, how: 'believed' }] }]);
  }, 120_000);
});

describe('a host that somebody stands in for, through the real bot', () => {
  test('gets no secret by being looked at, and no other key is written than the one that was shown', async () => {
    await using slack = await openTeamSlack();
    const old = makeKeyPair();
    await using first = await startSshServer();
    const port = first.port;
    const place = `[127.0.0.1]:${port}`;
    await using home = await makeHome({
      'inventory.ini': `[h1]\nip = 127.0.0.1\nport = ${port}\nuser = ops\npassword = right\n`,
      'allowlist.ini': RULES,
    });
    await writeFile(home.path('data/known_hosts'), `h1,${place} ${words(old)}\n`);
    await using bot = await startBot(home, slack);

    await slack.command(ada('-h h1 -cmd id'));
    const root = await finished(slack);
    const reply = await slack.waitFor(() => slack.thread(OPS, root.ts)[0]);
    expect(shown(reply)).toMatch(/host key changed: known SHA256:[\s\S]*\/batch trust h1/);
    const look = await say(slack, ADA, 'trust h1');
    expect(shown(look)).toContain('Host keys of 1 host: 1 changed');
    expect(shown(look)).toContain(printOf(old));
    expect(shown(look)).toContain(printOf(first.hostKeys[0]));
    const again = await say(slack, ADA, 'trust h1');
    expect(first.logins).toEqual([]);
    expect(await press(slack, ADA, look)).toMatch(
      /^1 host known from now on[\s\S]*Not trusted any more:\nh1 {2}SHA256:/,
    );
    expect(await readFile(home.path('data/known_hosts'), 'utf8')).toBe(
      `h1 ${words(old)}\n${place} ${words(first.hostKeys[0] as KeyPair)}\n`,
    );
    // What was shown before that yes is not what is known now.
    expect(await press(slack, ADA, again)).toMatch(
      /No host key was written[\s\S]*known already, by a key that it shows/,
    );
    expect(bot.output()).not.toMatch(/"level":(50|60)/);
  }, 120_000);

  test('of fifty hosts, of which some are silent, some are no SSH and one changes its key: each is told apart', async () => {
    await using slack = await openTeamSlack();
    let turns = 0;
    await using good = await startSshServer({}, '0.0.0.0');
    await using silent = await startSshServer({ onSocket: () => true }, '0.0.0.0');
    await using web = await startSshServer(
      {
        onSocket(socket) {
          socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
          return true;
        },
      },
      '0.0.0.0',
    );
    // Each time another machine answers.
    const backs = await Promise.all([startSshServer(), startSshServer()]);
    await using _one = backs[0];
    await using _two = backs[1];
    const { createServer, connect } = await import('node:net');
    const turning = createServer((socket) => {
      const back = connect(backs[turns++ % 2]?.port ?? 0);
      socket.on('error', () => back.destroy()).pipe(back);
      back.on('error', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => void turning.listen(0, '127.0.0.1', resolve));
    const turningPort = (turning.address() as { port: number }).port;
    const host = (name: string, ip: string, port: number) =>
      `[${name}]\nip = ${ip}\nport = ${port}\nuser = ops\npassword = right\n`;
    const inventory = [
      ...Array.from({ length: 45 }, (_, i) => host(`g${i + 1}`, `127.0.3.${i + 1}`, good.port)),
      ...Array.from({ length: 2 }, (_, i) => host(`s${i + 1}`, `127.0.4.${i + 1}`, silent.port)),
      ...Array.from({ length: 2 }, (_, i) => host(`w${i + 1}`, `127.0.5.${i + 1}`, web.port)),
      host('turning', '127.0.0.1', turningPort),
    ];
    await using home = await makeHome({ 'inventory.ini': inventory.join(''), 'allowlist.ini': RULES });
    await using bot = await startBot(home, slack, ASK);
    const look = await say(slack, ADA, 'trust all');
    const text = shown(look);
    expect(text).toContain('Host keys of 50 hosts: 46 new, 4 not seen');
    expect(text).toMatch(/w1: 127\.0\.5\.1:\d+ (hung up during its greeting|does not speak SSH)/);
    const answer = await press(slack, ADA, look);
    expect(answer).toMatch(
      /^45 hosts known from now on[\s\S]*Not written: turning: it does not show the same keys any more/,
    );
    const known = await readFile(home.path('data/known_hosts'), 'utf8');
    expect(known.trimEnd().split('\n')).toHaveLength(45);
    expect(known).not.toContain(String(turningPort));
    expect([good, ...backs].flatMap(({ logins }) => logins)).toEqual([]);
    expect(bot.output()).not.toMatch(/"level":(50|60)/);
    turning.close();
  }, 240_000);
});
