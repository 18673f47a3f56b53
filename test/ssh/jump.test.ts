import { describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { freePort, HAS_SSHD, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, passwordHost } from './rig.ts';

const byName =
  (...hosts: readonly Host[]) =>
  (name: string) =>
    hosts.find((host) => host.name === name);

describe('through another host of the inventory', () => {
  test.skipIf(!HAS_SSHD)('a command runs on the target, both host keys are checked', async () => {
    await using bastion = await startSshd({ addresses: ['127.0.0.2'] });
    await using inner = await startSshd();
    const jump = keyHost(bastion, { name: 'bastion', ip: '127.0.0.2' });
    await using rig = await openRig({ findHost: byName(jump) });
    const host = keyHost(inner, { jump: ['bastion'] });
    const outcome = await rig.run(host, 'echo $SSH_CONNECTION');
    expect(outcome).toMatchObject({ kind: 'ok', reason: '' });
    expect(outcome.stdout.head).toContain(` ${inner.port}\n`);
    expect((await rig.run(host, 'sleep 30', { timeLimitMs: 200 })).reason).toContain(
      'none of its processes is found',
    );

    await using strict = await openRig({ findHost: byName(jump), policy: 'strict' });
    expect(await strict.run(host, 'true')).toMatchObject({ kind: 'host-key-failed' });
    expect((await strict.run(host, 'true')).reason).toMatch(/^jump host bastion: /);
  });

  test('twenty targets share at most three connections to the host on the way, closed after the last', async () => {
    await using bastion = await startSshServer();
    await using inner = await startSshServer();
    const jump = passwordHost(bastion.port, { name: 'bastion' });
    await using rig = await openRig({ findHost: byName(jump), idleMs: 50 });
    const hosts = Array.from({ length: 20 }, (_, i) =>
      passwordHost(inner.port, { name: `web${i}`, jump: ['bastion'] }),
    );
    const outcomes = await Promise.all(hosts.map((host) => rig.run(host, 'true')));
    expect(outcomes.filter((outcome) => outcome.kind !== 'ok')).toEqual([]);
    expect(bastion.dials()).toBeLessThanOrEqual(3);
    expect(inner.commands).toHaveLength(20);
    await vi.waitFor(() => expect(bastion.open() + inner.open()).toBe(0), { timeout: 5_000 });
  });

  test('what goes wrong on the way is said to be on the way', async () => {
    await using bastion = await startSshServer();
    const closed = await freePort();
    const jump = passwordHost(bastion.port, { name: 'bastion' });
    const wrong = { ...jump, name: 'wrong', password: new Secret('no') };
    const down = { ...jump, name: 'down', port: closed };
    const off = { ...jump, name: 'off', enabled: false };
    await using rig = await openRig({ findHost: byName(jump, wrong, down, off) });
    const through = (name: string) => rig.run(passwordHost(closed, { jump: [name] }), 'true');

    expect(await through('wrong')).toMatchObject({ kind: 'auth-failed' });
    expect((await through('wrong')).reason).toMatch(/^jump host wrong: /);
    expect(await through('down')).toMatchObject({
      kind: 'unreachable',
      reason: `jump host down: connection refused by 127.0.0.1:${closed}`,
    });
    expect((await through('off')).reason).toContain('taken out');
    expect((await through('nobody')).reason).toBe('jump host nobody is not in the inventory');
  });

  test('a target that the host on the way cannot reach, or does not answer for', async () => {
    await using refusing = await startSshServer({ onForward: 'refuse' });
    await using silent = await startSshServer({ onForward: 'ignore' });
    const hosts = [
      passwordHost(refusing.port, { name: 'refusing' }),
      passwordHost(silent.port, { name: 'silent' }),
    ];
    await using rig = await openRig({ findHost: byName(...hosts), deadlines: { connectMs: 150 } });
    const target = { ip: '10.0.0.3', jump: ['refusing'] };
    const refused = await rig.run(passwordHost(22, target), 'true');
    expect(refused.kind).toBe('unreachable');
    expect(refused.reason).toContain('jump host refusing: 10.0.0.3:22 cannot be reached: ');
    expect(await rig.run(passwordHost(22, { ...target, jump: ['silent'] }), 'true')).toMatchObject({
      kind: 'unreachable',
      reason: 'jump host silent: 10.0.0.3:22 cannot be reached: no answer from 10.0.0.3:22 within 0.2 s',
    });
  });

  test('where the host on the way dies, the command is lost', async () => {
    await using bastion = await startSshServer();
    await using inner = await startSshServer({ onCommand: (channel) => void channel.write('begun') });
    await using rig = await openRig({ findHost: byName(passwordHost(bastion.port, { name: 'bastion' })) });
    const running = rig.run(passwordHost(inner.port, { jump: ['bastion'] }), 'sleep 60');
    await vi.waitFor(() => expect(inner.commands).toHaveLength(1));
    bastion.cut();
    expect((await running).kind).toBe('lost');
  });
});
