import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { DEFAULT_DEADLINES } from '../../src/ssh/settings.ts';
import { startSshServer } from '../rigs/ssh-server.ts';
import { HAS_SSHD, type Sshd, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, passwordHost } from './rig.ts';

const STOCK = ['MaxStartups 10:30:100'];
const { retryDelaysMs } = DEFAULT_DEADLINES;

describe('one machine with many addresses drops whoever logs in beside too many others', () => {
  test.skipIf(!HAS_SSHD)(
    'two hundred addresses of a stock OpenSSH, asked at once: none is left out',
    { timeout: 120_000 },
    async () => {
      await using sshd = await startSshd({ addresses: ['0.0.0.0'], config: STOCK });
      await using rig = await openRig();
      const outcomes = await Promise.all(hostsOf(sshd, 200).map((host) => rig.run(host, 'echo here')));
      expect(outcomes.filter(({ kind }) => kind !== 'ok').map(({ reason }) => reason)).toEqual([]);
    },
  );

  test.skipIf(!HAS_SSHD).each([2, 1])(
    'fifty addresses of one that is set up to take few (MaxStartups %s): none is left out, and each runs once',
    { timeout: 120_000 },
    async (most) => {
      await using sshd = await startSshd({ addresses: ['0.0.0.0'], config: [`MaxStartups ${most}`] });
      await using rig = await openRig({ deadlines: { retryDelaysMs } });
      const log = join(sshd.folder, 'ran');
      const hosts = hostsOf(sshd, 50);
      const outcomes = await Promise.all(hosts.map((host) => rig.run(host, `echo ${host.name} >> ${log}`)));
      expect(outcomes.filter(({ kind }) => kind !== 'ok').map(({ reason }) => reason)).toEqual([]);
      const ran = (await readFile(log, 'utf8')).trim().split('\n');
      expect(ran.toSorted()).toEqual(hosts.map(({ name }) => name).toSorted());
    },
  );

  test('a host that says so has got nothing of the command, and runs it once when it lets us in', async () => {
    const heard: Promise<string>[] = [];
    await using server = await startSshServer({
      onSocket(socket, index) {
        if (index >= 5) return false;
        heard.push(text(socket));
        socket.end('Exceeded MaxStartups\r\n');
        return true;
      },
    });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({ kind: 'ok', reason: '' });
    expect(server.commands).toEqual(['true']);
    const sent = await Promise.all(heard);
    expect(sent).toHaveLength(5);
    // It may be gone before it is greeted.
    expect(sent.filter((line) => !/^(SSH-2\.0-[\w.]+\r\n)?$/.test(line))).toEqual([]);
  });

  test.each([
    ['Exceeded MaxStartups', 'it is asked so often, and no more', 13],
    ['Not allowed at this time', 'a penalty is not waited for', 3],
  ])('a host that says for ever "%s": %s', async (words, _, dials) => {
    await using server = await startSshServer({
      onSocket(socket) {
        socket.end(`${words}\r\n`);
        return true;
      },
    });
    await using rig = await openRig();
    expect(await rig.run(passwordHost(server.port), 'true')).toMatchObject({
      kind: 'unreachable',
      reason: `127.0.0.1:${server.port} hung up during its greeting, saying "${words}"`,
    });
    expect(server.dials()).toBe(dials);
  });
});

function hostsOf(sshd: Sshd, count: number) {
  return Array.from({ length: count }, (_, n) => keyHost(sshd, { name: `a${n}`, ip: `127.9.7.${n + 1}` }));
}
