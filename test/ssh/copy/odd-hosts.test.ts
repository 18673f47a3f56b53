import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, test } from 'vitest';
import { CAN_MOUNT } from '../../rigs/small-disk.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';
import { HAS_SSHD, startSshd } from '../../rigs/sshd.ts';
import { execution, keyHost, openRig, passwordHost } from '../rig.ts';
import { get, openMemory, place, put, sha256 } from './copy-rig.ts';
import { sendRaw, serveMemory } from './memory-sftp.ts';

const { STATUS_CODE } = ssh2.utils.sftp;
const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

describe('a session stands and SFTP does not: transfer failed, once, in words', () => {
  test('where the server does not offer it', async () => {
    await using server = await startSshServer();
    await using rig = await openRig();
    expect(await get(rig, passwordHost(server.port), '/tmp/f', 'x')).toMatchObject({
      kind: 'transfer-failed',
      reason: 'no SFTP on this host: its SSH server does not offer it',
    });
    expect(server.dials()).toBe(1);
  });

  test('where no channel is opened', async () => {
    await using server = await startSshServer({ onSession: () => false });
    await using rig = await openRig();
    const outcome = await get(rig, passwordHost(server.port), '/tmp/f', 'x');
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toContain('the host opens no channel for SFTP');
    expect(server.dials()).toBe(1);
  });

  test('where nothing comes', async () => {
    await using server = await startSshServer({ onSession: () => 'ignore' });
    await using rig = await openRig({ deadlines: { channelMs: 100 } });
    expect(await get(rig, passwordHost(server.port), '/tmp/f', 'x')).toMatchObject({
      kind: 'transfer-failed',
      reason: 'the host did not open SFTP within 0.1 s',
    });
    expect(server.dials()).toBe(1);
  });

  test.skipIf(!HAS_SSHD).each([
    [
      `echo Welcome to web01; exec ${SFTP_SERVER}`,
      'SFTP cannot begin: its start-up files (or a forced command) print before the protocol (it begins with "Welc"); ' +
        'they have to be silent where there is no terminal',
    ],
    ['exit 7', 'no SFTP on this host: what it starts for that ended at once with exit code 7'],
  ])('on a real sshd that runs `%s`', async (command, reason) => {
    await using sshd = await startSshd({ config: [`ForceCommand ${command}`] });
    await using rig = await openRig();
    await place(rig, 'f', 'x');
    expect(await put(rig, keyHost(sshd), 'f', '/tmp/f')).toMatchObject({ kind: 'transfer-failed', reason });
    expect(rig.errors).toEqual([]);
  });

  test('and what breaks the protocol right behind the version ends the copy, not the bot', async () => {
    await using server = await startSshServer({
      onSftp(sftp) {
        sftp.on('ready', () => sendRaw(sftp, Buffer.from('Last login: never\n')));
      },
    });
    await using rig = await openRig();
    const outcome = await get(rig, passwordHost(server.port), '/tmp/f', 'x');
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toContain('SFTP broke off: Packet length');
    expect(rig.errors).toEqual([]);
  });
});

describe('every error of SFTP says what was being done, and to what', () => {
  const part = '/tmp/.batchops-r-7k3f-*.part';
  test.each([
    ['STAT', 'looking at /tmp/f'],
    ['LSTAT', 'looking at /tmp/f'],
    ['REALPATH', 'asking for the true name of /tmp'],
    ['OPEN', `making ${part}`],
    ['WRITE', `writing ${part}`],
    ['CLOSE', `closing ${part}`],
    ['RENAME', `renaming ${part} to /tmp/f`],
  ])('put, denied at %s', async (denied, step) => {
    await using memory = await openMemory({
      onRequest(name, id, sftp) {
        if (name === denied) sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
        return name === denied;
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f');
    expect(outcome).toMatchObject({ kind: 'transfer-failed' });
    expect(outcome.reason.split('; ')[0]).toBe(`${step}: permission denied`);
  });

  test.each([
    ['STAT', 'looking at /tmp/f'],
    ['REALPATH', 'asking for the true name of /tmp/f'],
    ['OPEN', 'opening /tmp/f'],
    ['READ', 'reading /tmp/f'],
  ])('get, denied at %s', async (denied, step) => {
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('x')]]),
      onRequest(name, id, sftp) {
        if (name === denied) sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
        return name === denied;
      },
    });
    await using rig = await openRig();
    expect(await get(rig, memory.host, '/tmp/f', 'x')).toMatchObject({
      kind: 'transfer-failed',
      reason: `${step}: permission denied`,
    });
  });

  test('an answer to another question is no answer, whichever it is', async () => {
    for (const [asked, answer] of [
      ['STAT', 'status'],
      ['STAT', 'handle'],
      ['LSTAT', 'name'],
      ['REALPATH', 'status'],
      ['OPEN', 'status'],
      ['OPEN', 'long handle'],
      ['FSTAT', 'data'],
    ] as const) {
      await using memory = await openMemory({
        onRequest(name, id, sftp) {
          if (name !== asked) return false;
          if (answer === 'status') sftp.status(id, STATUS_CODE.OK);
          if (answer === 'handle') sftp.handle(id, Buffer.from('h'));
          if (answer === 'long handle') sftp.handle(id, Buffer.alloc(10_000));
          if (answer === 'data') sftp.data(id, Buffer.from('d'));
          if (answer === 'name') sftp.name(id, []);
          return true;
        },
      });
      await using rig = await openRig();
      await place(rig, 'f', 'new');
      const outcome = await put(rig, memory.host, 'f', '/tmp/f');
      // What is only nice to know fails nothing.
      expect([asked, answer, outcome.kind]).toEqual([
        asked,
        answer,
        asked === 'FSTAT' ? 'ok' : 'transfer-failed',
      ]);
      expect(outcome.reason).not.toContain('fault in the bot');
      expect(rig.errors).toEqual([]);
    }
  });

  test.skipIf(!CAN_MOUNT || !HAS_SSHD)(
    'a disk that is full is said where the host says only "Failure"',
    async () => {
      await using sshd = await startSshd();
      await using rig = await openRig();
      const disk = join(sshd.folder, 'disk');
      await mkdir(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      try {
        await writeFile(join(disk, 'f'), 'old');
        await place(rig, 'f', Buffer.alloc(300_000, 1));
        const outcome = await put(rig, keyHost(sshd), 'f', `${disk}/f`);
        expect(outcome).toMatchObject({
          kind: 'transfer-failed',
          reason: `writing ${disk}/.batchops-r-7k3f-*.part: the host says only "Failure"; no space is left in ${disk}`,
        });
        expect(await readFile(join(disk, 'f'), 'utf8')).toBe('old');
        expect(await readdir(disk)).toEqual(['f']);
      } finally {
        execFileSync('umount', [disk]);
      }
    },
  );

  test.skipIf(!HAS_SSHD)('a failure that is not the disk’s says how much is free', async () => {
    // Files of this process end at 8 blocks: a write beyond that fails without a reason of SFTP's own.
    await using sshd = await startSshd({
      config: [`ForceCommand trap '' XFSZ; ulimit -f 8; exec ${SFTP_SERVER}`],
    });
    await using rig = await openRig();
    await place(rig, 'f', Buffer.alloc(300_000, 1));
    const outcome = await put(rig, keyHost(sshd), 'f', `${sshd.folder}/f`);
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toMatch(/: the host says only "Failure"; \d+ bytes are free in \//);
  });

  test('a drop box that takes the file away under its temporary name: what was seen is said', async () => {
    await using memory = await openMemory({
      onRequest(name) {
        if (name === 'CLOSE') {
          for (const path of memory.files.keys()) if (path.endsWith('.part')) memory.files.delete(path);
        }
        return false;
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', '0123456789');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f');
    expect(outcome).toMatchObject({
      kind: 'transfer-failed',
      reason:
        'looking at /tmp/.batchops-r-7k3f-*.part: it is gone, though the host took all 10 bytes: something there takes ' +
        'files away as they arrive, under the name that they have just then; it was not made /tmp/f',
    });
    expect(rig.leftovers.all).toEqual([]);
  });

  test('a file in a folder where none can be made beside it is not written over: the remedy is said', async () => {
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('old')]]),
      onRequest(name, id, sftp) {
        if (name === 'OPEN') sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
        return name === 'OPEN';
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new');
    const { kind, reason } = await put(rig, memory.host, 'f', '/tmp/f');
    expect(kind).toBe('transfer-failed');
    expect(reason).toBe(
      'making a file beside /tmp/f: permission denied. A file is only replaced as a whole, by one that was written ' +
        'beside it first: let the login write to /tmp, or put it elsewhere and copy it over with /batch_run (cat NEW > /tmp/f)',
    );
    expect(memory.files.get('/tmp/f')?.toString()).toBe('old');
    expect(rig.leftovers.all).toEqual([]);
  });
});

describe('what was compared is what is said', () => {
  test.skipIf(!HAS_SSHD)(
    'an account for SFTP only never runs the checksum, and nothing waits for it',
    async () => {
      await using sshd = await startSshd({ config: ['ForceCommand internal-sftp'] });
      await using rig = await openRig({ copyLimits: { checksumMs: 200 } });
      await place(rig, 'f', 'content');
      const outcome = await put(rig, keyHost(sshd), 'f', `${sshd.folder}/f`, { timeLimitMs: 60_000 });
      expect(outcome).toMatchObject({ kind: 'ok', file: { verified: 'read-back' } });
      expect(outcome.durationMs).toBeLessThan(10_000);
      expect(await get(rig, keyHost(sshd), `${sshd.folder}/f`, 'x')).toMatchObject({
        kind: 'ok',
        file: { verified: 'size' },
      });
    },
  );

  test('read back where there is no checksum; by size where it cannot be read, or is too large for that', async () => {
    await using memory = await openMemory();
    await using rig = await openRig();
    await place(rig, 'f', 'content');
    const verified = async () => (await put(rig, memory.host, 'f', '/tmp/f')).file?.verified;
    expect(await verified()).toBe('read-back');
    await using writeOnly = await openMemory({
      onRequest(name, id, sftp) {
        if (name === 'READ') sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
        return name === 'READ';
      },
    });
    expect(await put(rig, writeOnly.host, 'f', '/tmp/f')).toMatchObject({
      kind: 'ok',
      file: { verified: 'size' },
    });
    await using small = await openRig({ copyLimits: { maxReadBackBytes: 3 } });
    await place(small, 'f', 'content');
    expect(await put(small, memory.host, 'f', '/tmp/f')).toMatchObject({
      kind: 'ok',
      file: { verified: 'size' },
    });
  });

  test('bytes that change on the way are found out by reading back too', async () => {
    await using memory = await openMemory({ garble: (data) => Buffer.alloc(data.length) });
    await using rig = await openRig();
    await place(rig, 'f', 'content');
    expect(await put(rig, memory.host, 'f', '/tmp/f')).toMatchObject({
      kind: 'transfer-failed',
      reason: 'what arrived, read back, is not what was sent',
    });
    expect([...memory.files.keys()]).toEqual(['/tmp/']);
  });

  test('a host that computes a checksum of its own says so by it', async () => {
    const files = new Map([['/tmp/', Buffer.alloc(0)]]);
    await using server = await startSshServer({
      onSftp: (sftp) => serveMemory(sftp, { files }, { opened: [], removed: [] }),
      onCommand(channel, command) {
        const path = / digest e '(.*?)'/.exec(command)?.[1] ?? '';
        // No end to it: what comes after the first line is not kept.
        channel.write(`${sha256(files.get(path) ?? '')}  ${path}\n${'x'.repeat(100_000)}`);
        channel.exit(0);
        channel.end();
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', 'content');
    expect(await put(rig, passwordHost(server.port, { shell: 'posix' }), 'f', '/tmp/f')).toMatchObject({
      kind: 'ok',
      reason: '',
      file: { verified: 'checksum' },
    });
  });
});

describe('a no of our own side is no fault of the bot', () => {
  test('a transfer folder that changes in the middle of a get', async () => {
    let swap: (() => Promise<void>) | undefined;
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('x')]]),
      onRequest(name, id, sftp) {
        if (name !== 'READ' || swap === undefined) return false;
        const run = swap;
        swap = undefined;
        void run().then(() => sftp.data(id, Buffer.from('x')));
        return true;
      },
    });
    await using rig = await openRig();
    const into = join(rig.folder, 'transfers/x');
    swap = async () => {
      const { rename, symlink } = await import('node:fs/promises');
      await rename(into, join(rig.folder, 'elsewhere'));
      await symlink(join(rig.folder, 'elsewhere'), into);
    };
    const outcome = await get(rig, memory.host, '/tmp/f', 'x');
    expect(outcome).toMatchObject({
      kind: 'transfer-failed',
      reason: 'x/web01 is a link that leads out of the transfer folder.',
    });
    expect(rig.errors).toEqual([]);
  });
});

test('a missing folder that another host of the run makes on the same disk meanwhile is used; what else comes in its place is not', async () => {
  await using rig = await openRig();
  await place(rig, 'a.txt', 'a');
  for (const isFolder of [true, false]) {
    const made = new Map<string, Buffer>();
    await using memory = await openMemory({
      onRequest(name, id, sftp, [path]) {
        if (name !== 'MKDIR') return false;
        made.set(`${path}${isFolder ? '/' : ''}`, Buffer.alloc(0));
        for (const [at, bytes] of made) memory.files.set(at, bytes);
        sftp.status(id, STATUS_CODE.FAILURE);
        return true;
      },
    });
    const source = { bytes: 1, sha256: sha256('a') };
    const work = {
      action: 'put',
      local: 'a.txt',
      remote: '/tmp/new/a.txt',
      options: { makeFolders: true },
      source,
    } as const;
    const outcome = await rig.transport.execute(memory.host, work, execution());
    expect([outcome.kind, memory.files.get('/tmp/new/a.txt')?.toString()]).toEqual(
      isFolder ? ['ok', 'a'] : ['transfer-failed', undefined],
    );
  }
});
