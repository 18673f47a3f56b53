import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseReference,
  describeSameness,
  type FoldRow,
  foldResults,
  generalize,
  OWN_NAME,
  withoutOwnNames,
} from '../../src/gather/fold.ts';
import { bareOutcome, type MovedFile, OUTCOME_KINDS } from '../../src/run/outcome.ts';
import { anyOutcome, sampleOutcome, streamOf } from '../report/samples.ts';

const web01 = { host: 'web01', ip: '10.0.0.1' };
const web02 = { host: 'web02', ip: '10.0.0.2' };

function row(host: string, more: Partial<FoldRow> = {}): FoldRow {
  return { host, kind: 'ok', exitCode: 0, durationMs: 10, outputChars: 5, fold: 'a', firstKeys: 0, ...more };
}

const anyRows = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...OUTCOME_KINDS),
      exitCode: fc.option(fc.integer({ min: 0, max: 3 })),
      fold: fc.constantFrom('a', 'b', 'c', 'd'),
      durationMs: fc.nat(1_000),
    }),
    { maxLength: 60 },
  )
  .map((parts) => parts.map((part, n) => row(`web${n}`, { ...part, fold: JSON.stringify(part) })));

describe('two results', () => {
  const sameness = (outcome = sampleOutcome()) => describeSameness(outcome, web01, 'exact');

  test('are the same where kind, exit code, signal and both streams are', () => {
    const said = { stdout: streamOf('up 3 days'), stderr: streamOf('warning') };
    expect(sameness(sampleOutcome(said))).toBe(sameness(sampleOutcome({ ...said, durationMs: 9_999 })));
    for (const other of [
      { kind: 'failed' as const },
      { exitCode: 2 },
      { signal: 'TERM' },
      { stdout: streamOf('up 4 days') },
      { stderr: streamOf('') },
      { reason: 'the disk is full' },
    ]) {
      expect(sameness(sampleOutcome({ ...said, ...other })), JSON.stringify(other)).not.toBe(
        sameness(sampleOutcome(said)),
      );
    }
  });

  test('are the same whichever host keys came up on the way, and none of these stands for the others', () => {
    const first = { host: 'web01', type: 'ssh-ed25519', fingerprint: 'SHA256:one', how: 'believed' as const };
    const met = sampleOutcome({ firstKeys: [first] });
    expect(sameness(met)).toBe(sameness(sampleOutcome()));
    expect(sameness(met)).toBe(
      sameness(sampleOutcome({ firstKeys: [{ ...first, fingerprint: 'SHA256:two' }] })),
    );
    expect(JSON.stringify(generalize(met, web01, 'exact'))).not.toContain('SHA256:one');
  });

  test('in one stream and in the other are not the same', () => {
    expect(sameness(sampleOutcome({ stdout: streamOf('x') }))).not.toBe(
      sameness(sampleOutcome({ stderr: streamOf('x') })),
    );
  });

  test('of hosts that cannot be reached are the same, each by its own address', () => {
    const refused = (ip: string) => bareOutcome('unreachable', `connection refused by ${ip}:22`);
    expect(describeSameness(refused(web01.ip), web01, 'exact')).toBe(
      describeSameness(refused(web02.ip), web02, 'exact'),
    );
    expect(describeSameness(refused('10.0.0.9'), web01, 'exact')).not.toBe(
      describeSameness(refused(web02.ip), web02, 'exact'),
    );
  });

  test('that name their own host are similar, not the same', () => {
    const named = (host: string) => sampleOutcome({ stdout: streamOf(`${host}: ok\n`) });
    expect(describeSameness(named('web01'), web01, 'exact')).not.toBe(
      describeSameness(named('web02'), web02, 'exact'),
    );
    expect(describeSameness(named('web01'), web01, 'similar')).toBe(
      describeSameness(named('web02'), web02, 'similar'),
    );
    expect(describeSameness(named('web01'), web01, 'similar')).not.toBe(
      describeSameness(named('web01'), web02, 'similar'),
    );
  });

  test('that were not kept whole are similar only where they are the same', () => {
    const cut = (host: string, sha256: string) =>
      sampleOutcome({ stdout: streamOf(host, { omittedBytes: 9, totalBytes: 99, sha256 }) });
    expect(describeSameness(cut('web01', 'aa'), web01, 'similar')).not.toBe(
      describeSameness(cut('web02', 'bb'), web02, 'similar'),
    );
  });

  test('are the same as themselves, whatever they are', () => {
    fc.assert(
      fc.property(anyOutcome, fc.constantFrom('exact' as const, 'similar' as const), (outcome, how) => {
        expect(describeSameness({ ...outcome, durationMs: 1 }, web01, how)).toBe(
          describeSameness(outcome, web01, how),
        );
      }),
    );
  });
});

test('no text that a host can say passes for its own name', () => {
  const said = (text: string, target: typeof web01) =>
    describeSameness(sampleOutcome({ stdout: streamOf(text) }), target, 'similar');
  expect(said('I am web01', web01)).toBe(said('I am web02', web02));
  expect(said('I am web01', web01)).not.toBe(said(`I am ${OWN_NAME}`, web02));
});

describe('a host’s own names', () => {
  test.each([
    ['web01 is up', 'web01', `${OWN_NAME} is up`],
    ['WEB01.example.com', 'web01.example.com', OWN_NAME],
    ['web01 of web01.example.com', 'web01.example.com', `${OWN_NAME} of ${OWN_NAME}`],
    ['web011 and my-web01', 'web01', 'web011 and my-web01'],
    [
      'at 10.0.0.1:22, not 10.0.0.12 or 110.0.0.1 or 10.0.0.1.5',
      'web01',
      `at ${OWN_NAME}:22, not 10.0.0.12 or 110.0.0.1 or 10.0.0.1.5`,
    ],
    ['10 of 10', 'web01', '10 of 10'],
    ['a+b (x)', 'a+b', `${OWN_NAME} (x)`],
  ])('%s', (text, host, expected) => {
    expect(withoutOwnNames(text, { host, ip: '10.0.0.1' })).toBe(expected);
  });
});

test('a result that stands for several hosts names none of them', () => {
  const file: MovedFile = { path: 'fetched/web01/a.log', bytes: 1, sha256: 'ab', verified: 'checksum' };
  const outcome = {
    ...bareOutcome('unreachable', 'no answer from 10.0.0.1:22'),
    stdout: streamOf('on web01'),
    file,
  };
  expect(generalize(outcome, web01, 'exact')).toMatchObject({
    reason: `no answer from ${OWN_NAME}:22`,
    stdout: { head: 'on web01' },
    file: { path: `fetched/${OWN_NAME}/a.log` },
  });
  expect(generalize(outcome, web01, 'similar').stdout.head).toBe(`on ${OWN_NAME}`);
});

describe('bundles', () => {
  test('hold every host once, in plan order', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const bundles = foldResults(rows);
        expect(bundles.flatMap(({ hosts }) => hosts).toSorted()).toEqual(
          rows.map(({ host }) => host).toSorted(),
        );
        const place = new Map(rows.map(({ host }, n) => [host, n]));
        for (const { hosts } of bundles) {
          const places = hosts.map((host) => place.get(host) ?? -1);
          expect(places).toEqual(places.toSorted((a, b) => a - b));
        }
      }),
    );
  });

  test('come trouble first, then by exit code, size and first host', () => {
    const bundles = foldResults([
      row('a', { fold: '1' }),
      row('b', { fold: '2', kind: 'failed', exitCode: 2 }),
      row('c', { fold: '3', kind: 'unreachable', exitCode: null }),
      row('d', { fold: '4', kind: 'failed', exitCode: 1 }),
      row('e', { fold: '5' }),
      row('f', { fold: '5' }),
      row('g', { fold: '6', kind: 'skipped', exitCode: null }),
      row('h', { fold: '7', kind: 'failed', exitCode: 1 }),
      row('i', { fold: '7', kind: 'failed', exitCode: 1, durationMs: 70 }),
    ]);
    expect(bundles.map(({ hosts }) => hosts.join())).toEqual(['h,i', 'd', 'b', 'c', 'g', 'e,f', 'a']);
    expect(bundles[0]?.longestMs).toBe(70);
  });

  test('are compared with the lowest exit code, then the most hosts, then the first', () => {
    const reference = (rows: readonly FoldRow[]) => chooseReference(foldResults(rows))?.hosts[0];
    expect(reference([row('a', { kind: 'failed', exitCode: 1 }), row('b', { fold: 'b' })])).toBe('b');
    expect(reference([row('a'), row('b', { fold: 'b' }), row('c', { fold: 'b' })])).toBe('b');
    expect(reference([row('a'), row('b', { fold: 'b' })])).toBe('a');
    expect(reference([row('a', { kind: 'lost', exitCode: null })])).toBeUndefined();
  });
});
