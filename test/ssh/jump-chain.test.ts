import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import { type SshServer, startSshServer } from '../rigs/ssh-server.ts';
import { HAS_SSHD, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, passwordHost, type TransportRig } from './rig.ts';

const UP = { timeout: 10_000 };

const byName =
  (...hosts: readonly Host[]) =>
  (name: string) =>
    hosts.find((host) => host.name === name);

/** Three sshd of OpenSSH, of which each lets nobody go on but to the next. */
async function startChain() {
  await using stack = new AsyncDisposableStack();
  const last = stack.use(await startSshd());
  const second = stack.use(await startSshd({ config: [`PermitOpen 127.0.0.1:${last.port}`] }));
  const first = stack.use(await startSshd({ config: [`PermitOpen 127.0.0.1:${second.port}`] }));
  const open = stack.move();
  return {
    first: keyHost(first, { name: 'first' }),
    second: keyHost(second, { name: 'second' }),
    last: keyHost(last, { name: 'last' }),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

describe.skipIf(!HAS_SSHD)('through a chain of hosts that run OpenSSH', () => {
  test('each is gone through in the order written, and each one is known by its own key then', async () => {
    await using chain = await startChain();
    const { first, second, last } = chain;
    await using rig = await openRig({ findHost: byName(first, second) });
    const host = { ...last, jump: ['first', 'second'] };
    expect(await rig.run(host, 'echo $SSH_CONNECTION')).toMatchObject({
      kind: 'ok',
      reason: '',
      stdout: { head: expect.stringContaining(` ${last.port}\n`) },
    });
    const known = await readFile(join(rig.folder, 'known_hosts'), 'utf8');
    for (const { port } of [first, second, last]) expect(known).toContain(`[127.0.0.1]:${port} `);

    const short = await rig.run({ ...last, name: 'short', jump: ['first'] }, 'true');
    expect(short.reason).toMatch(`jump host first: 127.0.0.1:${last.port} cannot be reached: `);
    const turned = await rig.run({ ...last, name: 'turned', jump: ['second', 'first'] }, 'true');
    expect(turned.reason).toMatch(`jump host second: 127.0.0.1:${first.port} cannot be reached: `);
  });

  test("the first host's own jump counts, that of a later one does not: as OpenSSH's ProxyJump", async () => {
    await using chain = await startChain();
    const { first, second, last } = chain;
    const host = { ...last, jump: ['second'] };
    await using own = await openRig({ findHost: byName(first, { ...second, jump: ['first'] }) });
    expect(await own.run(host, 'true')).toMatchObject({ kind: 'ok' });
    expect(await readFile(join(own.folder, 'known_hosts'), 'utf8')).toContain(`:${first.port} `);
    await using later = await openRig({ findHost: byName(first, { ...second, jump: ['nobody'] }) });
    expect(await later.run({ ...last, jump: ['first', 'second'] }, 'true')).toMatchObject({ kind: 'ok' });
  });

  test('a hop whose key is not known, or that refuses the login, is named, and nobody goes on from it', async () => {
    await using chain = await startChain();
    const { first, second, last } = chain;
    const host = { ...last, jump: ['first', 'second'] };
    await using strict = await openRig({ findHost: byName(first, second), policy: 'strict' });
    const unknown = await strict.run(host, 'true');
    expect(unknown).toMatchObject({ kind: 'host-key-failed' });
    expect(unknown.reason).toMatch(/^jump host first: /);
    const { privateKey: _, ...bare } = second;
    const refused = { ...bare, password: new Secret('not his') };
    await using rig = await openRig({ findHost: byName(first, refused) });
    const outcome = await rig.run(host, 'true');
    expect(outcome.kind).toBe('auth-failed');
    expect(outcome.reason).toMatch(/^jump host second: /);
    expect(await readFile(join(rig.folder, 'known_hosts'), 'utf8')).not.toContain(`:${last.port} `);
  });
});

describe('a chain', () => {
  interface Chain {
    readonly servers: readonly [SshServer, SshServer, SshServer];
    readonly rig: TransportRig;
    readonly hosts: Map<string, Host>;
    target(name?: string): Host;
  }

  async function withChain(
    use: (chain: Chain) => Promise<void>,
    scripts: readonly Parameters<typeof startSshServer>[0][] = [],
    settings: Parameters<typeof openRig>[0] = {},
  ): Promise<void> {
    await using a = await startSshServer(scripts[0]);
    await using b = await startSshServer(scripts[1]);
    await using inner = await startSshServer(scripts[2]);
    const hosts = new Map([
      ['a', passwordHost(a.port, { name: 'a' })],
      ['b', passwordHost(b.port, { name: 'b' })],
    ]);
    await using rig = await openRig({ findHost: (name) => hosts.get(name), ...settings });
    const target = (name = 'web01') => {
      const host = passwordHost(inner.port, { name, jump: ['a', 'b'] });
      hosts.set(name, host);
      return host;
    };
    await use({ servers: [a, b, inner], rig, hosts, target });
    expect(rig.errors).toEqual([]);
  }

  test('twenty targets share the connections to each hop, which are closed after the last', async () => {
    await withChain(
      async ({ servers: [a, b, inner], rig, target }) => {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, i) => rig.run(target(`web${i}`), 'true')),
        );
        expect(outcomes.filter((outcome) => outcome.kind !== 'ok')).toEqual([]);
        expect(inner.commands).toHaveLength(20);
        expect(b.dials()).toBeLessThanOrEqual(3);
        expect(a.dials()).toBe(1);
        await vi.waitFor(() => expect([a.open(), b.open(), inner.open()]).toEqual([0, 0, 0]), UP);
      },
      [],
      { idleMs: 50 },
    );
  });

  test('a refused credential of a hop is offered twice at most, whoever wants to go through', async () => {
    const tried: string[] = [];
    await withChain(async ({ servers: [, b, inner], rig, hosts, target }) => {
      hosts.set('b', passwordHost(b.port, { name: 'b', password: new Secret('wrong') }));
      for (let i = 0; i < 6; i++) tried.push((await rig.run(target(`web${i}`), 'true')).kind);
      expect(tried).toEqual(['auth-failed', 'auth-failed', 'skipped', 'skipped', 'skipped', 'skipped']);
      expect((await rig.run(target(), 'true')).reason).toMatch(
        /^jump host b: the password of ops was refused/,
      );
      expect(inner.dials()).toBe(0);
    });
  });

  test('whoever is cancelled on the way waits no longer, and the others go through', async () => {
    const gate = Promise.withResolvers<void>();
    await withChain(
      async ({ servers: [, b, inner], rig, target }) => {
        const stop = new AbortController();
        const cancelled = rig.run(target('one'), 'true', { signal: stop.signal });
        const other = rig.run(target('two'), 'true');
        await vi.waitFor(() => expect(b.dials()).toBe(1), UP);
        stop.abort('cancelled');
        expect(await cancelled).toMatchObject({ kind: 'cancelled' });
        gate.resolve();
        expect(await other).toMatchObject({ kind: 'ok' });
        expect(inner.commands).toHaveLength(1);
      },
      [{}, answersAfter(gate.promise)],
    );
  });

  test('a hop that never answers is given up after its own time, and named', async () => {
    await withChain(
      async ({ rig, target }) => {
        expect(await rig.run(target(), 'true')).toMatchObject({
          kind: 'unreachable',
          reason: expect.stringMatching(/^jump host b: .* did not finish .* within 0.3 s$/),
        });
      },
      [{}, answersAfter(new Promise(() => {}))],
      { deadlines: { handshakeMs: 300, retryDelaysMs: [] } },
    );
  });

  test('where the first hop dies the command is lost; where it changes, what is kept behind it is closed', async () => {
    await withChain(
      async ({ servers: [a, b, inner], rig, hosts, target }) => {
        expect(await rig.run(target(), 'true')).toMatchObject({ kind: 'ok' });
        rig.transport.closeStale();
        expect([a.open(), b.open(), inner.open()]).toEqual([1, 1, 1]);
        hosts.set('a', passwordHost(a.port, { name: 'a', user: 'root' }));
        rig.transport.closeStale();
        await vi.waitFor(() => expect([a.open(), b.open(), inner.open()]).toEqual([0, 0, 0]), UP);

        hosts.set('a', passwordHost(a.port, { name: 'a' }));
        const running = rig.run(target(), 'sleep 60');
        await vi.waitFor(() => expect(inner.commands).toHaveLength(2), UP);
        a.cut();
        expect((await running).kind).toBe('lost');
      },
      [{}, {}, { onCommand: (channel, command) => (command === 'true' ? endWell(channel) : undefined) }],
    );
  });
});

/** Says nothing to a password before that. */
function answersAfter(gate: Promise<void>): Parameters<typeof startSshServer>[0] {
  return {
    onLogin(context, offers) {
      if (context.method === 'password') void gate.then(() => context.accept());
      else context.reject(offers);
    },
  };
}

function endWell(channel: { exit(code: number): void; end(): void }): void {
  channel.exit(0);
  channel.end();
}
