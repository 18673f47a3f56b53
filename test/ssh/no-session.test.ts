import type { Connection } from 'ssh2';
import { describe, expect, test, vi } from 'vitest';
import { CAN_FILL_LISTENER, startFullListener } from '../rigs/full-listener.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { freePort, HAS_SSHD, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, passwordHost } from './rig.ts';

describe('a host that does not get as far as the command', () => {
  test('refuses the connection: unreachable, at once, without another try', async () => {
    await using rig = await openRig({ deadlines: { retryDelaysMs: [60_000] } });
    const port = await freePort();
    expect(await rig.run(passwordHost(port), 'true')).toMatchObject({
      kind: 'unreachable',
      exitCode: null,
      reason: `connection refused by 127.0.0.1:${port}`,
    });
  });

  test('has a name that nobody knows', async () => {
    await using rig = await openRig({ deadlines: { retryDelaysMs: [] } });
    const outcome = await rig.run(passwordHost(22, { ip: 'no-such-host.invalid' }), 'true');
    expect(outcome.kind).toBe('unreachable');
    expect(outcome.reason).toMatch(/no-such-host\.invalid:22/);
  });

  test.skipIf(!CAN_FILL_LISTENER)(
    'does not answer at all: unreachable after the time for connecting',
    async () => {
      await using full = await startFullListener();
      await using rig = await openRig({ deadlines: { connectMs: 100 } });
      expect(await rig.run(passwordHost(full.port), 'true')).toMatchObject({
        kind: 'unreachable',
        reason: `no answer from 127.0.0.1:${full.port} within 0.1 s`,
      });
    },
  );

  test('takes the connection and stays silent', async () => {
    await using server = await startSshServer({ onSocket: () => true });
    await using rig = await openRig({ deadlines: { handshakeMs: 100 } });
    expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({
      kind: 'unreachable',
      reason: `127.0.0.1:${server.port} did not finish its greeting within 0.1 s`,
    });
    await vi.waitFor(() => expect(server.open()).toBe(0));
  });

  test('says half of its greeting and stalls, or is no SSH server at all', async () => {
    await using stalling = await startSshServer({ onSocket: (socket) => socket.write('SSH-2.0-stall') });
    await using web = await startSshServer({
      onSocket(socket) {
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        return true;
      },
    });
    await using rig = await openRig({ deadlines: { handshakeMs: 100 } });
    expect((await rig.run(passwordHost(stalling.port), 'true')).kind).toBe('unreachable');
    expect((await rig.run(passwordHost(web.port), 'true')).kind).toBe('unreachable');
  });

  test('drops connections at random when too many come: tried again, and then it runs once', async () => {
    await using server = await startSshServer({
      onSocket(socket, index) {
        if (index < 2) socket.destroy();
        return index < 2;
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'true')).kind).toBe('ok');
    expect(server.dials()).toBe(3);
    expect(server.commands).toEqual(['true']);
  });

  test('keeps dropping them: two more tries, and no more', async () => {
    await using server = await startSshServer({
      onSocket(socket) {
        socket.destroy();
        return true;
      },
    });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({
      kind: 'unreachable',
      reason: `127.0.0.1:${server.port} hung up during its greeting`,
    });
    expect(server.dials()).toBe(3);
  });

  test('a cancel while it waits to try again ends the job', async () => {
    await using server = await startSshServer({
      onSocket(socket) {
        socket.destroy();
        return true;
      },
    });
    await using rig = await openRig({ deadlines: { retryDelaysMs: [60_000] } });
    const stop = new AbortController();
    const running = rig.run(passwordHost(server.port), 'true', { signal: stop.signal });
    await vi.waitFor(() => expect(server.dials()).toBe(1));
    stop.abort('cancelled');
    expect((await running).kind).toBe('cancelled');
    expect(server.dials()).toBeLessThanOrEqual(2);
  });

  test.each([
    ['refuses it', false, {}, 'the host refused it'],
    ['says nothing', 'ignore', { channelMs: 100 }, 'no answer within 0.1 s'],
  ] as const)(
    'lets us in and opens no channel (%s): not-run, since a session stood, and not tried again',
    async (_name, answer, deadlines, why) => {
      await using server = await startSshServer({ onSession: () => answer });
      await using rig = await openRig({ deadlines });
      expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({
        kind: 'not-run',
        reason: `the host opens no channel for a command: ${why}`,
      });
      expect(server.dials()).toBe(1);
      expect(server.commands).toEqual([]);
    },
  );

  test('falls over as a channel is asked for: unreachable, and tried again', async () => {
    let session: Connection | undefined;
    await using server = await startSshServer({
      onConnection(connection) {
        session = connection;
      },
      onSession(index) {
        if (index === 0) session?.end();
        return index === 0 ? 'ignore' : true;
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'true')).kind).toBe('ok');
    expect(server.dials()).toBe(2);
    expect(server.commands).toEqual(['true']);
  });

  test.skipIf(!HAS_SSHD)('opens no channel as a real sshd does, MaxSessions 0: not-run', async () => {
    await using sshd = await startSshd({ config: ['MaxSessions 0'] });
    await using rig = await openRig();
    expect(await rig.run(keyHost(sshd), 'true')).toMatchObject({
      kind: 'not-run',
      reason: 'the host opens no channel for a command: the host refused it, saying "open failed"',
    });
  });
});

describe('many jobs for one address', () => {
  test('no more than eight logins are under way at a time, and all jobs run', async () => {
    let under = 0;
    let most = 0;
    await using server = await startSshServer({
      onSocket() {
        most = Math.max(most, ++under);
        return false;
      },
      onLogin(context, offers) {
        if (context.method === 'none') return context.reject(offers);
        // Time enough for the others to come.
        setTimeout(() => {
          under--;
          context.accept();
        }, 30);
      },
    });
    await using rig = await openRig();
    const jobs = Array.from({ length: 20 }, (_, i) =>
      rig.run(passwordHost(server.port, { name: `web${i}` }), 'true'),
    );
    expect((await Promise.all(jobs)).filter((outcome) => outcome.kind !== 'ok')).toEqual([]);
    expect(most).toBe(8);
    expect(server.commands).toHaveLength(20);
  });

  test('a cancel while a job waits for its turn ends it', async () => {
    await using server = await startSshServer({ onSocket: () => true });
    await using rig = await openRig({ deadlines: { retryDelaysMs: [] } });
    const stop = new AbortController();
    const jobs = Array.from({ length: 9 }, (_, i) =>
      rig.run(passwordHost(server.port, { name: `web${i}` }), 'true', i === 8 ? { signal: stop.signal } : {}),
    );
    await vi.waitFor(() => expect(server.dials()).toBe(8));
    stop.abort('cancelled');
    expect((await jobs[8])?.kind).toBe('cancelled');
    expect(server.dials()).toBe(8);
    server.cut();
    await Promise.all(jobs);
  });
});
