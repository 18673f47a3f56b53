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

test('what was set aside for a file that hardly comes goes to others who need it, and comes back while there is some', async () => {
  using rig = openRig(10_000);
  await rig.room.count();
  const clock = vi.spyOn(performance, 'now');
  try {
    const at = (ms: number) => clock.mockReturnValue(1_000_000 + ms);
    at(0);
    const drips = rig.room.claim(rig.path('drips'));
    expect(await drips.grow(9_000)).toBeUndefined();
    const flows = rig.room.claim(rig.path('flows'));
    expect(await flows.grow(500)).toBeUndefined();
    const send = async (claim: typeof drips, bytes: number, beyond = 0) => {
      claim.came(bytes);
      return await claim.grow(beyond);
    };
    // Slow to begin is not too slow.
    at(20_000);
    expect(await rig.room.claim(rig.path('early')).grow(2_000)).toMatch(/has no room/);
    at(40_000);
    expect(await send(drips, 10)).toBeUndefined();
    expect(await send(flows, 400)).toBeUndefined();
    // Where it would not help, nobody loses anything.
    expect(await rig.room.claim(rig.path('huge')).grow(9_800)).toMatch(/has no room/);
    expect(rig.room.usedBytes).toBe(9_500);
    const other = rig.room.claim(rig.path('other'));
    expect(await other.grow(9_000)).toBeUndefined();
    expect(rig.room.usedBytes).toBe(10 + 500 + 9_000);
    // It goes on while there is room, counted as it comes, and not beyond.
    expect(await send(drips, 490)).toBeUndefined();
    expect(rig.room.usedBytes).toBe(10_000);
    expect(await send(drips, 1)).toMatch(/has no room for 1 byte/);
    expect(await send(flows, 100)).toBeUndefined();
    other.drop();
    expect(await send(drips, 8_000)).toBeUndefined();
    expect(rig.room.usedBytes).toBe(500 + 8_501);
  } finally {
    clock.mockRestore();
  }
});
