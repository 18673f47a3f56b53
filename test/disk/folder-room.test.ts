import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { FolderRoom } from '../../src/disk/folder-room.ts';
import { FreeSpace } from '../../src/disk/free-space.ts';

function openRig(maxBytes: number, leaveBytes = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'batchops-room-'));
  return {
    path: (name: string) => join(folder, name),
    room: new FolderRoom({
      name: 'the transfer folder',
      folder,
      maxBytes,
      setting: 'BATCHOPS_TRANSFER_QUOTA',
      space: new FreeSpace(folder, leaveBytes),
    }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

test('however many write at once, together they get what there is and no byte more', async () => {
  using rig = openRig(100_000);
  writeFileSync(rig.path('old'), Buffer.alloc(10_000));
  const claims = Array.from({ length: 200 }, (_, n) => rig.room.claim(rig.path(`new${n}`)));
  let taken = 0;
  const grow = async (claim: (typeof claims)[number]): Promise<void> => {
    while ((await claim.grow(64)) === undefined) taken += 64;
  };
  await Promise.all(claims.map(grow));
  expect(taken).toBeLessThanOrEqual(90_000);
  expect(taken).toBeGreaterThan(90_000 - 64);
  // What did not come about is free again, once.
  claims[0]?.drop();
  claims[0]?.drop();
  expect(rig.room.usedBytes).toBeLessThan(100_000);
});

test('the refusal says what is held, what may be, and who can help', async () => {
  using rig = openRig(2_048);
  writeFileSync(rig.path('old'), Buffer.alloc(1_024));
  expect(await rig.room.claim(rig.path('new')).grow(2_000)).toBe(
    'the transfer folder has no room for 2.0 KiB more: it holds 1.0 KiB of the 2.0 KiB of ' +
      'BATCHOPS_TRANSFER_QUOTA; an administrator has to remove files from it, or to set more',
  );
});

test('what an administrator removed is free again, before anything is refused', async () => {
  using rig = openRig(2_048);
  writeFileSync(rig.path('old'), Buffer.alloc(2_000));
  const first = rig.room.claim(rig.path('first'));
  expect(await first.grow(1_000)).toMatch(/has no room/);
  first.drop();
  unlinkSync(rig.path('old'));
  const spy = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 6_000);
  expect(await rig.room.claim(rig.path('second')).grow(1_000)).toBeUndefined();
  spy.mockRestore();
});

test('a file that takes the place of another counts once when the disk is looked through again', async () => {
  using rig = openRig(3_000);
  const claim = rig.room.claim(rig.path('part'));
  expect(await claim.grow(1_000)).toBeUndefined();
  writeFileSync(rig.path('file'), Buffer.alloc(1_000));
  claim.keep();
  await rig.room.count();
  expect(rig.room.usedBytes).toBe(1_000);
});

test('what is to stay free on the disk stays free', async () => {
  using rig = openRig(1_000_000, 2 ** 60);
  const claim = rig.room.claim(rig.path('new'));
  expect(await claim.grow(1)).toMatch(
    /^the bot's disk is nearly full: .* \(BATCHOPS_FREE_SPACE\); an administrator/,
  );
  expect(rig.room.usedBytes).toBe(0);
});
