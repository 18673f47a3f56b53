import { expect, test } from 'vitest';
import type { HostFacts } from '../../src/run/ping/facts.ts';
import { openRig } from './rig.ts';

const MEETING = {
  tcpMs: 1,
  kexMs: 12,
  authMs: 20,
  key: { type: 'ssh-ed25519', fingerprint: 'SHA256:abc' },
  trust: 'known',
  server: 'OpenSSH_9.2p1',
} as const;
const factsOf = (host: string, at: number, more: Partial<HostFacts> = {}): HostFacts => ({
  host,
  ip: '10.0.0.1',
  port: 22,
  user: 'ops',
  at,
  kind: 'ok',
  ...more,
});

test('what is remembered of a host is kept where a later contact does not tell it, and not of another login', async () => {
  await using rig = await openRig();
  const { hostFacts } = rig.store;
  const abilities = { shell: '/bin/bash', sudo: 'asks', sftp: true, at: 1_000 } as const;
  await hostFacts.remember([
    factsOf('Web01', 1_000, { meeting: { ...MEETING, at: 1_000 }, abilities }),
    factsOf('web02', 1_000, { abilities }),
  ]);
  await hostFacts.remember([
    factsOf('web01', 2_000, { kind: 'unreachable' }),
    factsOf('web02', 2_000, { ip: '10.0.0.9' }),
  ]);
  const known = await hostFacts.list(['WEB01', 'web02', 'web03']);
  expect([...known.keys()].toSorted()).toEqual(['web01', 'web02']);
  expect(known.get('web01')).toMatchObject({
    at: 2_000,
    kind: 'unreachable',
    meeting: { server: 'OpenSSH_9.2p1', at: 1_000 },
    abilities: { sudo: 'asks', at: 1_000 },
  });
  expect(known.get('web02')).not.toHaveProperty('abilities');
});

test('of a thousand hosts is written in a few steps, and goes as runs do once nobody was in contact for so long', async () => {
  let time = 1_000_000_000;
  await using rig = await openRig({ now: () => time });
  const { hostFacts, expiry } = rig.store;
  await hostFacts.remember(Array.from({ length: 1_200 }, (_, n) => factsOf(`web${n}`, time)));
  time += 500;
  await hostFacts.remember([factsOf('web7', time)]);
  expect((await hostFacts.list(['web0', 'web7', 'web1199'])).size).toBe(3);
  time += 600;
  const keep = {
    outputMs: Number.POSITIVE_INFINITY,
    runMs: 1_000,
    maxBytes: Number.POSITIVE_INFINITY,
  };
  while (await expiry.step(keep));
  expect([...(await hostFacts.list(['web0', 'web7', 'web1199'])).keys()]).toEqual(['web7']);
});
