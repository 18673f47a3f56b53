import type { SFTPWrapper } from 'ssh2';
import { describe, expect, test } from 'vitest';
import { openRig } from '../rig.ts';
import { get, openMemory, place, put } from './copy-rig.ts';

/** Ends the channel in place of an answer. */
const endAt = (request: string) => (name: string, _id: number, sftp: SFTPWrapper) => {
  if (name === request) sftp.end();
  return name === request;
};

const DOUBT = '/tmp/f was being given its new file: whether it has it is not known';

describe('a failure says that the final name was not touched only where the host said so', () => {
  test.each([
    ['the channel ends', 'lost', {}],
    ['the connection breaks', 'lost', {}],
    ['nothing comes', 'timed-out', { lastStepMs: 200 }],
    ['a person cancels', 'cancelled', {}],
  ] as const)('the new name is given, and then %s', async (what, kind, copyLimits) => {
    const cancel = new AbortController();
    await using memory = await openMemory({
      onRequest(name, _id, sftp, [from, to]) {
        if (name !== 'RENAME') return false;
        memory.files.set(String(to), memory.files.get(String(from)) ?? Buffer.alloc(0));
        memory.files.delete(String(from));
        if (what === 'the channel ends') sftp.end();
        if (what === 'the connection breaks') memory.server.cut();
        if (what === 'a person cancels') cancel.abort('cancelled');
        return true;
      },
    });
    await using rig = await openRig({ copyLimits });
    await place(rig, 'f', 'new');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f', { signal: cancel.signal });
    expect(memory.files.get('/tmp/f')?.toString()).toBe('new');
    expect(outcome).toMatchObject({ kind, reason: expect.stringContaining(DOUBT) });
    expect(outcome.reason).not.toContain('the host says');
    expect(rig.errors).toEqual([]);
  });

  test('the old one steps aside, and then the channel ends', async () => {
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('old')]]),
      onRequest: endAt('RENAME'),
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new');
    expect(await put(rig, memory.host, 'f', '/tmp/f')).toMatchObject({
      kind: 'lost',
      reason: expect.stringContaining(DOUBT),
    });
  });

  test('the new file is in its place, and what is left to do is cut off', async () => {
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('old')]]),
      onRequest: endAt('REMOVE'),
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f');
    expect(memory.files.get('/tmp/f')?.toString()).toBe('new');
    expect(outcome).toMatchObject({ kind: 'ok', reason: expect.stringContaining('the old file is') });
  });

  test('the host says no: the old file stands, and nothing is in doubt', async () => {
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('old')]]),
      refusesRename: (to) => to === '/tmp/f',
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f');
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).not.toContain('not known');
  });
});

test('words are put into the mouth of a host only where it said them', async () => {
  await using memory = await openMemory({
    files: new Map([['/tmp/f', Buffer.from('old')]]),
    onRequest: endAt('READ'),
  });
  await using rig = await openRig();
  const outcome = await get(rig, memory.host, '/tmp/f', 'x');
  expect(outcome).toMatchObject({ kind: 'transfer-failed', reason: 'reading /tmp/f: no answer came' });
});
