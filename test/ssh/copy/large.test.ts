import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CAN_MOUNT, mountSmall } from '../../rigs/small-disk.ts';
import { HAS_SSHD, startSshd } from '../../rigs/sshd.ts';
import { keyHost, openRig } from '../rig.ts';
import { place, put } from './copy-rig.ts';

const CLIENT = new URL('../../bench/copy/copy-client.ts', import.meta.url).pathname;
const LARGE_BYTES = 384 * 2 ** 20;
/** What a process with a transport and no work takes is some 90 MiB. */
const MOST_RSS_KIB = 220 * 1024;

describe.skipIf(!HAS_SSHD)('a large file', () => {
  test('goes there and back in memory that does not grow with it', async () => {
    await using sshd = await startSshd();
    const folder = await mkdtemp(join(tmpdir(), 'batchops-large-'));
    try {
      await mkdir(join(folder, 'transfers'));
      const file = await open(join(folder, 'transfers/source'), 'w');
      // A hole: as long as it is to read, and no disk is worn.
      await file.truncate(LARGE_BYTES);
      await file.write(randomBytes(1_000), 0, 1_000, LARGE_BYTES - 1_000);
      await file.close();
      await writeFile(join(folder, 'key'), `${sshd.key.private.trimEnd()}\n`, { mode: 0o600 });
      const files = { folder, user: sshd.user, keyPath: join(folder, 'key'), bytes: LARGE_BYTES };
      await writeFile(join(folder, 'copy.json'), JSON.stringify(files));
      const client = fork(CLIENT, ['ours', join(folder, 'copy.json')]);
      await once(client, 'message');
      for (const action of ['put', 'get'] as const) {
        client.send({
          action,
          remote: join(folder, action === 'put' ? 'there' : 'there-0'),
          ports: [sshd.port],
        });
        const [done] = await once(client, 'message');
        expect(done).toMatchObject({ answers: 1 });
      }
      const [, peakKib] =
        /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${client.pid}/status`, 'utf8')) ?? [];
      expect(Number(peakKib)).toBeLessThan(MOST_RSS_KIB);
      expect((await stat(join(folder, 'transfers/back/h0/there-0'))).size).toBe(LARGE_BYTES);
      client.disconnect();
      await once(client, 'exit');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);

  test.skipIf(!CAN_MOUNT)('for which the host has no room is not begun', async () => {
    await using sshd = await startSshd();
    await using rig = await openRig();
    const small = join(sshd.folder, 'small');
    await mkdir(small);
    using _disk = mountSmall(small, 1_500);
    await place(rig, 'big', Buffer.alloc(2_000_000));
    const outcome = await put(rig, keyHost(sshd), 'big', `${small}/`);
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toMatch(
      /^2000000 bytes are to come, and \d+ are free in .*small; nothing was sent$/,
    );
    expect(await readdir(small)).toEqual([]);
  });
});
