import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Durable } from '../../../src/ssh/flow/local-file.ts';

const MANY = 40 * 2 ** 20;

async function openNew() {
  const path = join(tmpdir(), `batchops-durable-${process.pid}-${Math.random()}`);
  const file = await open(path, 'wx');
  onTestFinished(async () => {
    await file.close();
    await rm(path);
  });
  return file;
}

test('the disk begins with a large file before its end, and with one file at a time', async () => {
  const [one, other] = [await openNew(), await openNew()];
  const first = Promise.withResolvers<void>();
  const begun = vi.spyOn(one, 'datasync').mockReturnValue(first.promise);
  const waits = vi.spyOn(other, 'datasync');
  const durable = new Durable(one);
  durable.wrote(1_000);
  await durable.settle();
  expect(begun).not.toHaveBeenCalled();
  durable.wrote(MANY);
  await vi.waitFor(() => expect(begun).toHaveBeenCalledOnce());
  const second = new Durable(other);
  second.wrote(MANY);
  await second.settle();
  expect(waits).not.toHaveBeenCalled();
  first.resolve();
  await durable.end();
  second.wrote(1);
  await second.end();
  expect(waits).toHaveBeenCalledOnce();
});

test('a disk that fails meanwhile, which it says once, fails the file at its end', async () => {
  const file = await openNew();
  vi.spyOn(file, 'datasync').mockRejectedValue(Object.assign(new Error('EIO'), { code: 'EIO' }));
  const durable = new Durable(file);
  durable.wrote(MANY);
  await durable.settle();
  await expect(durable.end()).rejects.toThrow('EIO');
});
