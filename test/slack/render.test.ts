import { describe, expect, test, vi } from 'vitest';
import { formatNotice } from '../../src/report/answers.ts';
import type { Message } from '../../src/report/message.ts';
import { OPS, openPosterRig, type PosterRig } from './rig.ts';

/** Without the limits of time: what is tested is not the pace. */
const FAST = { pace: { isLimited: false } } as const;

async function rootIn(rig: PosterRig): Promise<string> {
  const posted = await rig.workspace.posts.chat.postMessage({ channel: OPS, text: 'root' });
  return posted.ts ?? '';
}

const broken = (): Message => {
  throw new RangeError('what the host wrote does not matter');
};

describe.concurrent('a message that cannot be made', () => {
  test.each([
    ['reply:r-7k3f:web01', 'message', ' web01', /The result of web01 could not be shown here/],
    ['file:r-7k3f:web01', 'file', ' web01', /The file with the output of web01 could not be shown here/],
    ['log:r-7k3f:text', 'bulk', '', /The file on the run could not be shown here/],
    ['board:r-7k3f:1', 'message', '', /A part of the results could not be shown here/],
  ] as const)(
    'a %s: after three tries a notice says where it is, and others go on',
    async (key, sends, host, said) => {
      await using rig = await openPosterRig(FAST);
      const threadTs = await rootIn(rig);
      rig.contents.set(key, broken);
      rig.outbox.put({ key, sends, threadTs });
      rig.outbox.put({ key: 'good', threadTs });
      rig.start();
      await vi.waitFor(() => expect(rig.outbox.allSettled()).toBe(true), { timeout: 20_000 });
      expect(rig.rendered.filter((one) => one === key)).toHaveLength(3);
      const texts = rig.slack.thread(OPS, threadTs).map(({ text }) => text);
      expect(texts.some((text) => text === 'good')).toBe(true);
      const notice = texts.find((text) => said.test(text));
      expect(notice).toContain(`/batch show r-7k3f${host}`);
      expect(notice).toContain(`the log has the defect under ${key}`);
      const defects = rig.log.lines.filter(({ fields }) => 'id' in fields && fields.id === key);
      expect(defects).toHaveLength(3);
      expect(rig.slack.violations).toEqual([]);
    },
  );

  test('the root message becomes a notice too, and is not made anew at each change of its run', async () => {
    await using rig = await openPosterRig(FAST);
    const ts = await rootIn(rig);
    rig.contents.set('root:r-7k3f', broken);
    rig.outbox.put({ key: 'root:r-7k3f', ts });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state('root:r-7k3f')).toBe('sent'), { timeout: 20_000 });
    expect(rig.slack.messages(OPS)[0]?.text).toMatch(
      /How far the run is could not be shown here.*\/batch show r-7k3f/,
    );
    rig.outbox.put({ key: 'root:r-7k3f' });
    await vi.waitFor(() => expect(rig.outbox.state('root:r-7k3f')).toBe('sent'));
    expect(rig.rendered).toHaveLength(3);
  });

  test('what takes too long, or for ever, or keeps the thread busy, counts as what cannot be made', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    const render = (key: string): Promise<Message> => {
      rig.rendered.push(key);
      if (key === 'never') return new Promise(() => undefined);
      if (key === 'busy') for (const until = Date.now() + 150; Date.now() < until; );
      return Promise.resolve(formatNotice('made at last'));
    };
    rig.outbox.put({ key: 'never', threadTs });
    rig.outbox.put({ key: 'busy', threadTs });
    rig.start({ render, slowMs: 100 });
    await vi.waitFor(() => expect(rig.outbox.allSettled()).toBe(true), { timeout: 25_000 });
    const texts = rig.slack.thread(OPS, threadTs).map(({ text }) => text);
    expect(texts).toHaveLength(2);
    for (const text of texts) expect(text).toContain('could not be shown here');
    expect(rig.rendered).toHaveLength(6);
  });

  test('faults of an earlier process count: what ended it three times is not tried a fourth time', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    rig.contents.set('bad', broken);
    rig.outbox.put({ key: 'bad', threadTs, attempts: 4, faults: 3 });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state('bad')).toBe('sent'));
    expect(rig.rendered).toEqual([]);
  });

  test('that a message is being made once more is written down before it is made', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    const seen: number[] = [];
    rig.contents.set('reply:1', () => {
      seen.push(rig.outbox.entries.get('reply:1')?.row.faults ?? -1);
      return formatNotice('made');
    });
    rig.outbox.put({ key: 'reply:1', threadTs, attempts: 1 });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state('reply:1')).toBe('sent'));
    expect(seen).toEqual([1]);
    expect(rig.outbox.entries.get('reply:1')?.row.faults).toBe(0);
  });
});

test('a row that has waited for its turn again and again is not given up at the first odd word', async () => {
  await using rig = await openPosterRig(FAST);
  const ts = await rootIn(rig);
  rig.slack.order({ method: 'chat.update', kind: 'error', error: 'a_word_of_tomorrow', times: 1 });
  rig.outbox.put({ key: 'root:r-7k3f', ts, attempts: 12 });
  rig.start();
  await vi.waitFor(() => expect(rig.outbox.state('root:r-7k3f')).toBe('sent'), { timeout: 10_000 });
  expect(rig.outbox.entries.get('root:r-7k3f')?.row.tries).toBe(0);
});
