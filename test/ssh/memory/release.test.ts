import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { release } from '../../../src/ssh/memory/release.ts';
import { HAS_SSHD, startSshd } from '../../rigs/sshd.ts';
import { get, place, put } from '../copy/copy-rig.ts';
import { keyHost, openRig } from '../rig.ts';

describe('memory that is given back', () => {
  test('is empty to whoever still has it', () => {
    const bytes = Buffer.alloc(32_784, 1);
    const view = bytes.subarray(10, 20);
    release(bytes);
    expect([bytes.length, view.length]).toEqual([0, 0]);
  });

  test('is never a piece of something larger, such as a piece of what Node keeps for small ones', () => {
    const small = Buffer.allocUnsafe(1_000);
    const whole = Buffer.alloc(64 * 1024, 1);
    const pieces = [small, whole.subarray(0, 40_000), whole.subarray(1)];
    for (const piece of pieces) release(piece);
    expect(pieces.map(({ length }) => length)).toEqual([1_000, 40_000, 64 * 1024 - 1]);
    expect(small.buffer.byteLength).toBe(Buffer.poolSize);
  });
});

describe.skipIf(!HAS_SSHD)('a copy', () => {
  // Where the library has changed inside, less is given back, and all of this is V8's to collect again.
  test('gives back what the library made of each byte that is put or fetched, two copies and more', async () => {
    await using sshd = await startSshd();
    await using rig = await openRig();
    const remote = join(sshd.folder, 'files');
    await mkdir(remote);
    const bytes = randomBytes(8 * 2 ** 20);
    await place(rig, 'large', bytes);
    // How large the requests are goes by how fast the line is; each byte is copied all the same.
    let given = 0;
    const { transfer } = ArrayBuffer.prototype;
    const spy = vi.spyOn(ArrayBuffer.prototype, 'transfer').mockImplementation(function (
      this: ArrayBuffer,
      length,
    ) {
      given += this.byteLength;
      return Reflect.apply(transfer, this, [length]);
    });
    onTestFinished(() => spy.mockRestore());
    expect(await put(rig, keyHost(sshd), 'large', `${remote}/`)).toMatchObject({
      kind: 'ok',
      file: { verified: 'checksum' },
    });
    expect(given / bytes.length).toBeGreaterThan(1.5);
    given = 0;
    expect(await get(rig, keyHost(sshd), join(remote, 'large'), 'back')).toMatchObject({
      kind: 'ok',
      file: { verified: 'checksum' },
    });
    expect(given / bytes.length).toBeGreaterThan(1.5);
    const back = join(rig.folder, 'transfers/back', keyHost(sshd).name, 'large');
    expect((await readFile(back)).equals(bytes)).toBe(true);
  });
});
