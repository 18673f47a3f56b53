import { pbkdf2 } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { type NameSources, Names } from '../../../src/ssh/names/names.ts';
import { startNameServer } from '../../rigs/name-server.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';

const NAME = 'web01.fleet.example';
const UP = { timeout: 10_000 };

async function openNames(sources: NameSources = {}) {
  const server = await startNameServer();
  const folder = mkdtempSync(join(tmpdir(), 'batchops-names-'));
  const hostsFile = join(folder, 'hosts');
  writeFileSync(hostsFile, '');
  /** Names that the system was asked for, and what it says to each. */
  const system: string[] = [];
  const askSystem = async (name: string) => {
    system.push(name);
    return name === 'web01' ? [{ address: '127.0.0.7', family: 4 }] : [];
  };
  const names = new Names({ hostsFile, servers: [server.address], askSystem, ...sources });
  const find = async (name: string) => (await names.find(name)).map(({ address }) => address);
  return {
    ...{ server, names, find, system, hostsFile },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true });
      await server[Symbol.asyncDispose]();
    },
  };
}

describe('the name of a host', () => {
  test('stands for its addresses of both families, the sixth first, and is asked for once by all who wait', async () => {
    await using rig = await openNames();
    rig.server.records.set(NAME, { ttl: 300, v4: ['127.0.0.5', '127.0.0.6'], v6: ['0:0:0:0:0:0:0:1'] });
    const all = await Promise.all(Array.from({ length: 50 }, () => rig.find(NAME.toUpperCase())));
    expect(new Set(all.map(String))).toEqual(new Set(['::1,127.0.0.5,127.0.0.6']));
    await rig.find(`${NAME}.`);
    expect(rig.server.asked).toEqual([NAME, NAME]);
    expect(rig.system).toEqual([]);
    expect(rig.names.firstOf(NAME)).toBe('::1');
  });

  test('is asked for again once its record is too old: what was changed is seen', async () => {
    await using rig = await openNames({ shortestMs: 20 });
    rig.server.records.set(NAME, { ttl: 0, v4: ['127.0.0.5'] });
    expect(await rig.find(NAME)).toEqual(['127.0.0.5']);
    rig.server.records.set(NAME, { ttl: 0, v4: ['127.0.0.6'] });
    await vi.waitFor(async () => expect(await rig.find(NAME)).toEqual(['127.0.0.6']), UP);
  });

  test('is what /etc/hosts says before any name server is asked, from the moment that it says so', async () => {
    await using rig = await openNames();
    writeFileSync(rig.hostsFile, `127.0.0.8 other ${NAME} # ours\n127.0.0.9\tWEB02\n::1 ${NAME}\n`);
    expect(await rig.find(NAME)).toEqual(['127.0.0.8', '::1']);
    expect(await rig.find('web02')).toEqual(['127.0.0.9']);
    writeFileSync(rig.hostsFile, `127.0.0.10 ${NAME}\n`);
    await vi.waitFor(async () => expect(await rig.find(NAME)).toEqual(['127.0.0.10']), UP);
    expect([...rig.server.asked, ...rig.system]).toEqual([]);
  });

  test('that has no dot, or that no name server knows, is looked up as the system does it, and not again at once', async () => {
    await using rig = await openNames();
    expect(await rig.find('web01')).toEqual(['127.0.0.7']);
    expect(await rig.find('nobody.example')).toEqual([]);
    expect(await rig.find('nobody.example')).toEqual([]);
    expect(rig.server.asked).toEqual(['nobody.example', 'nobody.example']);
    expect(rig.system).toEqual(['web01', 'nobody.example']);
  });

  test('may lead to an address where nothing listens: the other family is tried', async () => {
    await using rig = await openNames();
    await using ssh = await startSshServer();
    rig.server.records.set(NAME, { ttl: 60, v4: ['127.0.0.1'], v6: ['0:0:0:0:0:0:0:1'] });
    const socket = connect({ host: NAME, port: ssh.port, autoSelectFamily: true, lookup: rig.names.lookup });
    await vi.waitFor(() => expect(socket.remoteAddress).toBe('127.0.0.1'), UP);
    socket.destroy();
  });
});

describe('name servers that do not answer', () => {
  test('cost their own names a limited time, no thread of the process, and nobody else anything', async () => {
    await using rig = await openNames();
    const dead = Array.from({ length: 60 }, (_, n) => `h${n}.dead.example`);
    for (const name of dead) rig.server.records.set(name, 'silent');
    rig.server.records.set(NAME, { ttl: 60, v4: ['127.0.0.5'] });
    let ended = 0;
    const lookups = dead.map((name) => rig.find(name).finally(() => ended++));
    const outcomes = Promise.allSettled(lookups);
    expect(await rig.find(NAME)).toEqual(['127.0.0.5']);
    // Work of the thread pool, which the system's look-ups share.
    await Promise.all(Array.from({ length: 8 }, () => promisify(pbkdf2)('x', 'y', 10, 16, 'sha1')));
    expect(ended).toBe(0);
    const codes = (await outcomes).map((one) => (one.status === 'rejected' ? one.reason.code : 'none'));
    expect(new Set(codes)).toEqual(new Set(['EAI_AGAIN']));
    expect(rig.system).toEqual([]);
    // Not kept: they may be back.
    rig.server.records.set(dead[0] ?? '', { ttl: 60, v4: ['127.0.0.6'] });
    expect(await rig.find(dead[0] ?? '')).toEqual(['127.0.0.6']);
  });

  test('the system is asked for one name at a time, and for none that nobody waits for any more', async () => {
    const hung = Promise.withResolvers<never>();
    const asked: string[] = [];
    await using rig = await openNames({
      askSystem(name) {
        asked.push(name);
        return hung.promise;
      },
    });
    const codes = await Promise.all(
      ['one', 'two', 'three'].map((name) => rig.names.find(name).catch((error) => error.code)),
    );
    expect(codes).toEqual(['EAI_AGAIN', 'EAI_AGAIN', 'EAI_AGAIN']);
    expect(asked).toEqual(['one']);
    hung.reject(Object.assign(new Error('at last'), { code: 'EAI_AGAIN' }));
    await vi.waitFor(async () => {
      void rig.names.find('four').catch(() => {});
      expect(asked).toContain('four');
    }, UP);
    expect(new Set(asked)).toEqual(new Set(['one', 'four']));
  });
});
