import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Field } from '../../src/command/fields.ts';
import { describeFields, type FormFields, parseFormFields } from '../../src/command/form-fields.ts';
import { fieldsOf } from '../../src/command/options.ts';
import { parseCommand } from '../../src/command/parse-command.ts';

/** Of fields whose placeholder shows several. */
const EXAMPLES: Readonly<Record<string, string>> = { limit: '30s', wait: '5m', maxfail: '10%' };

const parse = (kind: 'run' | 'copy', fields: FormFields) => parseFormFields(kind, fields);

describe('the form, read', () => {
  test('means what the slash command would mean', () => {
    const fields = {
      hosts: ['@web', 'db01'],
      terms: ['app[1,3], !db02'],
      command: ['df -h'],
      fanout: ['10'],
      limit: ['30s'],
    };
    expect(parse('run', fields)).toEqual({
      request: {
        kind: 'fleet',
        hosts: ['@web', 'db01', 'app[1,3]', '!db02'],
        groups: [],
        exclude: [],
        work: { action: 'run', command: 'df -h' },
        fanOut: 10,
        timeLimitMs: 30_000,
        preview: false,
        notes: [],
      },
    });
  });

  test('runs as another user where one is named', () => {
    const sudo = (user: string) => parse('run', { hosts: ['h1'], command: ['id'], sudo: [user] });
    expect(sudo(' root ')).toMatchObject({
      request: { work: { action: 'run', command: 'id', sudo: 'root' } },
    });
    expect(sudo('')).toEqual(parse('run', { hosts: ['h1'], command: ['id'] }));
    expect(sudo('-u root')).toHaveProperty('faults.sudo');
    expect(describeFields('run', { hosts: ['h1'], command: ['id'], sudo: ['root'] })).toContain(
      '-sudo root -cmd id',
    );
  });

  test('runs a script of the folder with its arguments, its variables and what it reads', () => {
    const fields = {
      hosts: ['h1'],
      script: ['deploy.sh -- web "two words" -x'],
      env: ['STAGE=test\r\n\nNOTE=two words=1'],
      stdin: ['dump.sql'],
    };
    expect(parse('run', fields)).toMatchObject({
      request: {
        work: {
          command: '',
          script: { local: 'deploy.sh', args: ['web', 'two words', '-x'] },
          env: [
            ['STAGE', 'test'],
            ['NOTE', 'two words=1'],
          ],
          stdin: { local: 'dump.sql' },
        },
      },
    });
    const audited = /^form: (\S+) (.*)$/.exec(describeFields('run', fields)) ?? [];
    expect(parse('run', fields)).toEqual({ request: parseCommand(audited[1] ?? '', audited[2] ?? '') });
  });

  test('says at their fields what is wrong with a script, its variables and the file that it reads', () => {
    const faults = (fields: FormFields) => parse('run', { hosts: ['h1'], ...fields });
    expect(faults({})).toHaveProperty('faults.command', expect.stringContaining('or name a script'));
    expect(faults({ command: ['id'], script: ['a.sh'] })).toHaveProperty('faults.command');
    expect(faults({ script: ['a.sh web'] })).toHaveProperty('faults.script', expect.stringContaining('--'));
    expect(faults({ script: ['a.sh'], env: ['A=1\nA=2'] })).toHaveProperty('faults.env');
    expect(faults({ script: ['a.sh'], env: ['1A=x'] })).toHaveProperty('faults.env');
    expect(faults({ script: ['a.sh'], stdin: ['a\u0007b'] })).toHaveProperty('faults.stdin');
  });

  test('takes backticks round the whole command as quotes, as the slash command does', () => {
    for (const command of ['`df *`', '```df *```', '```\ndf *\n```']) {
      expect(parse('run', { hosts: ['h1'], command: [command] })).toMatchObject({
        request: { work: { command: 'df *' }, notes: [expect.stringMatching(/taken as quotes/)] },
      });
    }
    expect(parse('run', { hosts: ['h1'], command: ['``'] })).toHaveProperty('faults.command');
  });

  test('folds and compares as the options do', () => {
    const results = (word: string) => parse('run', { hosts: ['h1'], command: ['id'], results: [word] });
    expect(results('similar')).toMatchObject({ request: { fold: 'similar' } });
    expect(results('diff')).toMatchObject({ request: { diff: true } });
    expect(results('equal')).toEqual(parse('run', { hosts: ['h1'], command: ['id'] }));
    expect(describeFields('run', { hosts: ['h1'], command: ['id'], results: ['diff'] })).toContain(
      '-diff -cmd id',
    );
  });

  test('rolls out as the options do, and tells each fault at its field', () => {
    const rollout = (fields: FormFields) => parse('run', { hosts: ['h1'], command: ['id'], ...fields });
    expect(
      rollout({
        serial: ['1, 20%'],
        canary: ['2'],
        maxfail: ['0'],
        wait: ['30s'],
        order: ['random'],
        pick: ['9'],
      }),
    ).toMatchObject({
      request: {
        rollout: {
          serial: [{ count: 1 }, { percent: 20 }],
          canary: 2,
          maxFail: { count: 0 },
          waitMs: 30_000,
          order: 'random',
          pick: 9,
        },
      },
    });
    expect(rollout({ order: ['inventory'] })).toEqual(rollout({}));
    expect(
      rollout({ serial: ['0'], canary: ['x'], maxfail: ['101%'], wait: ['5'], pick: ['0'] }),
    ).toMatchObject({
      faults: {
        serial: expect.stringContaining('size of a batch'),
        canary: expect.stringContaining('number of hosts'),
        maxfail: expect.stringContaining('percentage'),
        wait: expect.stringContaining('duration'),
        pick: expect.stringContaining('number of hosts'),
      },
    });
    expect(rollout({ wait: ['30s'] })).toEqual({
      faults: { wait: expect.stringContaining('no batches to wait between') },
    });
  });

  test('sends the command exactly as it was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (command) => {
        const parsed = parse('run', { hosts: ['h1'], command: [command] });
        if ('request' in parsed) expect(parsed.request.work).toEqual({ action: 'run', command });
        else expect(Object.keys(parsed.faults)).toEqual(['command']);
      }),
    );
    const note = parse('run', { hosts: ['h1'], command: ['echo “x”'] });
    expect('request' in note && note.request.notes.join()).toMatch(/curly quote/);
  });

  test('tells each fault at its own field, all at once', () => {
    expect(parse('run', { terms: ['web01,,web02'], command: ['  '], fanout: ['0'], limit: ['5'] })).toEqual({
      faults: {
        terms: expect.stringContaining('comma'),
        command: expect.stringContaining('Write the command'),
        fanout: expect.stringContaining('not a number'),
        limit: expect.stringContaining('not a duration'),
      },
    });
    expect(parse('run', { command: ['id'] })).toEqual({
      faults: { hosts: expect.stringContaining('Choose hosts') },
    });
    expect(parse('copy', { hosts: ['h1'], action: ['rename'] })).toEqual({
      faults: { action: expect.stringContaining('send or to fetch') },
    });
    expect(parse('copy', { hosts: ['h1'], action: ['put'], local: ['a\u0007'] })).toEqual({
      faults: { local: expect.any(String), remote: expect.stringContaining('missing') },
    });
  });

  test('reads in the audit as the command that says the same', () => {
    const fields = { hosts: ['@web'], terms: ['!web01'], limit: ['5m'], command: ['uptime'] };
    expect(describeFields('run', fields)).toBe('form: /batch_run -h @web,!web01 -t 5m -cmd uptime');
  });

  test('means what the command does that the audit has of it, whichever fields of the table are filled in', () => {
    const anyOf = (field: Field): fc.Arbitrary<readonly string[]> => {
      switch (field.kind) {
        case 'search':
          return fc.uniqueArray(fc.constantFrom('@web', 'db01'), { minLength: 1 });
        case 'text':
          return fc.constant([EXAMPLES[field.block] ?? field.placeholder]);
        case 'choice':
          return fc.constantFrom(...field.choices).map(({ value }) => [value]);
        default:
          return field satisfies never;
      }
    };
    const filled = (kind: 'run' | 'copy') => {
      const fields = Object.fromEntries(fieldsOf(kind).map((field) => [field.block, anyOf(field)]));
      const needed = fieldsOf(kind).flatMap(({ block, optional }) => (optional ? [] : [block]));
      return fc
        .record(fields, { requiredKeys: ['hosts', ...needed] })
        .filter((some) => some.wait === undefined || some.serial !== undefined)
        .filter((some) => kind === 'copy' || (some.command === undefined) !== (some.script === undefined))
        .map((some) => [kind, some] as const);
    };
    fc.assert(
      fc.property(fc.oneof(filled('run'), filled('copy')), ([kind, fields]) => {
        const [, command = '', words = ''] = /^form: (\S+) (.*)$/.exec(describeFields(kind, fields)) ?? [];
        expect(parse(kind, fields)).toEqual({ request: parseCommand(command, words) });
      }),
    );
  });

  test('of anything is a request or faults, never a defect', () => {
    const text = fc.array(fc.string({ unit: 'binary' }), { maxLength: 2 });
    const fields = fc.record({
      hosts: text,
      terms: text,
      command: text,
      fanout: text,
      limit: text,
      action: text,
      local: text,
      remote: text,
      serial: text,
      canary: text,
      maxfail: text,
      wait: text,
      order: text,
      pick: text,
    });
    fc.assert(
      fc.property(fc.constantFrom('run' as const, 'copy' as const), fields, (kind, some) => {
        const parsed = parse(kind, some);
        if ('faults' in parsed) expect(Object.keys(parsed.faults).length).toBeGreaterThan(0);
        expect(describeFields(kind, some)).toMatch(/^form: /);
      }),
    );
  });
});
