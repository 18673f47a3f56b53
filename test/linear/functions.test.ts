import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { openCapture } from '../../src/gather/capture.ts';
import { diffLines } from '../../src/gather/diff.ts';
import { describeSameness } from '../../src/gather/fold.ts';
import { createMask } from '../../src/gather/mask.ts';
import { openSpool } from '../../src/gather/spool.ts';
import { formatNotice, formatRefusal } from '../../src/report/answers.ts';
import { formatAuditLine } from '../../src/report/audit-line.ts';
import { formatErrors } from '../../src/report/click-answers.ts';
import { type Message, plainVariant } from '../../src/report/message.ts';
import { cleanOutput } from '../../src/report/text/plain.ts';
import { formatBundle } from '../../src/thread/board/bundle.ts';
import { cleanLines } from '../../src/thread/files/clean-lines.ts';
import { formatFullOutput } from '../../src/thread/files/full-output.ts';
import { formatLogPart } from '../../src/thread/files/log.ts';
import { formatReply, replyShowsAll } from '../../src/thread/reply/reply.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { expectNothingAlive, expectWithinLimits } from '../report/limits.ts';
import { sampleJob, sampleOutcome, samplePlan, sampleRun, streamOf } from '../report/samples.ts';
import { cpuMs, LARGE, type Pump, pump, pumped } from './cpu.ts';

const run = sampleRun();
const bundle = { kind: 'ok', exitCode: 0, hosts: ['web01'], outputChars: 1, longestMs: 1 } as const;
const where = { kept: 'there', spooled: 'there' };
/** As many as there are hosts, all alike at the beginning, and one that almost stands in its own output. */
const mask = createMask([...Array.from({ length: 10_000 }, (_, n) => `Welcome-${n}x`), `${'a'.repeat(60)}b`]);

const outcomeOf = (text: string) =>
  sampleOutcome({
    kind: 'failed',
    exitCode: 1,
    reason: text,
    stdout: streamOf(text),
    stderr: streamOf(text),
  });

/** Everything that a text of a host or of a person goes through. */
const MESSAGES: Readonly<Record<string, (text: string) => Message>> = {
  'a reply': (text) => formatReply(run, sampleJob(outcomeOf(text))),
  'a reply as bare text': (text) => plainVariant(formatReply(run, sampleJob(outcomeOf(text)))),
  'a root message': (text) =>
    formatRoot(sampleRun({ plan: samplePlan({ work: { action: 'run', command: text } }) }), { now: 0 }),
  'what went wrong': (text) => formatErrors(run, [{ hosts: ['web01'], outcome: outcomeOf(text) }]),
  'a refusal': (text) => formatRefusal(new Refusal('usage', text, { remedy: text }), text),
  'a notice': (text) => formatNotice(text),
  'an audit line': (text) =>
    formatAuditLine({
      at: 0,
      teamId: 'T1',
      prev: '',
      seq: 1,
      userId: 'U0OPS',
      action: 'refused',
      runId: null,
      channelId: null,
      detail: { typed: text, reason: text },
      hash: 'ab',
    }),
};
const TEXTS: Readonly<Record<string, (text: string) => unknown>> = {
  'cleaning, overwrites kept': (text) => cleanOutput(text, { overwrites: 'keep' }),
  'a bundle compared with another': (text) =>
    formatBundle(run, bundle, sampleOutcome({ stdout: streamOf(text) }), {
      maxChars: 3_000,
      where,
      reference: { bundle, outcome: sampleOutcome({ stdout: streamOf(`x${text}\ny`) }) },
    }),
  'whether a reply shows all': (text) => replyShowsAll(sampleJob(outcomeOf(text))),
  'a file of all output': (text) => formatFullOutput(run, sampleJob(outcomeOf(text))),
  'a part of the log, cut': (text) => formatLogPart(run, sampleJob(outcomeOf(text)), 1_000, false),
  'being similar': (text) =>
    describeSameness(
      sampleOutcome({ stdout: streamOf(text) }),
      { host: 'web01.a', ip: '10.0.0.1' },
      'similar',
    ),
  'a comparison': (text) => diffLines(text, `${text}x`.split('').toReversed().join('')),
  masking: (text) => mask.text(text),
  'keeping both ends': (text) => capture(new TextEncoder().encode(text)),
};

const PUMPS: readonly Pump[] = [
  pump('a'),
  pump('a\n'),
  pump('\n'),
  pump(' ', 'x', 'x'),
  pump('Welcome-'),
  pump('web01 10.0.0.1'),
  pump('\u009d'),
  pump('\u001b]8;;http://evil.example\u0007'),
  pump('\u001b[31m'),
  pump('\r', 'x', 'x'),
  pump('a\r'),
  pump('a\u0008'),
  pump('\0'),
  pump('\u0301', 'e'),
  pump('\u{1f469}\u200d'),
  pump('\u200d'),
  pump('\u202e'),
  pump('\ud800'),
  pump('\u{1f1e6}'),
  pump('<!channel>'),
  pump('@here :a:'),
  pump('`&'),
];
const CHARS = 32 * 1024;
/** Some ten times what the slowest of them takes on a busy machine. At full length what is quadratic takes minutes. */
const MAX_CPU_MS = 1_000;

function capture(bytes: Uint8Array): string {
  const one = openCapture(mask, () => ({ update() {}, hex: () => '' }));
  one.write(bytes);
  return one.end().tail;
}

describe('nothing that a foreign text goes through takes longer than it is long', () => {
  test.each(Object.entries({ ...MESSAGES, ...TEXTS }))('%s', (_name, make) => {
    const times = PUMPS.map((each) => {
      const text = pumped(each, CHARS);
      const ms = cpuMs(() => make(text));
      expect(ms, JSON.stringify(each)).toBeLessThan(MAX_CPU_MS);
      return { each, ms };
    });
    const [slowest] = times.toSorted((a, b) => b.ms - a.ms);
    const text = pumped(slowest?.each ?? pump('a'), LARGE.chars);
    const ms = cpuMs(() => make(text));
    expect(ms, `${LARGE.chars} of ${JSON.stringify(slowest?.each)}`).toBeLessThan(20 * MAX_CPU_MS);
  });

  test('lines that are cleaned as they come from the disk', async () => {
    for (const each of [pump('\u009d'), pump('\r', 'x', 'x'), pump('\u{1f469}\u200d'), pump('a')]) {
      const text = pumped(each, LARGE.chars);
      const before = process.threadCpuUsage();
      let chars = 0;
      for await (const cleaned of cleanLines(pieces(text))) chars += cleaned.length;
      const { user, system } = process.threadCpuUsage(before);
      expect((user + system) / 1_000, `${chars} from ${JSON.stringify(each)}`).toBeLessThan(20 * MAX_CPU_MS);
    }
  });

  test('output that comes byte by byte', () => {
    const byte = new Uint8Array([0x61]);
    const ms = cpuMs(() => {
      const spool = openSpool(mask, { write() {} });
      for (let n = 0; n < CHARS; n += 1) spool.write(byte);
      spool.end();
    });
    expect(ms).toBeLessThan(MAX_CPU_MS);
  });
});

async function* pieces(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += 16 * 1024) yield text.slice(at, at + 16 * 1024);
}

describe('what is invisible, reorders or has no end keeps within Slack’s limits', () => {
  test.each(Object.entries(MESSAGES))('%s', (_name, make) => {
    for (const each of PUMPS) {
      const message = make(pumped(each, CHARS));
      expectWithinLimits(message);
      expectNothingAlive(message, ['<@U0OPS>']);
    }
  });
});
