import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainVariant } from '../../../src/report/message.ts';
import { cleanOutput } from '../../../src/report/text/plain.ts';
import type { MovedFile } from '../../../src/run/outcome.ts';
import { formatFullOutput } from '../../../src/thread/files/full-output.ts';
import { excerptStreams } from '../../../src/thread/reply/excerpt.ts';
import { formatReply, formatShowHost, replyShowsAll } from '../../../src/thread/reply/reply.ts';
import { cpuMs, LARGE } from '../../linear/cpu.ts';
import { boxesOf, expectNothingAlive, expectWithinLimits, textsOf } from '../../report/limits.ts';
import {
  anyOutcome,
  anyRun,
  anyText,
  sampleJob,
  sampleOutcome,
  sampleRun,
  streamOf,
} from '../../report/samples.ts';

const run = sampleRun();

function wordsOf(message: ReturnType<typeof formatReply>): string {
  return textsOf(message).join('');
}

describe('a reply', () => {
  test('names the host, the outcome, the exit code and the duration, and keeps the streams apart', () => {
    const job = sampleJob(
      sampleOutcome({
        kind: 'failed',
        exitCode: 2,
        stdout: streamOf('out\n'),
        stderr: streamOf('no such file\n'),
      }),
    );
    const message = formatReply(run, job);
    expect(message.text).toBe('web01: ✗ failed · exit 2 · 0.4 s — no such file');
    expect(wordsOf(message)).toContain('web01 ✗ failed · exit 2 · 0.4 s');
    expect(boxesOf(message)).toEqual(['out', 'no such file']);
    expect(wordsOf(message)).toMatch(/stdout.*out.*stderr.*no such file/s);
  });

  test('says so where a command had no output, and says nothing of it where nothing was started', () => {
    expect(wordsOf(formatReply(run, sampleJob(sampleOutcome())))).toContain('no output');
    const never = sampleJob(
      sampleOutcome({ kind: 'unreachable', exitCode: null, reason: 'connection refused' }),
    );
    expect(wordsOf(formatReply(run, never))).not.toContain('no output');
    expect(wordsOf(formatReply(run, never))).toContain('connection refused');
  });

  test('says what the run did not keep, outside of what the host wrote', () => {
    const stdout = streamOf('first\n', { tail: 'last\n', omittedBytes: 43_200_000, totalBytes: 43_200_011 });
    const message = formatReply(run, sampleJob(sampleOutcome({ stdout })));
    expect(boxesOf(message)).toEqual(['first\n', 'last']);
    expect(wordsOf(message)).toContain('… 41.2 MiB of 41.2 MiB left out here: too much to keep …');
  });

  test('shows head and tail of what does not fit, and says where the rest is', () => {
    const lines = Array.from({ length: 4_000 }, (_, index) => `line ${index}`);
    const job = sampleJob(sampleOutcome({ stdout: streamOf(`${lines.join('\n')}\n`) }));
    const message = formatReply(run, job);
    const [head = '', tail = ''] = boxesOf(message);
    expect(head.startsWith('line 0\nline 1\n')).toBe(true);
    expect(tail.endsWith('line 3998\nline 3999')).toBe(true);
    expect(wordsOf(message)).toMatch(/characters left out of this message: all that was kept is in the file/);
    expect(replyShowsAll(job)).toBe(false);
    expect(formatFullOutput(run, job)).toContain('\nline 2000\n');
    expectWithinLimits(message);
  });

  test('gives a short stream whole, however long the other is', () => {
    const job = sampleJob(
      sampleOutcome({
        kind: 'failed',
        exitCode: 1,
        stdout: streamOf('x'.repeat(50_000)),
        stderr: streamOf('oops'),
      }),
    );
    expect(boxesOf(formatReply(run, job)).at(-1)).toBe('oops');
  });

  test('names binary output instead of showing it', () => {
    const stdout = streamOf('', { binary: true, totalBytes: 5_000 });
    const message = formatReply(run, sampleJob(sampleOutcome({ stdout })));
    expect(boxesOf(message)).toEqual([]);
    expect(wordsOf(message)).toContain('stdout is binary, not shown: 4.9 KiB');
  });

  test('tells where a copied file is and whether it is whole', () => {
    const file: MovedFile = {
      path: 'web01/app.log',
      bytes: 2_048,
      sha256: 'ab'.repeat(32),
      verified: 'checksum',
    };
    const get = sampleRun({
      plan: { ...run.plan, work: { action: 'get', local: 'app.log', remote: '/var/log/app.log' } },
    });
    const message = formatReply(get, sampleJob(sampleOutcome({ exitCode: null, file })));
    expect(wordsOf(message)).toContain(
      'kept as web01/app.log · 2.0 KiB · SHA-256 abababababab… verified by the host',
    );
    expect(wordsOf(message)).not.toContain('no output');
  });

  test('says neither ok nor an exit code of a command that did not begin, and shows what came instead', () => {
    const outcome = sampleOutcome({
      kind: 'not-run',
      exitCode: null,
      reason: 'no sign that the command began',
    });
    const words = wordsOf(formatReply(run, sampleJob(outcome)));
    expect(words).toContain('≠');
    expect(words).toContain('not run');
    expect(words).toContain('no sign that the command began');
    expect(words).not.toMatch(/\bok\b|exit \d/);
  });

  test('does not claim to know what became of a lost or interrupted command', () => {
    const lost = sampleOutcome({ kind: 'lost', exitCode: null });
    expect(wordsOf(formatReply(run, sampleJob(lost)))).toContain('may or may not have run to its end');
    const interrupted = sampleOutcome({ kind: 'interrupted', exitCode: null });
    expect(wordsOf(formatReply(run, sampleJob(interrupted)))).toContain('stopped before its end was known');
  });

  test('does not say of what is held that its turn will come', () => {
    const waiting = { id: 'j1', runId: 'r-7k3f', host: 'web01', state: 'queued' } as const;
    const progress = { queued: 1, running: 0, settled: {} };
    const held = sampleRun({ held: 'the bot was away for 25 min', progress });
    expect(wordsOf(formatShowHost(held, waiting))).toContain('held: it does not start by itself');
    expect(wordsOf(formatShowHost(sampleRun({ progress }), waiting))).toContain('waiting for its turn');
  });

  test('says of a fetched file that was not verified no more than is known', () => {
    const file: MovedFile = { path: 'x/web01/f', bytes: 3, sha256: 'ab'.repeat(32), verified: 'nothing' };
    const job = sampleJob(sampleOutcome({ exitCode: null, file }));
    expect(wordsOf(formatReply(run, job))).toContain(
      'not verified: the host says another size or none, or it changed meanwhile',
    );
  });

  test('the words for a kind hold for everything that ends so: the reason may say that nothing was sent', () => {
    const unsent = sampleOutcome({ kind: 'interrupted', exitCode: null, reason: 'nothing was sent' });
    expect(wordsOf(formatReply(run, sampleJob(unsent)))).not.toMatch(/while it ran|unknown/);
    const taken = 'the host did not take the command, or closed its channel before it answered';
    const lost = sampleOutcome({ kind: 'lost', exitCode: null, reason: taken });
    expect(wordsOf(formatReply(run, sampleJob(lost)))).not.toMatch(/connection/);
  });
});

describe('whatever a host writes', () => {
  test('its reply obeys every limit of Slack and nothing in it is alive', () => {
    fc.assert(
      fc.property(anyRun, anyOutcome, anyText, (of, outcome, host) => {
        for (const message of [
          formatReply(of, sampleJob(outcome, host)),
          formatShowHost(of, sampleJob(outcome, host)),
        ]) {
          expectWithinLimits(message);
          expectNothingAlive(message);
          expectNothingAlive(plainVariant(message));
          expect(plainVariant(message).text.length).toBeLessThanOrEqual(3_500);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('head and tail are true to it, and what is missing is counted', () => {
    fc.assert(
      fc.property(anyOutcome, (outcome) => {
        const excerpts = excerptStreams(outcome);
        for (const name of ['stdout', 'stderr'] as const) {
          const stream = outcome[name];
          const { head, tail, leftOutChars } = excerpts[name];
          if (stream.binary) continue;
          const all =
            stream.omittedBytes > 0
              ? cleanOutput(stream.head) + cleanOutput(stream.tail).replace(/\n$/, '')
              : cleanOutput(stream.head + stream.tail).replace(/\n$/, '');
          expect(all.startsWith(head)).toBe(true);
          expect(all.endsWith(tail)).toBe(true);
          expect(head.length + tail.length + leftOutChars).toBe(all.length);
          if (leftOutChars === 0) expect(head + tail).toBe(all);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('one line of 10 MB is cut at no more than what its length costs', () => {
    const job = sampleJob(sampleOutcome({ stdout: streamOf('ab\u001b[1m'.repeat(1_700_000)) }));
    expect(cpuMs(() => expectWithinLimits(formatReply(run, job)))).toBeLessThan(LARGE.maxCpuMs);
    expect(replyShowsAll(job)).toBe(false);
  });
});
