import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CAN_MOUNT, fillDisk, mountSmall } from '../../rigs/small-disk.ts';
import { HAS_SSHD, type Sshd, startSshd } from '../../rigs/sshd.ts';
import { execution, keyHost, openRig, type TransportRig } from '../rig.ts';
import { place, put, sha256 } from './copy-rig.ts';

/** What users of others met on hosts that are full in one way or another, on a real sshd. */
describe.skipIf(!HAS_SSHD || !CAN_MOUNT)('a host that takes no more', () => {
  let sshd: Sshd;
  let rig: TransportRig;
  let disk: string;
  const stack = new AsyncDisposableStack();

  beforeAll(async () => {
    disk = join('/tmp', `batchops-full-${process.pid}`);
    await mkdir(disk);
    stack.defer(() => void execFileSync('rmdir', [disk]));
    stack.use(mountSmall(disk, 64 * 1024, 'nr_inodes=8'));
    sshd = stack.use(await startSshd({ config: [`SetEnv SHLVL=1 TMPDIR=${disk}`] }));
    rig = stack.use(await openRig());
    await place(rig, 'some', Buffer.alloc(8 * 1024 ** 2, 'x'));
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await stack.disposeAsync();
  });

  // ansible/ansible#5339: a disk that ran out of inodes.
  test('of files, with room for bytes: the reason says which of the two it is, and nothing is left', async () => {
    const filled: string[] = [];
    for (let n = 0; n < 7; n++) {
      const path = join(disk, `file-${n}`);
      writeFileSync(path, '');
      filled.push(path);
    }
    const outcome = await put(rig, keyHost(sshd), 'some', `${disk}/`);
    expect([outcome.kind, outcome.reason]).toEqual([
      'transfer-failed',
      expect.stringMatching(
        /; no file more can be made in .*batchops-full-\d+: the inodes of its disk are used up$/,
      ),
    ]);
    expect((await readdir(disk)).length).toBe(filled.length);
    execFileSync('rm', filled);
  });

  // ansible/ansible#35029: a file that was cut off where the limit of its size was, and counted as copied.
  test('of one file beyond a limit of its size: never a short file under the name, and the host is not lost for the next', async () => {
    const [pid] = execFileSync('pgrep', ['-f', join(sshd.folder, 'sshd_config')], { encoding: 'utf8' }).split(
      '\n',
    );
    const limit = (bytes: string): void => {
      execFileSync('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}`]);
    };
    limit(`${1024 ** 2}:unlimited`);
    const other = keyHost(sshd, { name: 'limited' });
    const outcome = await put(rig, other, 'some', `${disk}/short`);
    limit('unlimited');
    expect([outcome.kind, existsSync(join(disk, 'short'))]).toEqual(['transfer-failed', false]);
    expect(outcome.reason).not.toBe('');
    const next = await rig.run(keyHost(sshd, { name: 'limited' }), 'echo still there');
    expect(next.stdout.head).toBe('still there\n');
    expect(await readdir(disk)).toEqual([]);
  });

  // ansible/ansible#25401: told as a host that cannot be reached. What needs no disk runs there.
  test('where scripts are to lie: the script does not run, its reply says why, and a command runs', async () => {
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(1024));
    fillDisk(disk);
    const text = `#!/bin/sh\necho ran\n${'# a line that takes its room\n'.repeat(1_000)}`;
    await place(rig, 'script.sh', text);
    const source = { bytes: text.length, sha256: sha256(text) };
    const outcome = await rig.transport.execute(
      keyHost(sshd),
      { action: 'run', command: '', script: { local: 'script.sh', source, args: [] } },
      execution(),
    );
    expect(outcome.kind).not.toBe('ok');
    expect(outcome.kind).not.toBe('unreachable');
    expect(outcome.stdout.head).not.toContain('ran');
    expect(`${outcome.stderr.head} ${outcome.reason}`).toContain('No space left on device');
    expect((await rig.run(keyHost(sshd), 'echo runs')).stdout.head).toBe('runs\n');
    expect(await readdir(disk)).toEqual(['ballast']);
  });
});
