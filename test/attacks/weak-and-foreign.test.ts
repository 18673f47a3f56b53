import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { get, request } from 'node:http';
import { connect } from 'node:net';
import type { Algorithms } from 'ssh2';
import { describe, expect, test } from 'vitest';
import { readOpening } from '../../src/ssh/login/offer.ts';
import {
  ada,
  type Bot,
  EVERYTHING,
  finished,
  makeHome,
  OPS,
  openTeamSlack,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { makeKeyPair } from '../rigs/sshd.ts';

/** Hosts that have nothing else, and what the bot has to say of each. */
const WEAK: Readonly<Record<string, { algorithms: Algorithms; said: RegExp }>> = {
  kex: {
    algorithms: { kex: ['diffie-hellman-group14-sha1'] },
    said: /diffie-hellman-group14-sha1 \(key exchange\)/,
  },
  hostkey: { algorithms: { serverHostKey: ['ssh-rsa'] }, said: /ssh-rsa \(host key\)/ },
  cipher: { algorithms: { cipher: ['aes128-cbc'] }, said: /aes128-cbc \(cipher\)/ },
  mac: { algorithms: { cipher: ['aes128-ctr'], hmac: ['hmac-sha1'] }, said: /hmac-sha1 \(MAC\)/ },
  packed: { algorithms: { compress: ['zlib@openssh.com'] }, said: /zlib@openssh\.com \(compression\)/ },
};
const OLD = /^ssh-rsa$|^ssh-dss|sha1|md5|cbc|3des|arcfour|zlib/;

const healthPort = (bot: Bot): number => Number(/"health":"127\.0\.0\.1:(\d+)"/.exec(bot.output())?.[1]);

describe('old algorithms, through the real bot', () => {
  test('are agreed to with no host but one that has `legacy = yes`, which its answer names', async () => {
    await using stack = new AsyncDisposableStack();
    const hostKeys = [makeKeyPair('rsa')];
    const opening = Promise.withResolvers<Buffer>();
    const listener = stack.use(
      await startSshServer({
        onSocket(socket) {
          const chunks: Buffer[] = [];
          socket.write('SSH-2.0-odd\r\n');
          socket.on('data', (chunk) => {
            chunks.push(chunk);
            if (readOpening(Buffer.concat(chunks)).offered.compression.length === 0) return;
            opening.resolve(Buffer.concat(chunks));
            socket.destroy();
          });
          return true;
        },
      }),
    );
    const sections = [`[listener]\nip = 127.0.0.1\nport = ${listener.port}\n`];
    for (const [name, { algorithms }] of Object.entries(WEAK)) {
      const server = stack.use(await startSshServer({ algorithms, hostKeys }));
      sections.push(`[${name}]\nip = 127.0.0.1\nport = ${server.port}\n`);
      sections.push(`[${name}-legacy]\nip = 127.0.0.1\nport = ${server.port}\nlegacy = yes\n`);
    }
    const slack = stack.use(await openTeamSlack());
    const home = stack.use(
      await makeHome({
        'inventory.ini': `[DEFAULT]\nuser = ops\npassword = right\nshell = raw\n${sections.join('')}`,
        'allowlist.ini': EVERYTHING,
      }),
    );
    stack.use(await startBot(home, slack));

    await slack.command(ada(`-h ${Object.keys(WEAK).join(',')} -cmd id`));
    const refused = await finished(slack);
    expect(refused.text).toMatch(/5 unreachable of 5/);
    const replies = await slack.waitFor(() => {
      const all = slack.thread(OPS, refused.ts).map(shown).join('\n');
      return all.includes('zlib') && all;
    }, 20_000);
    for (const { said } of Object.values(WEAK)) expect(replies).toMatch(said);
    expect(replies).toContain('legacy = yes');

    await slack.command(ada('-h *-legacy -cmd id'));
    expect((await finished(slack, 2)).text).toMatch(/5 ok of 5/);

    // What it says that it would agree to, as a host hears it.
    await slack.command(ada('-h listener -cmd id'));
    const offered = Object.values(readOpening(await opening.promise).offered).flat();
    expect(offered.length).toBeGreaterThan(8);
    expect(offered.filter((name) => OLD.test(name))).toEqual([]);
  }, 60_000);
});

describe('who is no Slack and no supervisor, at the real bot', () => {
  test('reads nothing under a name that is not ours, and reaches HTTP mode on loopback only, signed by Slack', async () => {
    await using slack = await openTeamSlack({ mode: 'http' });
    await using home = await makeHome({
      'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 9\nuser = ops\npassword = swordfish\n',
      'allowlist.ini': EVERYTHING,
    });
    const secret = slack.settings.signingSecret;
    await using bot = await startBot(home, slack, {
      SLACK_APP_TOKEN: '',
      SLACK_SIGNING_SECRET: secret,
      PORT: '0',
    });

    const health = healthPort(bot);
    // fetch does not let anybody name the host.
    const status = (path: string, host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port: health, path, headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on('error', reject);
      });
    for (const path of [
      '/metrics',
      '/readyz',
      '//metrics',
      '/metrics/../readyz',
      'http://localhost/metrics',
    ]) {
      for (const foreign of [
        'evil.example',
        `evil.example:${health}`,
        '127.0.0.1.evil.example',
        'localhost.',
        'a@localhost',
      ]) {
        expect(await status(path, foreign), `${path} under ${foreign}`).not.toBe(200);
      }
    }
    expect(await status('/metrics', `localhost:${health}`)).toBe(200);

    const port = Number(/"port":(\d+)/.exec(bot.output())?.[1]);
    // Every 127.x.y.z is this machine: bound to all addresses, it would answer there.
    const elsewhere = connect(port, '127.0.0.2');
    const [error] = await once(elsewhere, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });

    const body = new URLSearchParams({
      command: '/batch_run',
      text: '-h h1 -cmd "touch forged"',
      user_id: 'U0ADA0001',
      channel_id: OPS,
      team_id: slack.settings.team.id,
      trigger_id: '1.2.3',
      response_url: 'http://127.0.0.1:9/',
    }).toString();
    const now = Math.floor(Date.now() / 1_000);
    const sign = (at: number, text: string, key = secret): string =>
      `v0=${createHmac('sha256', key).update(`v0:${at}:${text}`).digest('hex')}`;
    const send = async (
      headers: Record<string, string>,
      path = '/slack/events',
    ): Promise<number | undefined> => {
      const sending = request({
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      });
      sending.end(body);
      const [response] = await once(sending, 'response');
      response.resume();
      return response.statusCode;
    };
    const signed = (at: number, signature: string) => ({
      'x-slack-request-timestamp': `${at}`,
      'x-slack-signature': signature,
    });
    for (const headers of [
      {},
      signed(now, sign(now, body, 'another secret')),
      signed(now, sign(now, `${body}&x=1`)),
      signed(now, 'v0='),
      signed(now, sign(now, body).replace('v0=', 'v1=')),
      signed(now - 600, sign(now - 600, body)),
      signed(now + 3_600, sign(now + 3_600, body)),
    ]) {
      expect(await send(headers)).toBe(401);
    }
    for (const path of ['/', '/metrics', '/slack/events/../../metrics'])
      expect(await send(signed(now, sign(now, body)), path)).toBe(404);
    expect(slack.messages(OPS)).toEqual([]);
  }, 60_000);
});
