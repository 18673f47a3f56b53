import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, open, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHUNK_BYTES } from '../../../src/ssh/flow/pump.ts';
import { SharedSources, type SourceReader } from '../../../src/ssh/flow/shared-source.ts';
import { SourceDigests } from '../../../src/ssh/flow/source-digests.ts';
import { Windows } from '../../../src/ssh/flow/window.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchops-source-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A file on disk, opened as often as asked for; its reads are counted over all of them. */
async function placeFile(bytes: Buffer) {
  const path = join(folder, `f${Math.random()}`);
  await writeFile(path, bytes);
  const counted = { reads: 0 };
  return {
    path,
    counted,
    async open() {
      const file = await open(path);
      const read = file.read.bind(file);
      Object.defineProperty(file, 'read', {
        value: (buffer: Buffer, offset: number, length: number, position: number) => {
          counted.reads += 1;
          return read(buffer, offset, length, position);
        },
      });
      return { file, stats: await file.stat() };
    },
  };
}

async function readTo(reader: SourceReader, chunks: number): Promise<Buffer> {
  const all: Buffer[] = [];
  for (let i = 0; i < chunks; i++) {
    const chunk = await reader.next();
    all.push(chunk);
    if (chunk.length === 0) break;
  }
  return Buffer.concat(all);
}

describe('a file that is sent to many hosts', () => {
  test('is read once for all that keep up, each of which has all of it and its digest', async () => {
    const bytes = randomBytes(10 * CHUNK_BYTES + 1_000);
    const source = await placeFile(bytes);
    const sources = new SharedSources();
    const readers = [];
    for (let i = 0; i < 20; i++) readers.push(sources.read(await source.open(), 'f'));
    const came = await Promise.all(readers.map((reader) => readTo(reader, 1_000)));
    for (const [i, one] of came.entries()) {
      expect(one.equals(bytes)).toBe(true);
      expect(readers[i]?.sha256()).toBe(sha256(bytes));
    }
    // Eleven chunks, and twice the end: behind the last chunk, which is short, and behind that.
    expect(source.counted.reads).toBe(13);
    for (const reader of readers) await reader.close();
  });

  test('is read on by itself for a host that is far behind, with the right digest', async () => {
    const bytes = randomBytes(60 * CHUNK_BYTES + 5);
    const source = await placeFile(bytes);
    const sources = new SharedSources();
    const fast = sources.read(await source.open(), 'f');
    const slow = sources.read(await source.open(), 'f');
    const begun = await readTo(slow, 3);
    expect((await readTo(fast, 1_000)).equals(bytes)).toBe(true);
    await fast.close();
    expect(Buffer.concat([begun, await readTo(slow, 1_000)]).equals(bytes)).toBe(true);
    expect([fast.sha256(), slow.sha256()]).toEqual([sha256(bytes), sha256(bytes)]);
    await slow.close();
  });

  test('is kept for those behind only as far as all files that are being sent have room together', async () => {
    const bytes = randomBytes(20 * CHUNK_BYTES);
    const readsOfTwo = async (others: number) => {
      const source = await placeFile(bytes);
      const sources = new SharedSources();
      const opened = [];
      for (let i = 0; i < others; i++) opened.push(sources.read(await (await placeFile(bytes)).open(), 'o'));
      const first = sources.read(await source.open(), 'f');
      const second = sources.read(await source.open(), 'f');
      await readTo(first, 20);
      const whole = await readTo(second, 1_000);
      expect(whole.equals(bytes)).toBe(true);
      expect(second.sha256()).toBe(sha256(bytes));
      for (const reader of [...opened, first, second]) await reader.close();
      return source.counted.reads;
    };
    expect(await readsOfTwo(0)).toBe(21);
    expect(await readsOfTwo(40)).toBe(41);
  });

  test('is read into memory that was given back, and never into what a host still has or may get', async () => {
    const bytes = randomBytes(90 * CHUNK_BYTES);
    const source = await placeFile(bytes);
    const sources = new SharedSources();
    const fast = sources.read(await source.open(), 'f');
    const slow = sources.read(await source.open(), 'f');
    const memory = new Set<ArrayBufferLike>();
    const held: Buffer[] = [];
    for (let i = 0; i < 90; i++) {
      const chunk = await fast.next();
      memory.add(chunk.buffer);
      // Twenty chunks behind, until it is left behind; it gives nothing back.
      if (i >= 20 && i < 60) held.push(await slow.next());
      fast.giveBack();
    }
    expect(Buffer.concat(held).equals(bytes.subarray(0, 40 * CHUNK_BYTES))).toBe(true);
    const rest = await readTo(slow, 1_000);
    expect(rest.equals(bytes.subarray(40 * CHUNK_BYTES))).toBe(true);
    expect([fast.sha256(), slow.sha256()]).toEqual([sha256(bytes), sha256(bytes)]);
    expect(memory.size).toBeLessThan(90);
    await fast.close();
    await slow.close();
  });

  test('is told apart from what it becomes in the middle: the digest is of what was handed out', async () => {
    const source = await placeFile(randomBytes(CHUNK_BYTES));
    const sources = new SharedSources();
    const before = sources.read(await source.open(), 'f');
    const first = await readTo(before, 1);
    await appendFile(source.path, 'more');
    const after = sources.read(await source.open(), 'f');
    const whole = Buffer.concat([first, Buffer.from('more')]);
    expect((await readTo(after, 100)).equals(whole)).toBe(true);
    expect(after.sha256()).toBe(sha256(whole));
    const came = Buffer.concat([first, await readTo(before, 100)]);
    expect(before.sha256()).toBe(sha256(came));
    await before.close();
    await after.close();
  });
});

describe('the digest of a plan', () => {
  test('of a file that has stood for a while is made once, and anew where the file changed', async () => {
    const bytes = randomBytes(2_000_000);
    const source = await placeFile(bytes);
    const digests = new SourceDigests();
    const digest = async (ctimeMs?: number) => {
      const { file, stats } = await source.open();
      return await digests.of({
        file,
        stats: ctimeMs === undefined ? stats : Object.assign(stats, { ctimeMs }),
      });
    };
    await digest();
    const reads = source.counted.reads;
    // Written just now: looked at again.
    await digest();
    expect(source.counted.reads).toBe(2 * reads);
    const longAgo = Date.now() - 60_000;
    await digest(longAgo);
    expect(await digest(longAgo)).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
    expect(source.counted.reads).toBe(3 * reads);
    await utimes(source.path, 1, 1);
    await digest(longAgo);
    expect(source.counted.reads).toBe(4 * reads);
  });
});

test('many copies share what one may have under way, and the last one has all of it again', () => {
  const windows = new Windows();
  const one = windows.open();
  expect(one.window()).toBe(2 * 2 ** 20);
  const others = Array.from({ length: 127 }, () => windows.open());
  expect(one.window() * 128).toBe(64 * 2 ** 20);
  for (const other of others) {
    other.close();
    other.close();
  }
  expect(one.window()).toBe(2 * 2 ** 20);
});
