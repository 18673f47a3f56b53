import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatKeyReports } from '../../src/report/keys/look.ts';
import { formatTrusted } from '../../src/report/keys/trusted.ts';
import { isTrustable, type KeyReport, type TrustableReport } from '../../src/run/host-key.ts';
import { expectWithinLimits, textsOf } from './limits.ts';

const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 });
const print = fc
  .integer()
  .map((n) => ({ type: 'ssh-ed25519', fingerprint: `SHA256:${String(n).padStart(43, 'x')}` }));
const prints = fc.array(print, { minLength: 1, maxLength: 5 });
const found = fc.record({
  host: anyText,
  place: anyText,
  offered: prints.map((some) => some.map((one) => ({ ...one, base64: 'AAAA' }))),
  untold: fc.subarray(['ssh-rsa', 'ecdsa-sha2-nistp256']),
});
const report: fc.Arbitrary<KeyReport> = fc.oneof(
  found.map((one): KeyReport => ({ ...one, kind: 'new' })),
  found.map((one): KeyReport => ({ ...one, kind: 'same' })),
  found.map((one): KeyReport => ({ ...one, kind: 'revoked' })),
  fc.tuple(found, anyText).map(([one, pin]): KeyReport => ({ ...one, kind: 'unpinned', pin })),
  fc
    .tuple(found, prints, fc.option(anyText, { nil: undefined }))
    .map(([one, known, byHand]): KeyReport => ({ ...one, kind: 'changed', known, byHand })),
  fc
    .tuple(anyText, anyText)
    .map(([host, reason]): KeyReport => ({ kind: 'unreachable', host, place: 'p', reason })),
);

test('whatever hosts show: the answer is one that Slack takes, and a button is for nothing that is not above it', () => {
  fc.assert(
    fc.property(fc.array(report, { minLength: 1, maxLength: 100, size: 'max' }), (reports) => {
      const offered: TrustableReport[] = [];
      const message = formatKeyReports(reports, (shown) => {
        offered.push(...shown);
        return 'id';
      });
      expectWithinLimits(message);
      const text = textsOf(message).join('\n');
      for (const one of offered) {
        expect(isTrustable(one)).toBe(true);
        for (const { fingerprint } of one.offered) expect(text).toContain(fingerprint);
        if (one.kind === 'changed')
          for (const { fingerprint } of one.known) expect(text).toContain(fingerprint);
      }
      // New and changed ones are never said yes to by one press.
      const buttons = message.blocks.filter(({ type }) => type === 'actions');
      expect(buttons).toHaveLength(new Set(offered.map(({ kind }) => kind)).size);
    }),
    { numRuns: 60 },
  );
});

test('whatever came of a yes: the answer is one that Slack takes', () => {
  const why = fc.oneof(
    fc.constantFrom('other-keys', 'known-by-others', 'already-known', 'two-machines', 'elsewhere', 'gone'),
    anyText.map((unreachable) => ({ unreachable })),
  );
  fc.assert(
    fc.property(
      fc.array(report, { maxLength: 100 }),
      fc.array(fc.record({ host: anyText, why }), { maxLength: 100 }),
      (reports, notWritten) => expectWithinLimits(formatTrusted(reports.filter(isTrustable), notWritten)),
    ),
  );
});
