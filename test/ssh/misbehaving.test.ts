import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { Secret } from '../../src/inventory/secret.ts';
import { startHalfOpenProxy } from '../rigs/half-open-proxy.ts';
import { startMisbehavingHost } from '../rigs/misbehaving-host.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { openRig, passwordHost } from './rig.ts';

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
    let began = () => {};
    const beginning = new Promise<void>((resolve) => {
      began = resolve;
    });
    await using server = await startSshServer({ onCommand: (channel) => channel.write('begun\n', began) });
    await using proxy = await startHalfOpenProxy(server.port);
    await using rig = await openRig({ deadlines: { keepaliveMs: 50, disconnectMs: 50 } });
    const running = rig.run(passwordHost(proxy.port), 'sleep 60');
    await beginning;
    await new Promise((resolve) => setTimeout(resolve, 50));
    proxy.freeze();
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
    frozen.freeze();
    const running = rig.run(passwordHost(frozen.port), 'second');
    // The kept one has 150 ms to open a channel; the new one is made after that.
    await new Promise((resolve) => setTimeout(resolve, 50));
    frozen.thaw();
    expect((await running).kind).toBe('ok');
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
    const startedAt = performance.now();
    await rig[Symbol.asyncDispose]();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});
