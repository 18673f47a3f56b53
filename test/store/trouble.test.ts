import { expect, test } from 'vitest';
import { openRig } from './rig.ts';

const sqlite = (errcode: number): Error => Object.assign(new Error('it failed'), { errcode });

test("what the database's disk does is told from a defect of ours", async () => {
  await using rig = await openRig();
  const { store } = rig;
  expect(store.describeTrouble(sqlite(13))).toBe('the disk of its database is full');
  for (const code of [5, 8, 10, 14, 10 + 256 * 3])
    expect(store.describeTrouble(sqlite(code))).toBe('its database cannot be read or written');
  for (const error of [sqlite(1), sqlite(19), new Error('it failed'), 'it failed'])
    expect(store.describeTrouble(error)).toBeUndefined();
});
