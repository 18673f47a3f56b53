import { once } from 'node:events';
import type { Connection } from 'ssh2';
import { describe, expect, test, vi } from 'vitest';
import { Secret } from '../../src/inventory/secret.ts';
import { startHalfOpenProxy } from '../rigs/half-open-proxy.ts';
import { startMisbehavingHost } from '../rigs/misbehaving-host.ts';
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

  test('does not answer at all: unreachable after the time for connecting', async () => {
    await using rig = await openRig({ deadlines: { connectMs: 100 } });
    // TEST-NET-1 (RFC 5737) leads nowhere; some networks say so at once.
    const outcome = await rig.run(passwordHost(22, { ip: '192.0.2.1' }), 'true');
    expect(outcome.kind).toBe('unreachable');
    expect(outcome.reason).toMatch(/no answer from 192\.0\.2\.1:22 within 0\.1 s|no route|refused/);
  });

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

describe('a host that has seen the command', () => {
  test('drops the connection: lost, with what was said, and never sent again', async () => {
    await using server = await startSshServer({
      onCommand(channel, _command, connection) {
        channel.write('half of ', () => connection.end());
      },
    });
    await using rig = await openRig();
    const outcome = await rig.run(passwordHost(server.port), 'reboot');
    expect(outcome).toMatchObject({ kind: 'lost', exitCode: null, stdout: { head: 'half of ' } });
    expect(outcome.reason).toContain('may still be running');
    expect(server.commands).toEqual(['reboot']);
    expect(server.dials()).toBe(1);
  });

  test('drops it before it says whether it took the command: lost, and never sent again', async () => {
    await using server = await startSshServer({
      onExecRequest(_command, connection) {
        connection.end();
        return 'ignore';
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'reboot')).kind).toBe('lost');
    expect(server.commands).toEqual(['reboot']);
  });

  test('drops a kept connection at the command: lost, and never sent again', async () => {
    await using server = await startSshServer({
      onExecRequest(command, connection) {
        if (command === 'true') return true;
        connection.end();
        return 'ignore';
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'true')).kind).toBe('ok');
    expect((await rig.run(passwordHost(server.port), 'reboot')).kind).toBe('lost');
    expect(server.commands).toEqual(['true', 'reboot']);
    expect(server.dials()).toBe(1);
  });

  test('refuses it: lost, since that cannot be told from a channel that closed', async () => {
    await using server = await startSshServer({ onExecRequest: () => false });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({ kind: 'lost' });
    expect(server.commands).toEqual(['true']);
  });

  test('falls silent, cable pulled: lost, as soon as its keepalives go unanswered', async () => {
    await using server = await startSshServer({ onCommand: (channel) => void channel.write('begun\n') });
    await using proxy = await startHalfOpenProxy(server.port);
    await using rig = await openRig({ deadlines: { keepaliveMs: 50, disconnectMs: 50 } });
    const freezing = Promise.withResolvers<void>();
    const running = rig.run(passwordHost(proxy.port), 'sleep 60', {
      onBegun(look) {
        const isHere = () => expect(look()).toMatchObject({ stdout: { text: 'begun\n' } });
        freezing.resolve(vi.waitFor(isHere).then(() => proxy.freeze()));
      },
    });
    await freezing.promise;
    const outcome = await running;
    expect(outcome).toMatchObject({ kind: 'lost', stdout: { head: 'begun\n' } });
    expect(outcome.reason).toContain('the host no longer answered');
  });

  test('falls silent, and the time limit comes first: timed-out, and it may still be running', async () => {
    await using server = await startSshServer({ onCommand: (channel) => void channel.write('begun\n') });
    await using rig = await openRig({ deadlines: { killGraceMs: 50 } });
    const outcome = await rig.run(passwordHost(server.port), 'sleep 60', { timeLimitMs: 100 });
    expect(outcome).toMatchObject({ kind: 'timed-out', stdout: { head: 'begun\n' } });
    expect(outcome.reason).toContain('it may still be running on the host');
  });

  test('ends without an exit code: lost', async () => {
    await using server = await startSshServer({
      onCommand: (channel) => void channel.end('all said\n'),
    });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'show version')).toMatchObject({
      kind: 'lost',
      exitCode: null,
      stdout: { head: 'all said\n' },
    });
  });

  test('says its exit code first and the output after it: nothing is missed', async () => {
    await using server = await startSshServer({
      onCommand(channel) {
        channel.exit(0);
        setImmediate(() => channel.end('x'.repeat(100_000)));
      },
    });
    await using rig = await openRig();
    const outcome = await rig.run(passwordHost(server.port), 'df');
    expect(outcome).toMatchObject({ kind: 'ok', exitCode: 0, stdout: { totalBytes: 100_000 } });
  });

  test('says its exit code, and then the connection breaks: the exit code counts', async () => {
    await using server = await startSshServer({
      onCommand(channel, _command, connection) {
        channel.exit(4);
        setImmediate(() => connection.end());
      },
    });
    await using rig = await openRig();
    const outcome = await rig.run(passwordHost(server.port), 'reboot');
    expect(outcome).toMatchObject({ kind: 'failed', exitCode: 4 });
    expect(outcome.reason).toContain('the connection broke right after');
  });

  test('is killed by a signal', async () => {
    await using server = await startSshServer({
      onCommand(channel) {
        channel.exit('TERM', false, 'terminated');
        channel.end();
      },
    });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'x')).toMatchObject({ kind: 'killed', signal: 'TERM' });
  });

  test('sends a hundred thousand pieces', async () => {
    await using server = await startSshServer({
      async onCommand(channel) {
        for (let i = 0; i < 2_000; i++) {
          if (!channel.write('.'.repeat(50))) await once(channel, 'drain');
        }
        channel.exit(0);
        channel.end();
      },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'x')).stdout.totalBytes).toBe(100_000);
  });
});

describe('a kept connection', () => {
  test('that the host has closed is replaced, and the command runs once', async () => {
    await using server = await startSshServer();
    await using rig = await openRig();
    await rig.run(passwordHost(server.port), 'first');
    server.cut();
    expect((await rig.run(passwordHost(server.port), 'second')).kind).toBe('ok');
    expect(server.commands).toEqual(['first', 'second']);
  });

  test.each([
    ['once, is replaced, and the command runs once', 1, 'ok', ['first', 'second']],
    ['always, is replaced once, and the command is not-run', 2, 'not-run', ['first']],
  ] as const)('that opens no channel any more, %s', async (_name, refusals, kind, commands) => {
    await using server = await startSshServer({ onSession: (index) => index < 1 || index > refusals });
    await using rig = await openRig();
    await rig.run(passwordHost(server.port), 'first');
    expect((await rig.run(passwordHost(server.port), 'second')).kind).toBe(kind);
    expect(server.commands).toEqual(commands);
    expect(server.dials()).toBe(2);
  });

  test('that has gone silent is replaced, and the command runs once', async () => {
    await using server = await startSshServer();
    await using frozen = await startHalfOpenProxy(server.port);
    await using rig = await openRig({ deadlines: { channelMs: 150, disconnectMs: 50 } });
    await rig.run(passwordHost(frozen.port), 'first');
    frozen.freezeThose();
    expect((await rig.run(passwordHost(frozen.port), 'second')).kind).toBe('ok');
    expect(server.dials()).toBe(2);
    expect(server.commands.filter((command) => command === 'second')).toHaveLength(1);
  });

  test('is not used for another login', async () => {
    await using server = await startSshServer({
      onLogin: (context, offers) => (context.method === 'none' ? context.reject(offers) : context.accept()),
    });
    await using rig = await openRig();
    await rig.run(passwordHost(server.port), 'first');
    await rig.run(passwordHost(server.port, { password: new Secret('changed') }), 'second');
    expect(server.dials()).toBe(2);
    await rig.run(passwordHost(server.port, { password: new Secret('changed') }), 'third');
    expect(server.dials()).toBe(2);
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

describe('a session that its host breaks off', () => {
  test('garbage in the middle of a command: lost, in words of ours, and the socket is gone', async () => {
    await using host = await startMisbehavingHost({ at: 'exec', does: 'garbage', seed: 7 });
    await using rig = await openRig();
    const outcome = await rig.run(passwordHost(host.port), 'true');
    expect(outcome.kind).toBe('lost');
    expect(outcome.reason).toMatch(/^(the host broke the SSH protocol|the connection broke|the host closed)/);
    await vi.waitFor(() => expect(host.open()).toBe(0));
  });

  test('through a host on the way that freezes: closing the bot does not wait for it', async () => {
    await using inner = await startSshServer();
    await using bastion = await startSshServer();
    await using proxy = await startHalfOpenProxy(bastion.port);
    const jump = passwordHost(proxy.port, { name: 'bastion' });
    const rig = await openRig({ findHost: () => jump, deadlines: { disconnectMs: 100 } });
    expect((await rig.run(passwordHost(inner.port, { jump: ['bastion'] }), 'true')).kind).toBe('ok');
    proxy.freeze();
    // The test would be over first.
    await rig[Symbol.asyncDispose]();
  });
});
