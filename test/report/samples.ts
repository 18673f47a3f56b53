import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { NO_OUTPUT, OUTCOME_KINDS, type Outcome, type StreamText } from '../../src/run/outcome.ts';
import type { Plan, Work } from '../../src/run/plan.ts';
import type { Job, Progress, Run } from '../../src/run/run.ts';

export const RUN_COMMAND: Work = { action: 'run', command: 'df -h' };

export function samplePlan(more: Partial<Plan> = {}): Plan {
  return {
    work: RUN_COMMAND,
    targets: [{ host: 'web01', ip: '10.0.0.1', port: 22, user: 'root' }],
    fanOut: 64,
    timeLimitMs: 300_000,
    requester: { teamId: 'T0TEAM', userId: 'U0OPS' },
    channelId: 'C0OPS',
    typed: '/batch_run -h web01 -cmd "df -h"',
    ...more,
  };
}

export function sampleRun(more: Partial<Run> = {}): Run {
  return {
    id: 'r-7k3f',
    plan: samplePlan(),
    planHash: 'ab'.repeat(32),
    state: 'open',
    createdAt: 1_000_000,
    progress: { queued: 0, running: 1, settled: {} },
    ...more,
  };
}

export function streamOf(text: string, more: Partial<StreamText> = {}): StreamText {
  const bytes = Buffer.from(text);
  return {
    head: text,
    tail: '',
    totalBytes: bytes.length,
    omittedBytes: 0,
    binary: false,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...more,
  };
}

export function sampleOutcome(more: Partial<Outcome> = {}): Outcome {
  return {
    kind: 'ok',
    exitCode: 0,
    signal: null,
    reason: '',
    stdout: NO_OUTPUT,
    stderr: NO_OUTPUT,
    durationMs: 412,
    ...more,
  };
}

export function sampleJob(outcome: Outcome | undefined, host = 'web01'): Job {
  const base = { id: 'j1', runId: 'r-7k3f', host };
  return outcome === undefined ? { ...base, state: 'running' } : { ...base, state: 'settled', outcome };
}

const hostile = fc.constantFrom(
  '<!channel>',
  '<!here|x>',
  '<@U0OPS>',
  '<https://evil.example|click>',
  '@here',
  '```',
  '`',
  '\u001b[31m',
  '\u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007',
  '\u001b]0;unfinished title',
  '\r',
  '\r\n',
  '\n',
  '\0',
  '\b',
  '\u202e',
  '\u200b',
  '\u{e0041}',
  '👩‍🚒',
  '👨‍👩‍👧‍👦',
  'é̀̂',
  '\ud83d',
  '\ude00',
  '&amp;',
  '… 41.2 MiB left out here …',
);

/** Any text that a host may write or a person may type. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.oneof(hostile, fc.string({ unit: 'grapheme' })), { maxLength: 40 })
    .map((parts) => parts.join('')),
  fc.tuple(hostile, fc.integer({ min: 1, max: 6_000 })).map(([part, times]) => part.repeat(times)),
  fc.tuple(fc.string(), fc.integer({ min: 1, max: 3_000 })).map(([part, times]) => `${part}\n`.repeat(times)),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 })
    .map((codes) => String.fromCharCode(...codes)),
);

export const anyStream: fc.Arbitrary<StreamText> = fc.oneof(
  fc.constant(NO_OUTPUT),
  anyText.map((text) => streamOf(text)),
  fc
    .tuple(anyText, anyText, fc.integer({ min: 1, max: 2 ** 40 }))
    .map(([head, tail, omittedBytes]) =>
      streamOf(head, { tail, omittedBytes, totalBytes: omittedBytes + head.length + tail.length }),
    ),
  fc.integer({ min: 1, max: 2 ** 40 }).map((totalBytes) => streamOf('', { binary: true, totalBytes })),
);

export const anyOutcome: fc.Arbitrary<Outcome> = fc.record({
  kind: fc.constantFrom(...OUTCOME_KINDS),
  exitCode: fc.option(fc.integer({ min: 0, max: 255 })),
  signal: fc.option(fc.constantFrom('TERM', 'KILL')),
  reason: anyText,
  stdout: anyStream,
  stderr: anyStream,
  durationMs: fc.integer({ min: 0, max: 10 ** 9 }),
});

export const anyWork: fc.Arbitrary<Work> = fc.oneof(
  anyText.map((command) => ({ action: 'run' as const, command })),
  fc.tuple(anyText, anyText).map(([local, remote]) => ({ action: 'get' as const, local, remote })),
  fc.tuple(anyText, anyText).map(([local, remote]) => ({
    action: 'put' as const,
    local,
    remote,
    source: { bytes: 12, sha256: 'cd'.repeat(32) },
  })),
);

export const anyProgress: fc.Arbitrary<Progress> = fc.record({
  queued: fc.nat(20_000),
  running: fc.nat(100),
  settled: fc.dictionary(fc.constantFrom(...OUTCOME_KINDS), fc.nat(10_000)),
});

export const anyRun: fc.Arbitrary<Run> = fc
  .record({
    work: anyWork,
    first: anyText,
    hosts: fc.array(
      fc.oneof(
        anyText,
        fc.nat(999).map((n) => `web${String(n).padStart(3, '0')}`),
      ),
      { maxLength: 30 },
    ),
    progress: anyProgress,
    state: fc.constantFrom('opening' as const, 'open' as const, 'finished' as const),
    cancelled: fc.boolean(),
    retryOf: fc.option(anyText),
  })
  .map(({ work, first, hosts, progress, state, cancelled, retryOf }) => {
    const target = (host: string) => ({ host, ip: '10.0.0.1', port: 22, user: 'root' });
    return sampleRun({
      plan: samplePlan({
        work,
        targets: [target(first), ...hosts.map(target)],
        ...(retryOf === null ? {} : { retryOf }),
      }),
      progress,
      state,
      ...(cancelled ? { cancelledBy: { teamId: 'T0TEAM', userId: 'U0BOSS' } } : {}),
    });
  });
