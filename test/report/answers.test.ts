import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import {
  formatDefect,
  formatHelp,
  formatHosts,
  formatNotice,
  formatPreview,
  formatRefusal,
  formatRights,
} from '../../src/report/answers.ts';
import { formatAuditLine } from '../../src/report/audit-line.ts';
import { formatRuns, formatShow } from '../../src/report/history.ts';
import type { Message } from '../../src/report/message.ts';
import type { Sight } from '../../src/run/live-output.ts';
import type { Work } from '../../src/run/plan.ts';
import { boxesOf, expectNothingAlive, expectWithinLimits, textsOf } from './limits.ts';
import { anyOutcome, anyRun, anyText, sampleJob, sampleOutcome, samplePlan, sampleRun } from './samples.ts';

const MENTIONS = ['<@U0OPS>', '<@U0BOSS>', '<#C0OPS>'];
const wordsOf = (message: Message) => textsOf(message).join('\n');

/** Of an audit entry what its line does not show. */
const ENTRY = { at: 1_000_000, teamId: 'T1', prev: '0' } as const;

describe('answers', () => {
  test('a refusal names the thing, the remedy, what was typed and the usage', () => {
    const refusal = new Refusal('unknown-name', 'There is no host `web9`.', {
      remedy: 'Did you mean `web09`?',
      usage: '/batch_run -h HOSTS -cmd "COMMAND"',
    });
    const message = formatRefusal(refusal, '-h web9 -cmd uptime');
    expect(wordsOf(message)).toMatch(/There is no host \nweb9\n/);
    expect(boxesOf(message)).toEqual(['-h web9 -cmd uptime', '/batch_run -h HOSTS -cmd "COMMAND"']);
    expect(wordsOf(message)).toContain('Nothing was run.');
  });

  test('a defect shows its number and nothing else of it', () => {
    expect(wordsOf(formatDefect('d-12ab'))).toContain('d-12ab');
  });

  test('a long list is cut, counted, and says how to ask for less', () => {
    const rows = Array.from({ length: 2_000 }, (_, n) => ({
      name: `web${n}`,
      groups: ['web'],
      address: 'root@10.0.0.1:22',
    }));
    const message = formatHosts(rows);
    expectWithinLimits(message);
    expect(wordsOf(message)).toMatch(/2,000 hosts[\s\S]*… and \d+ more; narrow it down/);
  });

  test('columns stand below each other, and one long name does not push all others aside', () => {
    const rows = [
      { name: 'web1', address: 'root@10.0.0.1:22', groups: ['web'] },
      { name: 'bastion', address: 'root@10.0.0.21:22', groups: [], note: 'disabled' },
      { name: 'n'.repeat(40), address: 'root@10.0.0.3:22', groups: ['db', 'web'] },
    ];
    expect(boxesOf(formatHosts(rows))[0]?.split('\n')).toEqual([
      `${'web1'.padEnd(32)}  root@10.0.0.1:22   @web`,
      `${'bastion'.padEnd(32)}  root@10.0.0.21:22  (disabled)`,
      `${'n'.repeat(40)}  root@10.0.0.3:22   @db @web`,
    ]);
  });

  test('hosts that ended alike stand together, trouble first', () => {
    const jobs = [
      sampleJob(sampleOutcome({ durationMs: 100 }), 'web01'),
      sampleJob(sampleOutcome({ kind: 'failed', exitCode: 2 }), 'web02'),
      sampleJob(sampleOutcome({ durationMs: 900 }), 'web03'),
      sampleJob(sampleOutcome({ kind: 'failed', exitCode: 2, durationMs: 5 }), 'web04'),
      sampleJob(sampleOutcome({ kind: 'timed-out', exitCode: null, durationMs: 5 }), 'web05'),
    ];
    const message = formatShow(sampleRun(), jobs, 0);
    expect(boxesOf(message)[0]?.split('\n')).toEqual([
      '✗ failed · exit 2 — 2 hosts: web[02,04]',
      '⏱\ufe0e timed out — 1 host: web05',
      '✓ ok — 2 hosts: web[01,03]',
    ]);
  });

  test('hosts that run stand first: how far they are and since when, as far as that is known', () => {
    const running = (host: string, startedAt: number) => ({
      ...sampleJob(undefined, host),
      state: 'running' as const,
      startedAt,
    });
    const jobs = [
      running('web01', 1_000),
      running('web02', 5_000),
      running('web03', 6_000),
      running('web04', 7_000),
      sampleJob(sampleOutcome(), 'web05'),
    ];
    const copying = (movedBytes: number) => ({ phase: 'copying', movedBytes, totalBytes: 200 }) as const;
    const work = { action: 'get', remote: '/etc/motd', local: 'motd' } as const;
    const run = sampleRun({ plan: samplePlan({ work }) });
    const hosts = new Map<string, Sight>([
      ['web01', { phase: 'starting' }],
      ['web02', copying(20)],
      ['web03', copying(150)],
    ]);
    const linesOf = (isPartial: boolean) => formatShow(run, jobs, 10_000, { hosts, isPartial });
    expect(boxesOf(linesOf(false))[0]?.split('\n')).toEqual([
      '… connecting, logging in or looking at what is there, for 9.0 s — 1 host: web01',
      '… copying, 10 % to 75 %, longest for 5.0 s — 2 hosts: web[02-03]',
      '… running, for 3.0 s — 1 host: web04',
      expect.stringMatching(/^✓ ok.* — 1 host: web05$/),
    ]);
    expect(JSON.stringify(linesOf(false))).not.toContain('does not answer');
    expect(JSON.stringify(linesOf(true))).toContain(
      'does not answer at the moment: of its hosts no more is known',
    );
  });

  test('hosts whose reasons differ in their own name or address only ended alike; what else differs stands apart', () => {
    const ips = ['10.0.0.1', '10.0.0.12', '10.0.0.3', '10.0.0.4'];
    const targets = ips.map((ip, n) => ({ host: `web0${n + 1}`, ip, port: 22, user: 'root' }));
    const [first, ...rest] = targets;
    if (first === undefined) throw new Error('no target');
    const unreachable = (reason: string, host: string) =>
      sampleJob(sampleOutcome({ kind: 'unreachable', exitCode: null, reason }), host);
    const jobs = [
      ...targets.slice(0, 2).map(({ host, ip }) => unreachable(`${ip} port 22 (${host}) refused`, host)),
      unreachable('10.0.0.3 port 2222 (web03) refused', 'web03'),
      // Another host's address is not its own.
      unreachable('10.0.0.1 port 22 (web04) refused', 'web04'),
    ];
    const message = formatShow(sampleRun({ plan: samplePlan({ targets: [first, ...rest] }) }), jobs, 0);
    expect(boxesOf(message)[0]?.split('\n')).toEqual([
      '∅ unreachable ({host} port 22 ({host}) refused) — 2 hosts: web[01-02]',
      '∅ unreachable (10.0.0.3 port 2222 (web03) refused) — 1 host: web03',
      '∅ unreachable (10.0.0.1 port 22 (web04) refused) — 1 host: web04',
    ]);
  });

  test('an audit line names who, where, what, and the hash to compare', () => {
    const message = formatAuditLine({
      ...ENTRY,
      seq: 12,
      userId: 'U0OPS',
      action: 'refused',
      runId: null,
      channelId: 'C0OPS',
      detail: { typed: '/batch_run -h all -cmd "rm `x`"', reason: 'no rule covers db01' },
      hash: 'ab'.repeat(32),
    });
    expect(message.text).toBe(
      '⊘ *refused* · <@U0OPS> · in <#C0OPS> · `/batch_run -h all -cmd "rm ˋxˋ"` · `no rule covers db01` · #12 abababababab',
    );
  });

  test('an audit line of refusals that were counted together says how many, and which was the last', () => {
    const message = formatAuditLine({
      ...ENTRY,
      seq: 14,
      userId: 'U0OPS',
      action: 'refused',
      runId: null,
      channelId: 'C0OPS',
      detail: { typed: '/batch_run x', reason: 'no rule', code: 'usage', count: 1_117, since: 1 },
      hash: 'ab'.repeat(32),
    });
    expect(message.text).toContain('in <#C0OPS> · 1,117 more within a minute, the last: · `/batch_run x`');
  });

  test('an audit line of a cancel does not say that anything was stopped: that is not known yet', () => {
    const saidOf = (detail: object) =>
      formatAuditLine({
        ...ENTRY,
        seq: 15,
        userId: 'U0OPS',
        action: 'cancelled',
        runId: 'r-7k3f',
        channelId: 'C0OPS',
        detail: { ...detail },
        hash: 'ab'.repeat(32),
      }).text;
    expect(saidOf({ skipped: 1, running: ['web01', 'web02'] })).toContain(
      '· 2 hosts to be stopped · 1 host skipped ·',
    );
    expect(saidOf({ skipped: 0, running: ['web01'] })).toContain('· 1 host to be stopped ·');
    // Nothing ran any more: nobody is told that something is being stopped.
    expect(saidOf({ skipped: 2, running: [] })).not.toContain('to be stopped');
  });

  test('the limit of a preview is what it limits: a copy of any length may go on while it gets on', () => {
    const copy: Work = { action: 'get', remote: '/var/log/big', local: 'logs' };
    const words = (work: Work) => textsOf(formatPreview(samplePlan({ work }), undefined, [])).join('\n');
    expect(words(copy)).toContain('at most 64 at once, at most 5 min without progress');
    expect(words({ action: 'run', command: 'df' })).toContain('at most 64 at once, 5 min each');
  });

  test('who sees no run is not told that there is none', () => {
    expect(formatRuns([], 0).text).toBe('None of the latest runs is yours or of this channel.');
  });

  test('a number in an entry is told for what it is there', () => {
    const accepted = { ...ENTRY, seq: 2, userId: 'U0OPS', action: 'accepted', runId: 'r-7k3f' } as const;
    const { text } = formatAuditLine({
      ...accepted,
      channelId: 'C0OPS',
      detail: { typed: '/batch_run x', count: 40, hosts: ['a', 'b'] },
      hash: 'ab'.repeat(32),
    });
    expect(text).toContain('2 hosts');
    expect(text).not.toContain('more within a minute');
  });

  test('the line of an anchor tells all of the hash, as `verify --head` takes it', () => {
    const { text } = formatAuditLine({
      ...ENTRY,
      seq: 15,
      userId: '',
      action: 'anchored',
      runId: null,
      channelId: null,
      detail: { when: 'start', runs: 3, refusals: 0, reason: 'a chain begins' },
      hash: 'ab'.repeat(32),
    });
    expect(text).toBe(`⚓\ufe0e *anchored* · at the start · \`a chain begins\` · \`15:${'ab'.repeat(32)}\``);
  });

  test('an audit line of an end counts how the hosts ended', () => {
    const message = formatAuditLine({
      ...ENTRY,
      seq: 13,
      userId: 'U0OPS',
      action: 'settled',
      runId: 'r-7k3f',
      channelId: 'C0OPS',
      detail: { outcomes: { 'timed-out': 1, ok: 2 }, tookMs: 12_400, digest: 'x' },
      hash: 'ab'.repeat(32),
    });
    expect(message.text).toContain('r-7k3f · <@U0OPS> · in <#C0OPS> · 2 ok · 1 timed out · 12.4 s');
  });

  test('every answer obeys every limit and holds nothing alive, whatever it is made of', () => {
    fc.assert(
      fc.property(anyRun, anyOutcome, anyText, anyText, (run, outcome, a, b) => {
        const refusal = new Refusal('usage', a, { remedy: b, usage: a });
        for (const message of [
          formatRefusal(refusal, b),
          formatDefect(a.slice(0, 20)),
          formatNotice(a),
          formatHelp(a),
          formatHosts([{ name: a, address: b, groups: [b, a], note: a }]),
          formatPreview(run.plan, refusal, [a, b]),
          formatPreview(run.plan, undefined, []),
          formatRights([{ hosts: [a, b], actions: [], rule: b, limits: a }]),
          formatRuns([run, run, run, run, run, run, run, run, run, run, run, run], 2_000_000),
          formatShow(run, [sampleJob(outcome, a), sampleJob(undefined, b)], 2_000_000),
          formatAuditLine({
            ...ENTRY,
            seq: 1,
            userId: a,
            action: 'settled',
            runId: run.id,
            channelId: b,
            detail: {
              typed: a,
              reason: b,
              hosts: [a],
              outcomes: { ok: 2, [a]: 1 },
              running: [b],
              skipped: 3,
            },
            hash: 'ab',
          }),
        ]) {
          expectWithinLimits(message);
          expectNothingAlive(message, MENTIONS);
        }
      }),
      { numRuns: 300 },
    );
  });
});
