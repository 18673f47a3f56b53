import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Meeting } from '../../src/run/ping/ping.ts';
import { readProbe } from '../../src/ssh/ping/probe.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { HAS_SSHD, type Sshd, startSshd } from '../rigs/sshd.ts';
import { execution, keyHost, openRig, passwordHost, type TransportRig } from './rig.ts';

const PING = { action: 'ping' } as const;

describe.skipIf(!HAS_SSHD)('a ping', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd[Symbol.asyncDispose]());

  const knownHosts = (rig: TransportRig) => readFile(join(rig.folder, 'known_hosts'), 'utf8').catch(() => '');

  test('tells how it was logged in, by which key, and what the host offers; what hosts share is what it says', async () => {
    await using rig = await openRig();
    const met: Meeting[] = [];
    const first = await rig.transport.execute(
      keyHost(sshd),
      PING,
      execution({ onMet: (meeting) => met.push(meeting) }),
    );
    expect(first).toMatchObject({
      kind: 'ok',
      reason: '',
      ping: {
        server: expect.stringMatching(/^OpenSSH_\d/),
        key: { type: 'ssh-ed25519', fingerprint: expect.stringMatching(/^SHA256:/) },
        trust: 'new',
        shell: expect.stringMatching(/^\//),
        sftp: true,
        freeHome: expect.any(Number),
        freeTmp: expect.any(Number),
      },
    });
    expect(met).toHaveLength(1);
    const { tcpMs = -1, kexMs = -1, authMs = -1, channelMs = -1 } = first.ping ?? {};
    for (const ms of [tcpMs, kexMs, authMs, channelMs]) expect(ms).toBeGreaterThanOrEqual(0);
    expect(tcpMs + kexMs + authMs + channelMs).toBeLessThanOrEqual(first.durationMs + 4);
    expect(kexMs).toBeGreaterThan(0);
    expect(first.stdout.head).toContain('key     ssh-ed25519, new: believed now\n');
    expect(first.stdout.head).toMatch(
      /^server {2}OpenSSH_[\s\S]*\nshell {3}\/\S+\nsudo {4}[\s\S]*\nsftp {4}offered\n/,
    );
    // What differs from host to host is in no part of it.
    expect(first.stdout.head).not.toContain('SHA256:');

    // A kept connection would tell nothing of logging in: each ping makes its own.
    const second = await rig.transport.execute(
      keyHost(sshd),
      PING,
      execution({ onMet: (meeting) => met.push(meeting) }),
    );
    expect(second.ping).toMatchObject({ trust: 'known', key: first.ping?.key });
    expect(met).toHaveLength(2);
    // And a run after it is told of no new login where the ping's connection was kept.
    await rig.transport.execute(
      keyHost(sshd),
      { action: 'run', command: 'true' },
      execution({ onMet: (meeting) => met.push(meeting) }),
    );
    expect(met).toHaveLength(2);
    const pinned = await rig.transport.execute(
      keyHost(sshd, { hostKey: first.ping?.key.fingerprint ?? '' }),
      PING,
      execution(),
    );
    expect(pinned.ping?.trust).toBe('pinned');
    expect(rig.errors).toEqual([]);
  });

  test.each(['strict', 'ask'] as const)('makes no key known that the policy %s would not', async (policy) => {
    await using rig = await openRig({ policy });
    const outcome = await rig.transport.execute(keyHost(sshd), PING, execution());
    expect(outcome.kind).toBe('host-key-failed');
    expect(outcome).not.toHaveProperty('ping');
    expect(await knownHosts(rig)).toBe('');
  });

  test('of an account that nothing can be sent to but a command says what it can', async () => {
    await using rig = await openRig();
    const outcome = await rig.transport.execute(keyHost(sshd, { shell: 'raw' }), PING, execution());
    expect(outcome).toMatchObject({ kind: 'ok', ping: { shell: '', sudo: 'unknown', sftp: true } });
    expect(outcome.stdout.head).toContain('shell   not known\nsudo    not known\n');
  });
});

describe('a host that does not say yes to SFTP', () => {
  test.each([
    { what: 'refuses the subsystem', onSession: () => true, sftp: false, told: 'not offered' },
    { what: 'gives one channel only', onSession: (n: number) => n === 0, sftp: undefined, told: 'not known' },
    {
      what: 'answers the second never',
      onSession: (n: number) => n === 0 || 'ignore',
      sftp: undefined,
      told: 'not known',
    },
  ] as const)(
    'no is what it said, and no answer is none: one that $what',
    async ({ onSession, sftp, told }) => {
      await using server = await startSshServer({ onSession });
      await using rig = await openRig(told === 'not known' ? { deadlines: { channelMs: 300 } } : {});
      const outcome = await rig.transport.execute(
        passwordHost(server.port, { shell: 'auto' }),
        PING,
        execution(),
      );
      expect(outcome.kind).toBe('ok');
      expect(outcome.ping?.sftp).toBe(sftp);
      expect(outcome.stdout.head).toContain(`sftp    ${told}\n`);
    },
  );
});

describe('what sudo says of an account', () => {
  const asked = (said: string) =>
    readProbe(`noise\nbatchops-shell /bin/bash\nbatchops-sudo asked\n${said}`).sudo;

  test.each([
    ['sudo: a password is required', 'asks'],
    ['sudo: sorry, you must have a tty to run sudo', 'asks'],
    ['Sorry, user ada may not run sudo on web01.', 'barred'],
    ['User ada may run the following commands on web01:\n    (ALL : ALL) NOPASSWD: ALL', 'free'],
    ['User ada may run the following commands on web01:\n    (root) NOPASSWD: SETENV: ALL', 'free'],
    ['User ada may run the following commands on web01:\n    (root) NOPASSWD: /usr/bin/id', 'some'],
    ['    (ALL) ALL\n    (root) NOPASSWD: /usr/bin/id', 'some'],
    ['Matching Defaults entries for ada on web01:\n    !authenticate\n\n    (ALL : ALL) ALL', 'free'],
    ['    (ALL : ALL) ALL', 'asks'],
    ['sudo: error in /etc/sudo.conf', 'unknown'],
    ['', 'unknown'],
  ])('%j is %s', (said, kind) => {
    expect(asked(said)).toBe(kind);
  });

  test('is not asked of root, nor where there is none', () => {
    expect(readProbe('batchops-shell /bin/sh\nbatchops-sudo root\n')).toEqual({
      shell: '/bin/sh',
      sudo: 'free',
    });
    expect(readProbe('batchops-sudo absent\n')).toEqual({ shell: '', sudo: 'absent' });
    expect(readProbe('what?')).toEqual({ shell: '', sudo: 'unknown' });
  });
});
