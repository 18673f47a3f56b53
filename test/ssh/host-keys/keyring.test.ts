import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMask } from '../../../src/gather/mask.ts';
import type { Host } from '../../../src/inventory/inventory.ts';
import { isTrustable, type KeyReport, type TrustableReport } from '../../../src/run/host-key.ts';
import type { KeyPair } from '../../../src/sandbox/fleet/key-pair.ts';
import { openHostKeys } from '../../../src/ssh/host-keys/host-keys.ts';
import { openKeyring } from '../../../src/ssh/host-keys/keyring.ts';
import { fingerprint } from '../../../src/ssh/host-keys/known-hosts.ts';
import { openTransport } from '../../../src/ssh/transport.ts';
import { Trouble } from '../../../src/ssh/trouble.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';
import { freePort, HAS_SSHD, makeKeyPair, startSshd } from '../../rigs/sshd.ts';
import { memoryLeftovers } from '../memory-leftovers.ts';
import { memoryOrigins } from '../memory-origins.ts';
import { execution, keyHost, passwordHost, unrecorded } from '../rig.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchops-keyring-'));
  file = join(folder, 'known_hosts');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const words = (key: KeyPair) => key.public.split(' ').slice(0, 2).join(' ');

function printOf(key: KeyPair): string {
  const parsed = ssh2.utils.parseKey(key.public);
  if (parsed instanceof Error) throw parsed;
  return fingerprint(parsed.getPublicSSH());
}

async function open(
  more: { policy?: 'ask' | 'accept-new'; hosts?: readonly Host[]; handshakeMs?: number } = {},
) {
  const { policy = 'ask', hosts = [], handshakeMs = 20_000 } = more;
  const transport = openTransport({
    hostKeys: await openHostKeys(file, policy, unrecorded),
    findHost: (name) => hosts.find((host) => host.name === name),
    secretsMask: () => createMask([]),
    transferDir: join(folder, 'transfers'),
    origins: memoryOrigins(),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    leftovers: memoryLeftovers(),
    deadlines: { handshakeMs, connectMs: 20_000, retryDelaysMs: [] },
  });
  const look = async (host: Host): Promise<KeyReport> => {
    const [report] = await transport.keyring.look([host]);
    if (report === undefined) throw new Error('no report');
    return report;
  };
  const trust = async (report: KeyReport) => {
    if (!isTrustable(report)) throw new Error(`it is ${report.kind}`);
    return await transport.keyring.trust([report], unrecorded);
  };
  return { transport, look, trust, [Symbol.asyncDispose]: () => transport.close() };
}

describe('a look at the keys of a host', () => {
  test.skipIf(!HAS_SSHD)(
    'sees each type that it has, and what was trusted of it lets a login in',
    async () => {
      const hostKeys = [makeKeyPair('ed25519'), makeKeyPair('ecdsa'), makeKeyPair('rsa')];
      await using sshd = await startSshd({ hostKeys });
      await using rig = await open();
      const host = keyHost(sshd);
      const refused = await rig.transport.execute(host, { action: 'run', command: 'true' }, execution());
      expect(refused).toMatchObject({ kind: 'host-key-failed' });
      expect(refused.reason).toContain('`/batch trust web01`');
      const report = await rig.look(host);
      expect(report).toMatchObject({ kind: 'new', place: `[127.0.0.1]:${sshd.port}`, untold: [] });
      const offered = report.kind === 'new' ? report.offered.map((key) => key.fingerprint) : [];
      expect(new Set(offered)).toEqual(new Set(hostKeys.map(printOf)));
      expect(await rig.trust(report)).toMatchObject({ kind: 'done', stale: [] });
      expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(3);
      const outcome = await rig.transport.execute(host, { action: 'run', command: 'echo in' }, execution());
      expect(outcome).toMatchObject({ kind: 'ok', stdout: { head: 'in\n' } });
      expect(await rig.look(host)).toMatchObject({ kind: 'same' });
    },
  );

  test('offers nothing there: no user, no way to log in, and hangs up', async () => {
    await using server = await startSshServer({ hostKeys: [makeKeyPair('ed25519'), makeKeyPair('rsa')] });
    await using rig = await open();
    expect(await rig.look(passwordHost(server.port))).toMatchObject({ kind: 'new', offered: [{}, {}] });
    expect(server.dials()).toBe(2);
    await vi.waitFor(() => expect(server.open()).toBe(0));
    expect(server.logins).toEqual([]);
  });

  test('goes through a host on the way only where that one is known, and logs in at that one alone', async () => {
    await using bastion = await startSshServer();
    await using inner = await startSshServer();
    const jump = passwordHost(bastion.port, { name: 'bastion' });
    const host = passwordHost(inner.port, { jump: ['bastion'] });
    await using rig = await open({ hosts: [jump], policy: 'accept-new' });
    const first = await rig.look(host);
    expect(first).toMatchObject({
      kind: 'unreachable',
      reason: expect.stringContaining('/batch trust bastion'),
    });
    expect(bastion.dials()).toBe(0);
    await rig.trust(await rig.look(jump));
    expect(await rig.look(host)).toMatchObject({ kind: 'new' });
    expect(bastion.logins).toContain('password');
    expect(inner.logins).toEqual([]);
  });

  test.each(['silence', 'no SSH', 'a flood', 'another signature'] as const)(
    'is over in its time, and trusts nothing, where a host answers with %s',
    async (what) => {
      await using server = await startSshServer({
        onSocket(socket) {
          if (what === 'silence') return true;
          if (what === 'no SSH') socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
          else if (what === 'a flood') socket.write(`SSH-2.0-x\r\n${'x'.repeat(300_000)}`);
          else return false;
          return true;
        },
        onConnection(connection) {
          if (what !== 'another signature') return;
          // The key that it shows is not the one that it signs with.
          const protocol = Reflect.get(connection, '_protocol');
          const keys: Record<string, { getPublicSSH(): Buffer }> = Reflect.get(protocol, '_hostKeys');
          const other = ssh2.utils.parseKey(makeKeyPair().public);
          if (other instanceof Error) throw other;
          for (const type of Object.keys(keys)) {
            keys[type] = Object.create(keys[type] ?? null, {
              getPublicSSH: { value: () => other.getPublicSSH() },
            });
          }
        },
      });
      await using rig = await open({ handshakeMs: 500 });
      const report = await rig.look(passwordHost(server.port));
      expect(report.kind).toBe('unreachable');
      expect(server.logins).toEqual([]);
    },
  );

  test('tells a changed key with the known one, a revoked one, a pin that is not met, and a line for many', async () => {
    const [shows, known] = [makeKeyPair(), makeKeyPair()];
    await using server = await startSshServer({ hostKeys: [shows] });
    const place = `[127.0.0.1]:${server.port}`;
    const host = passwordHost(server.port);
    await using rig = await open();
    await writeFile(file, `${place} ${words(known)}\n`);
    expect(await rig.look(host)).toMatchObject({
      kind: 'changed',
      known: [{ fingerprint: printOf(known) }],
      offered: [{ fingerprint: printOf(shows) }],
      byHand: undefined,
    });
    await writeFile(file, `${place} ${words(shows)}\n@revoked * ${words(shows)}\n`);
    expect(await rig.look(host)).toMatchObject({ kind: 'revoked' });
    await writeFile(file, `# mine\n[127.0.0.*]:* ${words(known)}\n`);
    const shared = await rig.look(host);
    expect(shared).toMatchObject({ kind: 'changed', byHand: `${file}:2` });
    expect(isTrustable(shared)).toBe(false);
    expect(await rig.look({ ...host, hostKey: printOf(known) })).toMatchObject({ kind: 'unpinned' });
    expect(await rig.look({ ...host, hostKey: printOf(shows) })).toMatchObject({ kind: 'same' });
  });

  test('ends in its time, whatever hosts do, and when the bot stops: what was not seen by then is said', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const open = async (lookMs: number) =>
      openKeyring({
        hostKeys: await openHostKeys(file, 'ask', unrecorded),
        findHost: () => undefined,
        fetch: ({ name }, _known, signal) => {
          seen.push(name);
          return new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(new Trouble('unreachable', 'stopped'))),
          );
        },
        drop() {},
        stop: stop.signal,
        lookMs,
      });
    const hosts = Array.from({ length: 40 }, (_, i) => passwordHost(2_000 + i, { name: `w${i}` }));
    const reasons = (reports: readonly KeyReport[]) =>
      new Set(reports.map((report) => (report.kind === 'unreachable' ? report.reason : report.kind)));
    const late = await (await open(100)).look(hosts);
    expect(late).toHaveLength(40);
    expect(reasons(late)).toEqual(
      new Set(['there was no time left for it, 0.1 s are for all hosts together']),
    );
    expect(seen).toHaveLength(16);
    const stopped = (await open(60_000)).look(hosts);
    await vi.waitFor(() => expect(seen).toHaveLength(32));
    stop.abort();
    expect(reasons(await stopped)).toEqual(new Set(['the bot is stopping']));
  });

  test('says of a host that is taken out, or not there, why it has no keys', async () => {
    await using rig = await open();
    expect(await rig.look(passwordHost(22, { enabled: false }))).toMatchObject({
      reason: /taken out/ as never,
    });
    const down = await rig.look(passwordHost(await freePort()));
    expect(down).toMatchObject({ kind: 'unreachable', reason: expect.stringMatching(/connection refused/) });
  });
});

describe('trusting what a host showed', () => {
  test('takes the old keys out and keeps the file its own: mode, link, other bytes', async () => {
    const old = makeKeyPair();
    await using server = await startSshServer();
    const real = join(folder, 'elsewhere');
    const place = `[127.0.0.1]:${server.port}`;
    const comment = Buffer.from('# caf\xe9\n', 'latin1');
    await writeFile(real, Buffer.concat([comment, Buffer.from(`web01,${place} ${words(old)}\n`)]));
    await chmod(real, 0o640);
    await symlink(real, file);
    await using rig = await open();
    expect(await rig.trust(await rig.look(passwordHost(server.port)))).toMatchObject({
      kind: 'done',
      stale: [],
    });
    const [key] = server.hostKeys;
    if (key === undefined) throw new Error('no key');
    expect(await readFile(real, 'latin1')).toBe(`# caf\xe9\nweb01 ${words(old)}\n${place} ${words(key)}\n`);
    expect((await stat(real)).mode & 0o777).toBe(0o640);
  });

  test('writes nothing where something else is known by now, were it only a moment old', async () => {
    await using server = await startSshServer();
    await using rig = await open();
    const report = await rig.look(passwordHost(server.port));
    const other = `[127.0.0.1]:${server.port} ${words(makeKeyPair())}\n`;
    await writeFile(file, other);
    let recorded = 0;
    const result = await rig.transport.keyring.trust(
      [report as TrustableReport],
      async () => void recorded++,
    );
    expect(result).toMatchObject({ kind: 'done', written: [], stale: [report] });
    expect(recorded).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(other);
  });

  test('writes over nobody who changes the file meanwhile', async () => {
    await using server = await startSshServer();
    await using rig = await open();
    const report = await rig.look(passwordHost(server.port));
    const other = `web01 ${words(makeKeyPair())}\n`;
    const result = await rig.transport.keyring.trust([report as TrustableReport], () =>
      writeFile(file, other),
    );
    expect(result).toMatchObject({ kind: 'failed', reason: expect.stringContaining('somebody else') });
    expect(await readFile(file, 'utf8')).toBe(other);
  });

  test('of one address that showed two machines’ keys is refused', async () => {
    await using one = await startSshServer();
    await using two = await startSshServer();
    await using rig = await open();
    const a = await rig.look(passwordHost(one.port, { name: 'a' }));
    const b = await rig.look(passwordHost(two.port, { name: 'b' }));
    const same = [a, { ...b, place: a.place }] as TrustableReport[];
    expect(await rig.transport.keyring.trust(same, unrecorded)).toMatchObject({ written: [], stale: same });
  });

  test('nothing goes over a connection any more that was made by the keys before', async () => {
    await using server = await startSshServer();
    const place = `[127.0.0.1]:${server.port}`;
    await using rig = await open({ policy: 'accept-new' });
    const host = passwordHost(server.port);
    const run = () => rig.transport.execute(host, { action: 'run', command: 'true' }, execution());
    expect(await run()).toMatchObject({ kind: 'ok' });
    expect(await run()).toMatchObject({ kind: 'ok' });
    expect(server.dials()).toBe(1);
    await writeFile(file, `${place} ${words(makeKeyPair())}\n`);
    await rig.trust(await rig.look(host));
    const before = server.dials();
    expect(await run()).toMatchObject({ kind: 'ok' });
    expect(server.dials()).toBe(before + 1);
  });
});
