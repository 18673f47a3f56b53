import { describe, expect, test } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import { type HostScript, sendDisconnect, startSshServer } from '../rigs/ssh-server.ts';
import { openRig, passwordHost } from './rig.ts';

const WRONG = new Secret('wrong');

function fleet(port: number, count: number, more: Partial<Host> = {}): Host[] {
  return Array.from({ length: count }, (_, i) =>
    passwordHost(port, { name: `web${i}`, ip: `127.0.1.${i + 1}`, ...more }),
  );
}

const offersOf = (logins: readonly string[]) => logins.filter((method) => method !== 'none').length;

describe('a credential that hosts refuse', () => {
  test('is offered twice in a run and not fifty times, and the rest is skipped', async () => {
    await using server = await startSshServer({}, '0.0.0.0');
    await using rig = await openRig();
    const hosts = fleet(server.port, 50, { password: WRONG });
    const outcomes = await Promise.all(hosts.map((host) => rig.run(host, 'true')));
    expect(offersOf(server.logins)).toBe(2);
    const refused = hosts.filter((_, i) => outcomes[i]?.kind === 'auth-failed').map(({ name }) => name);
    expect(refused).toHaveLength(2);
    const skipped = outcomes.filter(({ kind }) => kind === 'skipped');
    expect(skipped).toHaveLength(48);
    const reasons = new Set(skipped.map(({ reason }) => reason));
    expect(reasons.size).toBe(1);
    expect([...reasons][0]).toMatch(
      /^the password of ops was refused by web\d+ and web\d+ in this run, and is offered to no more hosts in it$/,
    );
    // Another run is another try.
    expect(await rig.run(hosts[9] as Host, 'true', { runId: 'r-8888' })).toMatchObject({
      kind: 'auth-failed',
    });
  });

  test.each<[string, HostScript]>([
    [
      'asks for it as a question',
      {
        offers: ['keyboard-interactive'],
        onLogin: (context, offers) => {
          if (context.method !== 'keyboard-interactive') return context.reject(offers);
          context.prompt([{ prompt: 'Password: ', echo: false }], () => context.reject(offers));
        },
      },
    ],
    [
      'asks for it once more',
      {
        offers: ['keyboard-interactive'],
        onLogin: (context, offers) => {
          if (context.method !== 'keyboard-interactive') return context.reject(offers);
          const ask = () => context.prompt([{ prompt: 'Password: ', echo: false }], ask);
          ask();
        },
      },
    ],
  ])('counts as refused also by a host that %s', async (_, script) => {
    await using server = await startSshServer(script, '0.0.0.0');
    await using rig = await openRig();
    const outcomes = await Promise.all(fleet(server.port, 10).map((host) => rig.run(host, 'true')));
    expect(outcomes.filter(({ kind }) => kind === 'skipped')).toHaveLength(8);
  });

  test('counts as refused also by a host whose no is a goodbye', async () => {
    let offers = 0;
    await using server = await startSshServer(
      {
        onConnection(connection) {
          connection.prependListener('authentication', ({ method }) => {
            if (method !== 'password') return;
            offers++;
            sendDisconnect(connection, 'Too many authentication failures');
          });
        },
      },
      '0.0.0.0',
    );
    await using rig = await openRig();
    const outcomes = await Promise.all(
      fleet(server.port, 10, { password: WRONG }).map((host) => rig.run(host, 'true')),
    );
    expect(offers).toBe(2);
    expect(outcomes.filter(({ kind }) => kind === 'skipped')).toHaveLength(8);
  });

  test('of the host on the way is offered to it twice, however many targets are behind it', async () => {
    await using bastion = await startSshServer();
    const jump = passwordHost(bastion.port, { name: 'bastion', password: WRONG });
    await using rig = await openRig({ findHost: () => jump });
    const hosts = fleet(1, 50, { jump: ['bastion'] });
    const reasons: string[] = [];
    for (const host of hosts) reasons.push((await rig.run(host, 'true')).reason);
    expect(offersOf(bastion.logins)).toBe(2);
    expect(reasons.at(-1)).toBe(
      'jump host bastion: the password of ops was refused twice by bastion in this run, and is offered to no more hosts in it',
    );
  });

  test('is a host’s own affair once another one took it', async () => {
    let logins = 0;
    await using server = await startSshServer(
      {
        onLogin(context, offers) {
          if (context.method !== 'password') return context.reject(offers);
          if (logins++ % 2 === 0) context.accept();
          else context.reject(offers);
        },
      },
      '0.0.0.0',
    );
    await using rig = await openRig();
    const outcomes = await Promise.all(fleet(server.port, 20).map((host) => rig.run(host, 'true')));
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual([
      ...Array(10).fill('auth-failed'),
      ...Array(10).fill('ok'),
    ]);
  });

  test('costs those who wait for the answer none of their own time', async () => {
    const answers: (() => void)[] = [];
    await using server = await startSshServer(
      {
        onLogin(context, offers) {
          if (context.method !== 'password') context.reject(offers);
          else if (answers.length < 2) answers.push(() => context.accept());
          else context.accept();
        },
      },
      '0.0.0.0',
    );
    await using rig = await openRig({ deadlines: { handshakeMs: 1_500 } });
    const outcomes = await Promise.all(fleet(server.port, 10).map((host) => rig.run(host, 'true')));
    expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(8);
    expect(outcomes.filter(({ kind }) => kind === 'unreachable')).toHaveLength(2);
  });
});
