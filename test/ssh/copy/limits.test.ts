import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2, { type SFTPWrapper } from 'ssh2';
import { describe, expect, test } from 'vitest';
import { openRig } from '../rig.ts';
import { get, openMemory, place, put, sha256 } from './copy-rig.ts';
import { type SftpScript, sendRaw } from './memory-sftp.ts';

const { STATUS_CODE } = ssh2.utils.sftp;
const bytes = randomBytes(700_000);

/** Answers one kind of request in its own way. */
const at = (
  asked: string,
  answer: (id: number, sftp: SFTPWrapper, args: readonly unknown[]) => void,
): Pick<SftpScript, 'onRequest'> => ({
  onRequest(name, id, sftp, args) {
    if (name === asked) answer(id, sftp, args);
    return name === asked;
  },
});
const never = () => {};
const attrs = { mode: 0, size: 0, uid: 0, gid: 0, atime: 0, mtime: 0 };

describe('whatever a host sends or holds back, a copy ends', () => {
  async function fetchFrom(script: Partial<SftpScript>, how: Parameters<typeof get>[4] = {}) {
    await using memory = await openMemory({ files: new Map([['/tmp/f', bytes]]), ...script });
    await using rig = await openRig({
      maxFetchBytes: 1_000_000,
      copyLimits: { lastStepMs: 150, optionalStepMs: 100 },
    });
    const outcome = await get(rig, memory.host, '/tmp/f', 'x', how);
    expect(rig.errors).toEqual([]);
    return outcome;
  }
  async function sendTo(script: Partial<SftpScript>, how: Parameters<typeof put>[4] = {}) {
    await using memory = await openMemory(script);
    await using rig = await openRig({ copyLimits: { lastStepMs: 150, optionalStepMs: 100, cleanUpMs: 500 } });
    await place(rig, 'f', bytes);
    const outcome = await put(rig, memory.host, 'f', '/tmp/f', how);
    expect(rig.errors).toEqual([]);
    return { outcome, memory };
  }

  test('a byte a moment is never silence, and still too little', async () => {
    const drip = at('READ', (id, sftp) => void delay(20).then(() => sftp.data(id, Buffer.from('x'))));
    expect(await fetchFrom(drip, { timeLimitMs: 300 })).toMatchObject({
      kind: 'timed-out',
      reason: 'less than 1024 bytes a second came through for 0.3 s',
    });
  });

  test('answers that are each in time, and together never come to anything', async () => {
    await using memory = await openMemory({
      onRequest(name, id, sftp) {
        if (name !== 'REALPATH' && name !== 'STAT') return false;
        void delay(90).then(() => {
          if (name === 'STAT') sftp.attrs(id, { ...attrs, mode: 0o040755 });
          else sftp.name(id, [{ filename: '/tmp', longname: '/tmp', attrs }]);
        });
        return true;
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', bytes);
    const outcome = await put(rig, memory.host, 'f', '/tmp/', { timeLimitMs: 150 });
    expect(outcome).toMatchObject({ kind: 'timed-out' });
    expect(outcome.reason).toContain('bytes a second came through');
  });

  test('every answer twice, and late ones, change nothing', async () => {
    const late: (() => void)[] = [];
    const { outcome, memory } = await sendTo({
      onRequest(name, id, sftp) {
        for (const answer of late.splice(0)) answer();
        if (name === 'FSETSTAT') {
          late.push(() => sftp.status(id, STATUS_CODE.FAILURE));
          return true;
        }
        if (name === 'WRITE' || name === 'CLOSE')
          late.push(() => sftp.status(id, STATUS_CODE.FAILURE, 'again'));
        return false;
      },
    });
    expect(outcome).toMatchObject({ kind: 'ok', file: { verified: 'read-back' } });
    expect(memory.files.get('/tmp/f')?.equals(bytes)).toBe(true);
  });

  test.each(['CLOSE', 'RENAME', 'LSTAT', 'REALPATH'])(
    'what has to be done besides the bytes does not wait for the longest silence: %s',
    async (step) => {
      const { outcome } = await sendTo(at(step, never), { timeLimitMs: 60_000 });
      expect(outcome.kind).toBe('timed-out');
      expect(outcome.reason).toContain('no answer within 0.2 s');
      expect(outcome.durationMs).toBeLessThan(5_000);
    },
  );

  test('a handle that is never closed keeps nobody who fetched', async () => {
    const outcome = await fetchFrom(at('CLOSE', never), { timeLimitMs: 60_000 });
    expect(outcome).toMatchObject({ kind: 'ok' });
    expect(outcome.durationMs).toBeLessThan(5_000);
  });

  test('a path without end', async () => {
    const outcome = await fetchFrom(
      at('REALPATH', (id, sftp) =>
        sftp.name(id, [{ filename: `/${'a'.repeat(200_000)}`, longname: '', attrs }]),
      ),
    );
    expect(outcome).toMatchObject({
      kind: 'transfer-failed',
      reason: 'asking for the true name of /tmp/f: the host answered something else',
    });
  });

  test('a reason without end', async () => {
    const outcome = await fetchFrom(
      at('OPEN', (id, sftp) => sftp.status(id, STATUS_CODE.FAILURE, 'no '.repeat(50_000))),
    );
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason.length).toBeLessThan(300);
  });

  test('a size that is not so: too large for any disk, or gone in between', async () => {
    const huge = at('STAT', (id, sftp) => sftp.attrs(id, { ...attrs, mode: 0o100644, size: 2 ** 53 }));
    expect((await fetchFrom(huge)).reason).toBe(
      '/tmp/f is larger than the 1000000 bytes that are fetched at most',
    );
    const more = at('FSTAT', (id, sftp) => sftp.attrs(id, { ...attrs, mode: 0o100644, size: 2 ** 40 }));
    expect(await fetchFrom(more)).toMatchObject({ kind: 'ok', file: { verified: 'nothing' } });
  });

  test('a file without end', async () => {
    const endless = at('READ', (id, sftp, [, , length]) => sftp.data(id, Buffer.alloc(Number(length))));
    expect(await fetchFrom(endless)).toMatchObject({
      kind: 'transfer-failed',
      reason: '/tmp/f is larger than the 1000000 bytes that are fetched at most',
    });
  });

  test('more than was asked for is not taken', async () => {
    const more = at('READ', (id, sftp, [, position, length]) => {
      const from = Number(position);
      if (from >= bytes.length) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, Buffer.concat([bytes.subarray(from, from + Number(length)), Buffer.alloc(5_000)]));
    });
    const outcome = await fetchFrom(more);
    // The last answer had room for some of it: then the size says so.
    if (outcome.file?.sha256 !== sha256(bytes)) expect(outcome.file?.verified).toBe('nothing');
    expect(outcome.file?.bytes).toBeLessThanOrEqual(bytes.length + 5_000);
  });

  test.each([
    ['a packet that is too long', Buffer.from([0x7f, 0xff, 0xff, 0xff, 101])],
    ['a packet without a length', Buffer.alloc(4)],
    ['a packet of no known kind', Buffer.from([0, 0, 0, 1, 77])],
    ['an answer that breaks off', Buffer.from([0, 0, 0, 5, 104, 0, 0, 0, 1])],
  ])('%s', async (_what, packet) => {
    const outcome = await fetchFrom(at('READ', (_id, sftp) => sendRaw(sftp, packet)));
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toContain('SFTP broke off');
  });
});
