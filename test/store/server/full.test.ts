import { expect, test } from 'vitest';
import { describeTrouble, openPool } from '../../../src/store/postgres/connect.ts';
import { openRig, quiet } from '../rig.ts';

test.each([
  ['53100', 'the disk of its database is full'],
  ['57P01', 'its database does not answer'],
  ['22012', undefined],
])('what the server answers with %s is told as: %s', async (code, told) => {
  await using rig = await openRig();
  const pool = openPool(rig.url, { max: 1, log: quiet });
  const answer = await pool
    .query(`do $$ begin raise exception sqlstate '${code}' using message = 'no'; end $$`)
    .catch((error: unknown) => error);
  expect(describeTrouble(answer)).toBe(told);
  expect(rig.store.describeTrouble(answer)).toBe(told);
  await pool.end();
});
