import { describe, expect, test } from 'vitest';
import { formatFacts, pingTable } from '../../src/report/ping.ts';
import type { HostFacts } from '../../src/run/ping/facts.ts';
import type { Ping } from '../../src/run/ping/ping.ts';
import { boxesOf, expectNothingAlive, expectWithinLimits, textsOf } from './limits.ts';

const PING: Ping = {
  tcpMs: 1,
  kexMs: 10,
  authMs: 20,
  channelMs: 2,
  key: { type: 'ssh-ed25519', fingerprint: 'SHA256:abc' },
  trust: 'known',
  server: 'OpenSSH_9.2p1',
  shell: '/bin/bash',
  sudo: 'asks',
  sftp: true,
};

describe('the logins of many hosts', () => {
  test('are a table of a few lines, with the hosts where it took longest', () => {
    const pings = Array.from(
      { length: 1_000 },
      (_, n) => [`web${n}`, { ...PING, tcpMs: n, authMs: n === 7 ? 5_000 : 20 }] as const,
    );
    const table = pingTable(pings);
    expect(JSON.stringify(table)).toContain(
      'of 1,000 hosts, in ms; slowest: web7 5,019, web999 1,031, web998 1,030',
    );
    expect(table[1]?.elements[0]?.text.split('\n')).toEqual([
      '         median   95 %   most',
      'TCP         499    949    999',
      'keys         10     10     10',
      'login        20     20  5,000',
      'channel       2      2      2',
    ]);
    expect(pingTable(pings.slice(0, 1))).toEqual([]);
  });
});

describe('what is remembered of hosts', () => {
  const factsOf = (n: number, more: Partial<HostFacts> = {}): HostFacts => ({
    host: `web${n}`,
    ip: '10.0.0.1',
    port: 22,
    user: 'ops',
    at: 1_000_000 - n * 1_000,
    kind: 'ok',
    ...more,
  });

  test('is told once for hosts that are alike, with the range of its age', () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => ({
      host: `web${n}`,
      facts: n === 3 ? undefined : factsOf(n, n % 100 === 1 ? { kind: 'unreachable' } : {}),
    }));
    const message = formatFacts(rows, 1_000_000);
    const text = textsOf(message).join('');
    expect(text).toContain('Remembered of 999 of 1,000 hosts; nothing was dialled.');
    expect(text).toMatch(/\(989\) · 0\.0 s to 16 min 39 s ago\nok/);
    expect(text).toMatch(/\(10\) · 1\.0 s to 15 min 01 s ago\nunreachable/);
    expect(text).toContain(
      'web3 · nothing is remembered of them at the address and user that they have today: ',
    );
    expectWithinLimits(message);
  });

  test('keeps within a message and is alive nowhere, whatever hosts call themselves', () => {
    const hostile = '<!channel> `*x*` \u202e\u0007'.repeat(50);
    const rows = Array.from({ length: 300 }, (_, n) => ({
      host: `web${n}`,
      facts: factsOf(n, {
        meeting: { ...PING, server: `${n} ${hostile}`, at: 0 },
        abilities: { shell: `/bin/${n}${hostile}`, sudo: 'free', sftp: false, at: 0 },
      }),
    }));
    for (const some of [rows, rows.slice(0, 1)]) {
      const message = formatFacts(some, 1_000_000);
      expectWithinLimits(message);
      expectNothingAlive(message);
    }
    expect(boxesOf(formatFacts(rows.slice(0, 1), 1_000_000))[0]).toContain('sftp     not offered');
  });
});
