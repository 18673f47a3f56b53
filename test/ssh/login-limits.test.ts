import type { Connection } from 'ssh2';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/inventory/secret.ts';
import { readOpening } from '../../src/ssh/login/offer.ts';
import { startMisbehavingHost } from '../rigs/misbehaving-host.ts';
import { sendDisconnect, sendMessage, startSshServer } from '../rigs/ssh-server.ts';
import { makeKeyPair } from '../rigs/sshd.ts';
import { openRig, passwordHost } from './rig.ts';

const USERAUTH_BANNER = 53;
const USERAUTH_PK_OK = 60;

describe('what a host can send before a command has an end, and the words name it', () => {
  test('a greeting without end', async () => {
    await using server = await startSshServer({
      onSocket(socket) {
        const more = () => {
          while (!socket.destroyed && socket.write(`${'x'.repeat(4_000)}\r\n`));
          if (!socket.destroyed) socket.once('drain', more);
        };
        more();
        return true;
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'true')).reason).toBe(
      `127.0.0.1:${server.port} sent more than 128 KiB before its greeting was done`,
    );
    expect(server.dials()).toBe(1);
  });

  test('banners without end', async () => {
    let session: Connection | undefined;
    await using server = await startSshServer({
      onConnection(connection) {
        session = connection;
      },
      onLogin() {
        const banner = 'b'.repeat(30_000);
        for (let i = 0; i < 10 && session !== undefined; i++)
          sendMessage(session, USERAUTH_BANNER, banner, '');
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'true')).reason).toBe(
      `127.0.0.1:${server.port} sent more than 128 KiB before the login was done`,
    );
  });

  test.each([
    ['greeting', 'its greeting'],
    ['key-exchange', 'the key exchange'],
    ['after-keys', 'the login'],
    ['auth', 'the login'],
  ] as const)(
    'a byte at a time from %s on: the time is for the whole, not for the silence',
    async (at, phase) => {
      await using host = await startMisbehavingHost({ at, does: 'drip', seed: 1, paceMs: 20 });
      await using rig = await openRig({ deadlines: { handshakeMs: 400 } });
      const outcome = await rig.run(passwordHost(host.port), 'true');
      expect(outcome.kind).toBe('unreachable');
      expect(outcome.reason).toBe(`127.0.0.1:${host.port} did not finish ${phase} within 0.4 s`);
      expect(outcome.durationMs).toBeLessThan(3_000);
      expect(host.commands).toEqual([]);
    },
  );

  test('a second signature is not made', async () => {
    let session: Connection | undefined;
    let signatures = 0;
    const key = makeKeyPair();
    await using server = await startSshServer({
      offers: ['publickey'],
      onConnection(connection) {
        session = connection;
      },
      onLogin(context, offers) {
        if (context.method !== 'publickey') return context.reject(offers);
        if (context.signature !== undefined) signatures++;
        else if (session !== undefined) {
          for (let i = 0; i < 5; i++)
            sendMessage(session, USERAUTH_PK_OK, context.key.algo, context.key.data);
        }
      },
    });
    await using rig = await openRig();
    const { password: _, ...bare } = passwordHost(server.port);
    const outcome = await rig.run({ ...bare, privateKey: new Secret(key.private) }, 'true');
    expect(outcome).toMatchObject({
      kind: 'auth-failed',
      reason: `ops@127.0.0.1:${server.port}: the host asked for a second signature`,
    });
    expect(signatures).toBeLessThanOrEqual(1);
  });

  test('questions without end: the password is given once', async () => {
    const answers: string[] = [];
    await using server = await startSshServer({
      offers: ['keyboard-interactive'],
      onLogin(context, offers) {
        if (context.method !== 'keyboard-interactive') return context.reject(offers);
        const askAgain = () =>
          context.prompt([{ prompt: 'Password: ', echo: false }], ([answer = '']) => {
            answers.push(answer);
            askAgain();
          });
        askAgain();
      },
    });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({
      kind: 'auth-failed',
      reason: `ops@127.0.0.1:${server.port} is asked once more ("Password:"); the password was given once and not again`,
    });
    expect(answers).toEqual(['right']);
  });

  test('a goodbye in words of its own: they are quoted, and cannot paint on a terminal', async () => {
    await using server = await startSshServer({
      onLogin: () => {},
      onConnection(connection) {
        connection.on('handshake', () => sendDisconnect(connection, 'full\u001b[31m, \u202eno room'));
      },
    });
    await using rig = await openRig({ deadlines: { retryDelaysMs: [] } });
    const { reason } = await rig.run(passwordHost(server.port), 'true');
    expect(reason).toBe(
      `127.0.0.1:${server.port} ended the session, saying "full·[31m, ·no room" during the login`,
    );
  });
});

const NOTHING = { 'key exchange': [], 'host key': [], cipher: [], MAC: [], compression: [] };

describe('the beginning of what a host sends', () => {
  test('is read in any pieces and of any bytes without harm', () => {
    expect(readOpening(Buffer.from('hello\r\nSSH-2.0-x\r\n'))).toEqual({
      isSsh: true,
      software: 'x',
      offered: NOTHING,
    });
    expect(readOpening(Buffer.from('not SSH-2.0-x\r\n')).isSsh).toBe(false);
    expect(readOpening(Buffer.from('SSH-2.0-x')).isSsh).toBe(false);
    const short = Buffer.concat([Buffer.from('SSH-2.0-x\n'), Buffer.from([0, 0, 0, 30, 4, 20, 255, 255])]);
    expect(readOpening(short).offered).toEqual(NOTHING);
    const lying = Buffer.concat([
      Buffer.from('SSH-2.0-x\n'),
      Buffer.from([0, 0, 0, 60, 4, 20]),
      Buffer.alloc(60, 255),
    ]);
    expect(readOpening(lying).offered).toEqual(NOTHING);
  });
});
