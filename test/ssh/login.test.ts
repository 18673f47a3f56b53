import { existsSync } from 'node:fs';
import type { AuthContext, AuthenticationType } from 'ssh2';
import { describe, expect, test } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import { startAgent } from '../rigs/ssh-agent.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { CAN_ADD_USERS, HAS_SSHD, makeKeyPair, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, passwordHost } from './rig.ts';

/** Without what it would log in with. */
function bareHost(host: Host): Host {
  const { password: _p, privateKey: _k, passphrase: _s, agent: _a, ...rest } = host;
  return rest;
}

describe.skipIf(!HAS_SSHD)('logging in to a real sshd', () => {
  test.each(['ed25519', 'ecdsa', 'rsa'] as const)('with a key of type %s', async (type) => {
    const key = makeKeyPair(type);
    await using sshd = await startSshd({ authorizedKeys: [key.public] });
    await using rig = await openRig();
    const host = keyHost(sshd, { privateKey: new Secret(key.private) });
    expect(await rig.run(host, 'true')).toMatchObject({ kind: 'ok', reason: '' });
  });

  test('with an encrypted key, and not without its passphrase', async () => {
    const key = makeKeyPair('ed25519', 'open sesame');
    await using sshd = await startSshd({ authorizedKeys: [key.public] });
    await using rig = await openRig();
    const host = keyHost(sshd, { privateKey: new Secret(key.private) });
    expect((await rig.run({ ...host, passphrase: new Secret('open sesame') }, 'true')).kind).toBe('ok');
    expect(await rig.run({ ...host, passphrase: new Secret('close sesame') }, 'true')).toMatchObject({
      kind: 'auth-failed',
      reason: 'the private key of web01 cannot be used: the passphrase is wrong',
    });
    expect(await rig.run({ ...host, name: 'web02' }, 'true')).toMatchObject({
      kind: 'auth-failed',
      reason: 'the private key of web02 cannot be used: it is encrypted, and the inventory has no passphrase',
    });
    const garbled = await rig.run({ ...host, privateKey: new Secret('no key at all') }, 'true');
    expect(garbled).toMatchObject({ kind: 'auth-failed' });
    expect(garbled.reason).not.toContain('no key at all');
  });

  test('a key that the host does not know: refused once, and it says what the host offers', async () => {
    await using sshd = await startSshd();
    await using rig = await openRig();
    const host = keyHost(sshd, { privateKey: new Secret(makeKeyPair().private) });
    const outcome = await rig.run(host, 'true');
    expect(outcome.kind).toBe('auth-failed');
    expect(outcome.reason).toBe(
      `${sshd.user}@127.0.0.1:${sshd.port} was refused with the key; the host offers publickey`,
    );
  });

  test.skipIf(!existsSync('/usr/bin/ssh-agent'))(
    'with a key of the agent, also where it is the last of many',
    async () => {
      const keys = Array.from({ length: 8 }, () => makeKeyPair());
      const last = keys.at(-1) ?? makeKeyPair();
      const [first = last] = keys;
      await using sshd = await startSshd({ authorizedKeys: [last.public] });
      await using agent = await startAgent(...keys);
      await using one = await startAgent(last);
      await using rig = await openRig();
      const host = bareHost(keyHost(sshd));
      expect((await rig.run({ ...host, agent: one.socket }, 'true')).kind).toBe('ok');
      // Eight would be hung up on at the sixth; the public key says which one is meant.
      expect(await rig.run({ ...host, name: 'a', agent: agent.socket }, 'true')).toMatchObject({
        kind: 'auth-failed',
        reason: expect.stringContaining(
          "; only the first 5 of the agent's 8 keys were offered, as hosts hang up at the sixth: name the one to use, key = SHA256:… or key = FILE.pub",
        ),
      });
      const stranger = {
        ...host,
        name: 'c',
        agent: agent.socket,
        privateKey: new Secret(makeKeyPair().public),
      };
      expect((await rig.run(stranger, 'true')).reason).toContain(
        'the agent has 8 keys, and the one that is to be used is not among them',
      );
      const named = { ...host, name: 'b', agent: agent.socket };
      expect((await rig.run({ ...named, privateKey: new Secret(last.public) }, 'true')).kind).toBe('ok');
      expect((await rig.run({ ...named, privateKey: new Secret(first.public) }, 'true')).kind).toBe(
        'auth-failed',
      );
    },
  );

  test('an agent that is not there: refused, and it says why', async () => {
    await using sshd = await startSshd();
    await using rig = await openRig();
    const outcome = await rig.run({ ...bareHost(keyHost(sshd)), agent: '/nowhere/agent.sock' }, 'true');
    expect(outcome.kind).toBe('auth-failed');
    expect(outcome.reason).toContain('the agent says: ');
  });

  test.skipIf(!CAN_ADD_USERS)('with a password, of any letters', async () => {
    const password = `p#s;s"w'o\\rd% ä`;
    await using sshd = await startSshd({ accounts: [{ password }] });
    await using rig = await openRig();
    const host: Host = { ...bareHost(keyHost(sshd)), user: sshd.accounts[0] ?? '' };
    expect(await rig.run({ ...host, password: new Secret(password) }, 'id -un')).toMatchObject({
      kind: 'ok',
      stdout: { head: `${sshd.accounts[0]}\n` },
    });
    const outcome = await rig.run({ ...host, name: 'web02', password: new Secret('wrong-one') }, 'id -un');
    expect(outcome.kind).toBe('auth-failed');
    expect(outcome.reason).toContain('was refused with the password; the host offers publickey, password');
    expect(JSON.stringify(outcome)).not.toContain('wrong-one');
  });

  test.skipIf(!CAN_ADD_USERS)('an ordinary account can be stopped too', async () => {
    await using sshd = await startSshd({ accounts: [{ password: 'right' }] });
    await using rig = await openRig();
    const host: Host = {
      ...bareHost(keyHost(sshd)),
      user: sshd.accounts[0] ?? '',
      password: new Secret('right'),
    };
    expect(await rig.run(host, 'sleep 30 | sleep 30', { timeLimitMs: 200 })).toMatchObject({
      kind: 'timed-out',
      reason:
        'still running after 0.2 s; stopped: by session, parent and environment none of its processes is found on the host any more',
    });
  });
});

describe('logging in to a host with its own ideas', () => {
  /** Says yes to one way, and no to all others. */
  const only = (method: AuthenticationType) => (context: AuthContext, offers: AuthenticationType[]) =>
    context.method === method ? context.accept() : context.reject(offers);

  test('a wrong password is offered once, whatever else the host would take', async () => {
    await using server = await startSshServer({ offers: ['password', 'keyboard-interactive', 'publickey'] });
    await using rig = await openRig();
    const host = passwordHost(server.port, { password: new Secret('wrong-one') });
    const outcome = await rig.run(host, 'true');
    expect(outcome.kind).toBe('auth-failed');
    expect(outcome.reason).toContain('the host offers password, keyboard-interactive, publickey');
    expect(server.logins).toEqual(['none', 'password']);
    expect(server.dials()).toBe(1);
  });

  test('a host that drops the connection at the password is not asked again', async () => {
    await using server = await startSshServer({
      onConnection: (connection) =>
        connection.on('authentication', (context) => {
          if (context.method === 'password') connection.end();
        }),
      onLogin: (context, offers) => {
        if (context.method === 'none') context.reject(offers);
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'true')).kind).toBe('unreachable');
    expect(server.logins).toEqual(['none', 'password']);
  });

  test('keyboard-interactive only: the password answers the one question for it', async () => {
    const asked: string[][] = [];
    const ask = (...prompts: string[]) =>
      startSshServer({
        offers: ['keyboard-interactive'],
        onLogin(context, offers) {
          if (context.method !== 'keyboard-interactive') return context.reject(offers);
          context.prompt(
            prompts.map((prompt) => ({ prompt, echo: false })),
            (answers) => {
              asked.push(answers);
              if (answers[0] === 'right') context.accept();
              else context.reject(offers);
            },
          );
        },
      });
    await using rig = await openRig();
    await using plain = await ask('Password: ');
    expect((await rig.run(passwordHost(plain.port), 'true')).kind).toBe('ok');
    await using code = await ask('Verification code: ');
    expect(await rig.run(passwordHost(code.port), 'true')).toMatchObject({
      kind: 'auth-failed',
      reason: `ops@127.0.0.1:${code.port} is asked for a second factor ("Verification code:"); the password was not given`,
    });
    await using both = await ask('Password: ', 'Verification code: ');
    expect((await rig.run(passwordHost(both.port), 'true')).kind).toBe('auth-failed');
    expect(asked).toEqual([['right']]);
  });

  test('key and password both in the inventory: the one that the host offers', async () => {
    const privateKey = new Secret(makeKeyPair().private);
    await using rig = await openRig();
    await using byKey = await startSshServer({
      offers: ['publickey', 'password'],
      onLogin: only('publickey'),
    });
    await using byPassword = await startSshServer({ offers: ['password'], onLogin: only('password') });
    expect((await rig.run(passwordHost(byKey.port, { privateKey }), 'true')).kind).toBe('ok');
    expect(byKey.logins).not.toContain('password');
    expect((await rig.run(passwordHost(byPassword.port, { privateKey }), 'true')).kind).toBe('ok');
    expect(byPassword.logins).toEqual(['none', 'password']);
  });

  test('a host that wants the key and the password gets both', async () => {
    await using server = await startSshServer({
      offers: ['publickey'],
      onLogin(context, offers) {
        if (context.method === 'publickey') context.reject(['password'], true);
        else if (context.method === 'password') context.accept();
        else context.reject(offers);
      },
    });
    await using rig = await openRig();
    const host = passwordHost(server.port, { privateKey: new Secret(makeKeyPair().private) });
    expect((await rig.run(host, 'true')).kind).toBe('ok');
  });

  test('a way to log in that the inventory has nothing for', async () => {
    await using server = await startSshServer({ offers: ['publickey', 'hostbased'] });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({
      kind: 'auth-failed',
      reason: `ops@127.0.0.1:${server.port} cannot log in: the host offers publickey, hostbased, the inventory has a password`,
    });
    expect(server.logins).toEqual(['none']);
  });
});
