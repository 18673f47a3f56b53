import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../../src/report/message.ts';
import { joinMessages } from '../../src/thread/join.ts';
import { formatReply } from '../../src/thread/reply/reply.ts';
import { expectWithinLimits, textsOf } from '../report/limits.ts';
import { anyOutcome, anyRun, sampleJob, sampleOutcome, sampleRun, streamOf } from '../report/samples.ts';

const runId = 'r-7k3f';
const partOf = (message: Message, n: number) => ({ key: `reply:${runId}:web${n}`, message });

/** All of them, in as few messages as it takes. */
function joinAll(messages: readonly Message[]): readonly (Message | undefined)[] {
  const joined: (Message | undefined)[] = [];
  for (let rest = messages.map(partOf); rest.length > 0; ) {
    const { message, count } = joinMessages(rest);
    joined.push(message);
    rest = rest.slice(count);
    if (count === 0) break;
  }
  return joined;
}

test('any results that go out together: each host once, whole, in order, every message within Slack’s limits', () => {
  fc.assert(
    fc.property(anyRun, fc.array(anyOutcome, { maxLength: 10 }), (run, outcomes) => {
      const replies = outcomes.map((outcome, n) => formatReply(run, sampleJob(outcome, `web${n}`)));
      const joined = joinAll(replies).filter((message) => message !== undefined);
      for (const message of joined) expectWithinLimits(message);
      expect(joined.flatMap(textsOf)).toEqual(replies.flatMap(textsOf));
      expect(joined.map(({ text }) => text).join('\n')).toBe(replies.map(({ text }) => text).join('\n'));
    }),
  );
});

test('ten short results are one message, with a heading and a line in its text for each host', () => {
  const replies = Array.from({ length: 10 }, (_, n) =>
    formatReply(sampleRun(), sampleJob(sampleOutcome({ stdout: streamOf(`up ${n} days\n`) }), `web0${n}`)),
  );
  const { message, count } = joinMessages(replies.map(partOf));
  expect(count).toBe(10);
  expect(message?.text.split('\n').map((line) => line.split(':')[0])).toEqual(
    Array.from({ length: 10 }, (_, n) => `web0${n}`),
  );
  expect(message?.blocks).toHaveLength(10);
});

test('a result is never shortened for others: what has no room beside them comes in the next message', () => {
  const long = formatReply(
    sampleRun(),
    sampleJob(sampleOutcome({ stdout: streamOf('x'.repeat(20_000)) }), 'web01'),
  );
  const short = formatReply(sampleRun(), sampleJob(sampleOutcome(), 'web02'));
  expect(joinAll([long, short, short, long]).map((message) => message?.blocks.length)).toEqual([3, 1]);
  expect(joinAll([long])).toEqual([long]);
});

test('nothing to join is no message', () => {
  expect(joinMessages([])).toEqual({ message: undefined, count: 0 });
});
