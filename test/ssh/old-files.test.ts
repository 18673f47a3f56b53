import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Origin } from '../../src/run/plan.ts';
import { sweepOldFiles } from '../../src/ssh/part/old-files.ts';
import { memoryOrigins } from './memory-origins.ts';

const FETCHED: Origin = { kind: 'fetched', host: 'web1', path: '/etc/motd', by: 'U0ANN' };
const SHARED: Origin = { kind: 'shared', id: 'F1', by: 'U0ANN' };

test('what the bot put into the transfer folder goes when it is old; what others did, is in use, or is a link, stays', async () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'batchops-old-')));
  try {
    const origins = memoryOrigins();
    const put = async (name: string, origin?: Origin): Promise<void> => {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), 'x');
      if (origin !== undefined) await origins.claim(name, origin);
    };
    await put('slack/F1/a.txt', SHARED);
    await put('slack/F2/in-use.txt', SHARED);
    await put('slack/F3/by-hand.txt');
    await put('took/web1/motd', FETCHED);
    await put('placed.txt');
    const outside = mkdtempSync(join(tmpdir(), 'batchops-outside-'));
    writeFileSync(join(outside, 'kept'), 'x');
    symlinkSync(outside, join(dir, 'link'));

    const sweep = (before: { uploadedBefore?: number; fetchedBefore?: number }): Promise<number> =>
      sweepOldFiles({
        dir,
        origins,
        uploadedBefore: Number.NEGATIVE_INFINITY,
        fetchedBefore: Number.NEGATIVE_INFINITY,
        inUse: new Set(['slack/F2/in-use.txt']),
        ...before,
      });
    const there = (): readonly string[] =>
      [
        'slack/F1/a.txt',
        'slack/F2/in-use.txt',
        'slack/F3/by-hand.txt',
        'took/web1/motd',
        'placed.txt',
      ].filter((name) => existsSync(join(dir, name)));
    expect(await sweep({})).toBe(0);
    expect(await sweep({ uploadedBefore: Date.now() - 60_000, fetchedBefore: Date.now() - 60_000 })).toBe(0);
    expect(await sweep({ uploadedBefore: Date.now() + 60_000 })).toBe(1);
    expect(there()).toEqual(['slack/F2/in-use.txt', 'slack/F3/by-hand.txt', 'took/web1/motd', 'placed.txt']);
    expect(existsSync(join(dir, 'slack/F1'))).toBe(false);
    expect(await sweep({ fetchedBefore: Date.now() + 60_000 })).toBe(1);
    expect(there()).toEqual(['slack/F2/in-use.txt', 'slack/F3/by-hand.txt', 'placed.txt']);
    expect(existsSync(join(outside, 'kept'))).toBe(true);
    rmSync(outside, { recursive: true });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
