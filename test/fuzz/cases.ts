import fc from 'fast-check';
import { expect } from 'vitest';

/** How many cases of a property: so many in a test run, or what the long form (`npm run chaos -- --only fuzz`) says. */
export function cases(usual: number): fc.Parameters<unknown> {
  const { FUZZ_CASES, FUZZ_SEED } = process.env;
  return {
    numRuns: FUZZ_CASES === undefined ? usual : Number(FUZZ_CASES),
    ...(FUZZ_SEED === undefined ? {} : { seed: Number(FUZZ_SEED) }),
  };
}

/** For the time limit of a test whose long form takes as long as it takes. */
export const FUZZ_MS = process.env.FUZZ_CASES === undefined ? 60_000 : 12 * 3_600_000;

const MAX_CPU_MS = 1_000;

/** What nobody may be kept waiting for: by the CPU of this thread, as other processes take theirs. */
export function soon<T>(work: () => T): T {
  const before = process.threadCpuUsage();
  try {
    return work();
  } finally {
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(MAX_CPU_MS);
  }
}

/** Text as it comes from clients, pastes and attackers. */
export const anyChars = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '<!channel>',
      '<!here|@here>',
      '@everyone',
      '<@U0ADA0001>',
      '<#C0OPS0001|ops>',
      '<#C0SEC0001|>',
      '<https://x.test/|x.test>',
      '<mailto:a@b.c|a@b.c>',
      '&lt;!channel&gt;',
      '&amp;lt;',
      '\u2014',
      '\u00a0',
      '\u200b',
      '\u202e',
      '\u0000',
      '\u001b[31m',
      '```',
      '`',
      '“',
      '”',
      '‘',
      '\\',
      '\\"',
      '$(id)',
      '\ud800',
      '__proto__',
      '*'.repeat(40),
    ),
  },
);
