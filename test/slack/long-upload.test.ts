import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OPS, openPosterRig } from './rig.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** A file of a run that is on its way to Slack, and stays so until it is let go. */
async function openUpload() {
  const rig = await openPosterRig({ pace: { isLimited: false } });
  const { ts = '' } = await rig.workspace.posts.chat.postMessage({ channel: OPS, text: 'root' });
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  async function* content(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('one\n');
    begun.resolve();
    await gate.promise;
    yield Buffer.from('two\n');
  }
  rig.contents.set('log:r-1:text', { filename: 'r-1.txt', comment: '', content });
  rig.outbox.put({ key: 'log:r-1:text', sends: 'bulk', threadTs: ts });
  let passedMs = 0;
  const now = (): number => Date.now() + passedMs;
  rig.start({ now });
  await begun.promise;
  return {
    ...rig,
    letGo: () => gate.resolve(),
    async pass(seconds: number): Promise<void> {
      for (let s = 0; s < seconds; s++) {
        passedMs += 1_000;
        await vi.advanceTimersByTimeAsync(1_000);
      }
    },
    claimElsewhere: () =>
      rig.outbox.claim({ limit: 1, now: now(), leaseMs: 1_000, except: [], lane: 'bulk' }),
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await rig[Symbol.asyncDispose]();
    },
  };
}

test("a file that takes minutes to get to Slack is nobody else's meanwhile", async () => {
  await using rig = await openUpload();
  await rig.pass(300);
  expect(await rig.claimElsewhere()).toEqual([]);
  rig.letGo();
  await rig.slack.waitFor(() => rig.outbox.allSettled());
});

test('a file whose process is gone, or cut off from the store, in the middle of it is free for others within a minute', async () => {
  await using rig = await openUpload();
  vi.spyOn(rig.outbox, 'hold').mockRejectedValue(new Error('Connection terminated'));
  await rig.pass(60);
  expect(await rig.claimElsewhere()).toHaveLength(1);
});
