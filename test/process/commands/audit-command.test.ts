import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { truncateSync, writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { runAuditCommand } from '../../../src/process/commands/audit-command.ts';
import { openAuditTrail } from '../../../src/store/audit/trail.ts';
import { approvedPlan, openRig, openRun, type StoreRig } from '../../store/rig.ts';

const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname;

function audit(rig: StoreRig, word: string): ChildProcess {
  return spawn(process.execPath, [MAIN, 'audit', word], {
    cwd: rig.folder,
    env: { BATCHOPS_DATABASE_URL: `file:${rig.path}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A trail of a megabyte or two: more than any pipe holds. */
async function fillTrail(rig: StoreRig): Promise<number> {
  const hosts = Array.from({ length: 300 }, (_, n) => `host-with-a-long-name-${n}`);
  for (let n = 0; n < 200; n += 1) await rig.store.createRun(approvedPlan({ hosts }), `fill-${n}`);
  return Number(rig.sql('select count(*) as count from audit')[0]?.count);
}

async function collect(child: ChildProcess): Promise<{ code: unknown; out: string; err: string }> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = await once(child, 'close');
  return { code, out, err };
}

describe('what a command prints arrives whole or the command fails', () => {
  test('every entry of an export, however slowly it is read', async () => {
    await using rig = await openRig();
    const count = await fillTrail(rig);
    const child = audit(rig, 'export');
    // 64 KiB, then a pause longer than the process lingers at its end, then the rest.
    await once(child.stdout ?? child, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const { code, out } = await collect(child);
    expect(code).toBe(0);
    expect(out.length).toBeGreaterThan(1024 * 1024);
    expect(out.trimEnd().split('\n')).toHaveLength(count);
  }, 60_000);

  test('an export whose reader goes does not end well', async () => {
    await using rig = await openRig();
    await fillTrail(rig);
    const child = audit(rig, 'export');
    await once(child.stdout ?? child, 'readable');
    child.stdout?.destroy();
    const { code, err } = await collect(child);
    expect(code).toBe(74);
    expect(err).toMatch(
      /^batchops: audit export: not all of it could be written: the output ended after \d+ entries \(EPIPE\)\n$/,
    );
  }, 60_000);

  test.each(['verify', 'export'])('audit %s onto a full disk', async (word) => {
    await using rig = await openRig();
    await openRun(rig.store);
    const child = spawn(
      '/bin/sh',
      ['-c', `exec "$0" "$1" audit ${word} > /dev/full`, process.execPath, MAIN],
      {
        cwd: rig.folder,
        env: { BATCHOPS_DATABASE_URL: `file:${rig.path}` },
      },
    );
    const { code, err } = await collect(child);
    expect(code).toBe(74);
    expect(err).toMatch(/^batchops: audit \w+: .* \(ENOSPC\)\n$/);
  });
});

describe('a head that was kept elsewhere is looked for', () => {
  /** As people copy it: from `verify`, from an anchor, from the end of any line. */
  const FORMS: readonly ((seq: string, hash: string) => readonly string[])[] = [
    (seq, hash) => [`${seq}:${hash}`],
    (_, hash) => [hash.toUpperCase()],
    (seq, hash) => [`#${seq} ${hash.slice(0, 12)}`],
    (seq, hash) => [`#${seq}`, hash.slice(0, 12)],
  ];
  const verify = async (rig: StoreRig, ...words: string[]) => {
    let text = '';
    const out = new Writable({
      write(chunk: Buffer, _, done) {
        text += String(chunk);
        done();
      },
    });
    const open = () => openAuditTrail(`file:${rig.path}`);
    const code = await runAuditCommand(['verify', ...words], open, { out, complain: () => {} });
    return { code, out: text };
  };

  test('in each form in which it is shown, and the exit code tells', async () => {
    await using rig = await openRig();
    await openRun(rig.store);
    const before = await verify(rig);
    expect(before.out).toContain('note: a chain that was written anew');
    const [, seq = '', hash = ''] = /head (\d+):(\w{64})\n$/.exec(before.out) ?? [];
    await openRun(rig.store);
    for (const form of FORMS) {
      const { code, out } = await verify(rig, '--head', ...form(seq, hash));
      expect(out).toMatch(/^note: the chain holds the head/);
      expect(code).toBe(0);
    }
    const other = await verify(rig, '--head', `${seq}:${'0'.repeat(64)}`);
    expect(other).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^fault: the chain does not hold the head/),
    });
  });

  test.each([
    [['--head']],
    [['--head', 'ab12']],
    [['--heads', 'a'.repeat(64)]],
    [['--head', 'x'.repeat(64)]],
  ])('and %j is no head, so nothing is called whole', async (words) => {
    await using rig = await openRig();
    await expect(verify(rig, ...words)).rejects.toMatchObject({
      problems: [expect.stringMatching(/^audit verify: expected --head NUMBER:HASH/)],
    });
  });
});

describe('a trail that cannot be read is told of in words, never with a stack', () => {
  const DAMAGES: readonly (readonly [string, (rig: StoreRig) => void, number, RegExp])[] = [
    ['is empty', (rig) => writeFileSync(rig.path, ''), 78, /is not Batchops' database|is empty/],
    ['is no database', (rig) => writeFileSync(rig.path, 'x'.repeat(8192)), 78, /is not a database/],
    ['is cut off', (rig) => truncateSync(rig.path, 12_288), 78, /is damaged/],
    [
      'has no audit table',
      (rig) => void rig.sql('drop table audit'),
      78,
      /is damaged \(no such table: audit\)/,
    ],
    [
      'has an emptied audit table',
      (rig) => {
        rig.sql('drop trigger audit_keeps_entries');
        rig.sql('delete from audit');
      },
      1,
      /fault: entries 1 to \d+ are missing at the end/,
    ],
    [
      'has lost its head',
      (rig) => void rig.sql('delete from audit_head'),
      1,
      /fault: the head of the chain is gone/,
    ],
    [
      'has lost a plan',
      (rig) => void rig.sql("update run set plan_json = ''"),
      1,
      /fault: run r-\w+: the stored plan/,
    ],
    [
      'has a result that is none',
      (rig) => void rig.sql("update result set outcome_json = '{'"),
      1,
      /fault: run/,
    ],
  ];
  test.each(DAMAGES)('where it %s', async (_, damage, expected, words) => {
    await using rig = await openRig();
    await openRun(rig.store, { hosts: ['web01'], skip: { web01: 'disabled' } });
    await rig.store.close();
    damage(rig);
    const { code, out, err } = await collect(audit(rig, 'verify'));
    expect(out + err).toMatch(words);
    expect(err).not.toMatch(/\n {4}at /);
    expect(code).toBe(expected);
  });
});
