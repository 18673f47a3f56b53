import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../src/command/parse-command.ts';
import type { Request } from '../../src/command/request.ts';
import { USAGE } from '../../src/command/usage.ts';
import { Refusal } from '../../src/errors.ts';
import { copy, desk, refusalOf, run } from './rig.ts';

const PLAIN = { kind: 'fleet', groups: [], exclude: [], preview: false, notes: [] };

describe("the original program's lines", () => {
  test('run a command', () => {
    expect(run('-h h1,h2,h3 -g web_clusters,db_servers -cmd "df -h"')).toEqual({
      ...PLAIN,
      hosts: ['h1', 'h2', 'h3'],
      groups: ['web_clusters', 'db_servers'],
      work: { action: 'run', command: 'df -h' },
    });
  });

  test.each([
    ['-h h1 -action put -local test.py -remote /tmp/', 'put', 'test.py', '/tmp/'],
    ['-h h1 -action put test.py /tmp/', 'put', 'test.py', '/tmp/'],
    ['-h h1 -action get /path/test.py name', 'get', 'name', '/path/test.py'],
    ['-action get -remote /path/test.py -local name -h h1', 'get', 'name', '/path/test.py'],
    ['-action PUT test.py /tmp/ -h h1', 'put', 'test.py', '/tmp/'],
  ])('copy: %s', (text, action, local, remote) => {
    expect(copy(text)).toEqual({ ...PLAIN, hosts: ['h1'], work: { action, local, remote } });
  });
});

describe('options', () => {
  test('-script, -stdin and -env say what is run, what it reads and what it finds', () => {
    const workOf = (text: string) => {
      const request = run(text);
      return request.kind === 'fleet' ? request.work : request;
    };
    expect(workOf('-h a -script deploy.sh')).toEqual({
      action: 'run',
      command: '',
      script: { local: 'deploy.sh', args: [] },
    });
    expect(
      workOf('-h a -env A=1 -env "B=two  words" -script slack:x.sh -stdin in.sql -- -v "b c" -h $HOME'),
    ).toEqual({
      action: 'run',
      command: '',
      script: { local: 'slack:x.sh', args: ['-v', 'b c', '-h', '$HOME'] },
      stdin: { local: 'in.sql' },
      env: [
        ['A', '1'],
        ['B', 'two  words'],
      ],
    });
    expect(workOf('-h a -script x — one')).toMatchObject({ script: { args: ['one'] } });
    expect(workOf('-h a -env A= -cmd id')).toMatchObject({ env: [['A', '']] });
    for (const [text, message] of [
      ['-h a -script x -cmd id', '-cmd and -script do not go together.'],
      ['-h a -stdin x', '-cmd is missing.'],
      ['-h a -env A -cmd id', '-env "A" is not a variable.'],
      ['-h a -env 1A=x -cmd id', '-env "1A=x" is not a variable.'],
      ['-h a -env A="b c" -cmd id', /^A quote stands in the middle of -env/],
      ['-h a -env A=1 -env A=2 -cmd id', '-env A is there twice.'],
      ['-h a -env BATCHOPS_RUN=2 -cmd id', "-env BATCHOPS_RUN is the bot's own."],
      ['-h a -env IFS=1 -cmd id', '-env IFS is taken by no shell from its environment.'],
      ['-h a -cmd "id" -- x', /^Behind the closing " of the command stands "-- x"/],
      ['-h a -idle 60 -cmd id', '-idle "60" is not a duration.'],
    ] as const) {
      const refusal = refusalOf(run, text);
      if (typeof message === 'string') expect(refusal.message).toBe(message);
      else expect(refusal.message).toMatch(message);
    }
    expect(run('-h a -idle 60s -cmd id')).toMatchObject({ idleMs: 60_000 });
  });

  test('-sudo is root where no user is named, wherever it stands', () => {
    const sudoOf = (text: string) => {
      const request = run(text);
      return request.kind === 'fleet' && request.work.action === 'run' ? request.work.sudo : 'none';
    };
    expect(sudoOf('-h a -sudo -cmd id')).toBe('root');
    expect(sudoOf('-h a -sudo postgres -cmd "id"')).toBe('postgres');
    expect(sudoOf('-h a -cmd "id" -sudo')).toBe('root');
    expect(sudoOf('-h a —sudo “www-data” -cmd "id"')).toBe('www-data');
    expect(sudoOf('-h a -cmd "id"')).toBeUndefined();
    for (const user of ['-u', '#0', 'a b', '%wheel', 'x;id', '$(id)', '']) {
      expect(refusalOf(run, `-h a -sudo "${user}" -cmd id`), user).toMatchObject({ code: 'usage' });
    }
  });

  test('stand in any order, also behind a quoted command', () => {
    const expected = {
      ...PLAIN,
      hosts: ['all', '!web07'],
      groups: ['db'],
      exclude: ['web[01,03]', '@standby'],
      work: { action: 'run', command: 'uptime' },
      fanOut: 5,
      timeLimitMs: 30_000,
      preview: true,
    };
    const parts = [
      '-h all,!web07',
      '-g db',
      '-x web[01,03],@standby',
      '-c 5',
      '-t 30s',
      '-n',
      '-cmd "uptime"',
    ];
    fc.assert(
      fc.property(
        fc.shuffledSubarray(parts, { minLength: parts.length }),
        fc.constantFrom(' ', '  ', '\n', '\t'),
        (order, gap) => {
          expect(run(order.join(gap))).toEqual(expected);
        },
      ),
    );
  });

  test.each([
    ['-h h1, h2 ,h3 , h4', ['h1', 'h2', 'h3', 'h4']],
    ['-h "h1, h2", h3', ['h1', 'h2', 'h3']],
    ['-h web[1, 3],db1', ['web[1,3]', 'db1']],
    ['-h web[01–20]', ['web[01-20]']],
    ['—h h1', ['h1']],
    ['–h h1', ['h1']],
    ['--h h1', ['h1']],
    ['\u200b-h\u00a0h1\u200b', ['h1']],
    [
      '-h <http://web01.example.com|web01.example.com>, <http://db1.example.com>',
      ['web01.example.com', 'db1.example.com'],
    ],
    ['-h “h1”', ['h1']],
  ])('in lists: %s', (text, hosts) => {
    expect(run(`${text} -cmd "x"`)).toMatchObject({ hosts });
  });

  test.each([
    ['-t 5m', 300_000],
    ['-t 1h', 3_600_000],
    ['-t 90S', 90_000],
  ])('%s', (text, timeLimitMs) => {
    expect(run(`-h a ${text} -cmd x`)).toMatchObject({ timeLimitMs });
  });

  test.each([
    [
      '-h a -tty -cmd x',
      '"-tty" is not an option of this command.',
      'Its options are -h -g -x -c -t -serial -canary -maxfail -wait -order -pick -idle -fold -diff -follow -n -sudo -env -stdin -script -cmd.',
    ],
    ['-hosts a -cmd x', '"-hosts" is not an option of this command.', 'Did you mean -h?'],
    ['-h a —command x', '"—command" is not an option of this command.', 'Did you mean -cmd?'],
    ['-h a -cmdd "x"', '"-cmdd" is not an option of this command.', 'Did you mean -cmd?'],
    ['-h a -c=5 -cmd x', '"-c=5" is not an option.', 'Write -c 5, with a space.'],
    ['-h a -local x -cmd x', '"-local" is not an option of this command.', undefined],
    ['-h a -cmd "x" -tty', '"-tty" is not an option of this command.', undefined],
    ['-h a -h b -cmd x', '-h is there twice.', 'Join the two with a comma.'],
    ['-h a -n -n -cmd x', '-n is there twice.', 'Leave one out.'],
    ['-h a b -cmd x', '"b" belongs to no option.', undefined],
    ['-h a -n 5 -cmd x', '"5" belongs to no option.', undefined],
    ['uptime', '"uptime" belongs to no option.', undefined],
    ['-h -cmd x', '-h is incomplete: a host is missing before "-cmd".', undefined],
    ['-cmd "x" -h', '-h is incomplete: a host is missing.', undefined],
    ['-h a,,b -cmd x', '-h "a,,b" has a comma with no name beside it.', undefined],
    ['-h a, -cmd x', '-h "a," has a comma with no name beside it.', undefined],
    ['-h a"b -cmd x', 'A quote stands in the middle of -h "a"b".', 'Names need no quotes.'],
    ['-h "a -cmd x', 'The quote before "a -cmd x" is not closed.', 'Close it with " where the words end.'],
    ['-h a -c 0 -cmd x', '-c "0" is not a number of hosts.', undefined],
    ['-h a -c -5 -cmd x', '-c "-5" is not a number of hosts.', undefined],
    [
      '-h a -t 30 -cmd x',
      '-t "30" is not a duration.',
      'Write the unit too: -t 30s for seconds, -t 30m for minutes.',
    ],
    ['-h a -t 0s -cmd x', '-t "0s" is not a duration.', undefined],
    ['-cmd "x"', 'No hosts are named.', undefined],
    ['-x a -cmd "x"', 'No hosts are named.', undefined],
    ['', 'No hosts are named.', undefined],
    ['-h a', '-cmd is missing.', undefined],
  ])('refused: %s', (text, message, remedy) => {
    const refusal = refusalOf(run, text);
    expect(refusal).toMatchObject({ code: 'usage', message, usage: USAGE['/batch_run'] });
    if (remedy !== undefined) expect(refusal.remedy).toBe(remedy);
  });
});

describe('/batch_scp', () => {
  test.each([
    [`-h a -action put "my file.txt" "/tmp/my dir/"`, 'my file.txt', '/tmp/my dir/'],
    [`-h a -action put “my file.txt” '/tmp/"x"/'`, 'my file.txt', '/tmp/"x"/'],
    [
      `-h a -action put -local <http://test.py|test.py> -remote /tmp/<http://test.py|test.py>`,
      'test.py',
      '/tmp/test.py',
    ],
    [`-h a -action put -local "a&amp;b" -remote "/tmp/a\u00a0b"`, 'a&amp;b', '/tmp/a b'],
    [`-h a -action put -local "-x" -remote '--'`, '-x', '--'],
    ['-h a -action put -local site// -remote /srv/', 'site', '/srv/'],
    [`-h a -action put bob's.txt /tmp/bob's.txt`, "bob's.txt", "/tmp/bob's.txt"],
  ])('%s', (text, local, remote) => {
    expect(copy(text)).toMatchObject({ work: { action: 'put', local, remote } });
  });

  test.each([
    ['-h a', '-action is missing.'],
    ['-h a -action', '-action is incomplete: put or get is missing.'],
    ['-h a -action send x y', '-action "send" is neither put nor get.'],
    ['-h a -r -mkdir -action get x y', '-mkdir goes with -action put only.'],
    ['-h a -backup -action get x y', '-backup goes with -action put only.'],
    ['-h a -r -r -action get x y', '-r is there twice.'],
    ['-h a -action put x', '-action put "x" is incomplete: a second name is missing.'],
    ['-h a -action put x y z', '"z" belongs to no option.'],
    ['-h a -action put x -remote y', '"x" behind -action put and -local or -remote do not go together.'],
    ['-h a -action put -local x', '-remote is missing.'],
    ['-h a -action get -remote x', '-local is missing.'],
    ['-h a -action get -remote -x -local y', '-remote is incomplete: a path is missing before "-x".'],
    ['-h a -action put "a\tb" c', '-local "a·b" holds a control character.'],
    ['-h a -cmd x', '"-cmd" is not an option of this command.'],
  ])('refused: %s', (text, message) => {
    expect(refusalOf(copy, text)).toMatchObject({ code: 'usage', message, usage: USAGE['/batch_scp'] });
  });
});

describe('/batch', () => {
  test.each<[string, Request]>([
    ['', { kind: 'help' }],
    ['help', { kind: 'help' }],
    ['--help', { kind: 'help' }],
    ['hosts', { kind: 'hosts', terms: [] }],
    ['hosts web[1,2], @db', { kind: 'hosts', terms: ['web[1,2]', '@db'] }],
    ['can all,!@db', { kind: 'can', terms: ['all', '!@db'] }],
    ['CAN', { kind: 'can', terms: [] }],
    ['runs', { kind: 'runs', count: 10 }],
    ['queue', { kind: 'queue' }],
    ['runs 3', { kind: 'runs', count: 3 }],
    ['runs 100000', { kind: 'runs', count: 100 }],
    ['show r-7k3f', { kind: 'show', run: 'r-7k3f' }],
    ['show R-7K3F web01', { kind: 'show', run: 'r-7k3f', host: 'web01' }],
    ['show 7k3f', { kind: 'show', run: 'r-7k3f' }],
    ['show `r–7k3f`', { kind: 'show', run: 'r-7k3f' }],
    ['`show r-7k3f`', { kind: 'show', run: 'r-7k3f' }],
    ['show r-oilk', { kind: 'show', run: 'r-011k' }],
    ['show rrrr', { kind: 'show', run: 'r-rrrr' }],
    ['cancel r-7k3f', { kind: 'cancel', run: 'r-7k3f' }],
    ['retry r-7k3f', { kind: 'retry', run: 'r-7k3f', which: 'failed' }],
    ['retry r-7k3f LOST', { kind: 'retry', run: 'r-7k3f', which: 'lost' }],
  ])('%j', (text, request) => {
    expect(desk(text)).toEqual(request);
  });

  test.each([
    ['cancle r-7k3f', '/batch does not know "cancle".', 'Did you mean cancel?'],
    ['cancel', '/batch cancel needs to know which run.', undefined],
    ['cancel r-7k3f now', '"now" is one word too many behind /batch cancel.', undefined],
    ['show web01!', '"web01!" is not the id of a run.', undefined],
    ['hosts a b', '"b" is one word too many behind /batch hosts.', 'Join names by commas.'],
    ['hosts a,', '/batch hosts "a," has a comma with no name beside it.', undefined],
    ['runs 0', '"0" is not a number of runs.', undefined],
    ['retry r-7k3f fialed', '"fialed" is not something to retry.', 'Did you mean failed?'],
  ])('refused: %s', (text, message, remedy) => {
    const refusal = refusalOf(desk, text);
    expect(refusal).toMatchObject({ code: 'usage', message, usage: USAGE['/batch'] });
    if (remedy !== undefined) expect(refusal.remedy).toBe(remedy);
  });
});

describe('whatever is typed', () => {
  test('-fold and -diff say how results are shown, and are left out where they are not asked for', () => {
    expect(run('-h a -fold similar -diff -cmd x')).toMatchObject({ fold: 'similar', diff: true });
    expect(run('-h a -fold EXACT -cmd x')).toMatchObject({ fold: 'exact' });
    expect(run('-h a -cmd x')).not.toHaveProperty('fold');
    expect(run('-h a -cmd x')).not.toHaveProperty('diff');
    expect(refusalOf(run, '-h a -fold alike -cmd x').message).toBe(
      '-fold "alike" is neither exact nor similar.',
    );
    expect(refusalOf(run, '-h a -fold -cmd x').message).toMatch(
      /-fold is incomplete: exact or similar is missing/,
    );
  });

  test.each(['help', '-help', '--help', '-?'])('/batch_run %s is a question for help', (text) => {
    expect(run(text)).toEqual({ kind: 'help' });
  });

  test('is a request or a refusal with the line of use', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '-h',
        '-g',
        '-cmd',
        '-action',
        'put',
        '-local',
        '—n',
        '-t',
        '5s',
        '"',
        '”',
        "'",
        ',',
        'a',
        'r-7k3f',
        'show',
        '<http://',
        '|x>',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    const text = fc.array(piece).map((pieces) => pieces.join(' '));
    fc.assert(
      fc.property(fc.constantFrom('/batch_run', '/batch_scp', '/batch'), text, (command, typed) => {
        try {
          parseCommand(command, typed);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
          expect(error).toMatchObject({ code: 'usage', usage: expect.stringContaining(command) });
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a command of another app is refused', () => {
    expect(refusalOf((text) => parseCommand('/deploy', text), 'x').message).toBe(
      '"/deploy" is not a command of Batchops.',
    );
  });
});

describe('what a Chinese keyboard or a paste puts into a list', () => {
  const refusalOf = (text: string) => {
    try {
      parseCommand('/batch_run', text);
    } catch (error) {
      if (error instanceof Refusal) return `${error.message} ${error.remedy}`;
    }
    return 'no refusal';
  };

  test.each([
    ['-h h1，h2 -cmd uptime', 'Write h1,h2.'],
    ['-h h1， h2 -cmd uptime', 'Write h1,h2.'],
    ['-h h1、h2 -cmd uptime', 'Write h1,h2.'],
    ['-h web［01－20］ -cmd uptime', 'Write web[01-20].'],
    ['-g web，！db -cmd uptime', 'Write web,!db.'],
    ['-h all -x ＠db -cmd uptime', 'Write @db.'],
    ['-h a,,b -cmd uptime', 'Take the comma out'],
    ['-h a, -cmd uptime', 'Take the comma out'],
    ['-h ,a -cmd uptime', 'Take the comma out'],
  ])('%s is refused with what to write instead', (text, remedy) => {
    expect(refusalOf(text)).toContain(remedy);
  });

  test('a quote that is escaped closes nothing, and that is said', () => {
    expect(refusalOf('-h a -cmd "dir C:\\"')).toContain('A quote behind a backslash belongs to the command.');
  });
});
