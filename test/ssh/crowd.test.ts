import { describe, expect, test } from 'vitest';
import { HAS_SSHD, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig } from './rig.ts';

const STOCK = ['MaxStartups 10:30:100'];

describe('one machine with many addresses drops whoever logs in beside too many others', () => {
  test.skipIf(!HAS_SSHD)(
    'two hundred addresses of a stock OpenSSH, asked at once: none is left out',
    { timeout: 120_000 },
    async () => {
      await using sshd = await startSshd({ addresses: ['0.0.0.0'], config: STOCK });
      await using rig = await openRig();
      const hosts = Array.from({ length: 200 }, (_, n) =>
        keyHost(sshd, { name: `a${n}`, ip: `127.9.7.${n + 1}` }),
      );
      const outcomes = await Promise.all(hosts.map((host) => rig.run(host, 'echo here')));
      expect(outcomes.filter(({ kind }) => kind !== 'ok').map(({ reason }) => reason)).toEqual([]);
    },
  );
});
