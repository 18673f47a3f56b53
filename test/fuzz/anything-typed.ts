import fc from 'fast-check';
import { COPY_FLAGS } from '../../src/command/request.ts';
import { anyChars } from './cases.ts';
import { HOSTS, SECRET } from './fleet.ts';

const anyTerm = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(...HOSTS, 'all', '@web', '@db', 'fe*', 'fe[01-03]', 'FE01', '!fe02', '!@db'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('fe[01-', 'fe[03-01]', '[', '*', '!', '', '@nope', 'fe04', '10.0.0.1', SECRET),
  },
  { weight: 1, arbitrary: anyChars },
);
const anyList = fc
  .array(anyTerm, { minLength: 1, maxLength: 4 })
  .chain((terms) => fc.constantFrom(',', ', ', ' ,', ',,').map((comma) => terms.join(comma)));
const anyWord = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'uptime',
      'df',
      '-h',
      '/',
      'systemctl',
      'status',
      '-H',
      'ls',
      '-l',
      '/srv/a',
      '/srv/../etc',
      'cat',
      '/var/log/x',
      '/var/log/../x',
      'A=b',
      '=df',
      ';',
      '|',
      '&&',
      '$HOME',
      '*',
      '"',
      SECRET,
      '-g',
      'web',
      '+main',
      '{host}',
      '{n}',
    ),
  },
  { weight: 1, arbitrary: anyChars },
);
export const anyCommand = fc.array(anyWord, { minLength: 1, maxLength: 5 }).map((words) => words.join(' '));
const anyQuoted = fc
  .tuple(
    anyCommand,
    fc.constantFrom(['"', '"'], ["'", "'"], ['“', '”'], ['`', '`'], ['```', '```'], ['', ''], ['"', '']),
  )
  .map(([command, [open, close]]) => `${open}${command}${close}`);
export const anyPath = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '/tmp/',
      '/tmp',
      '/tmp/a',
      '/etc/motd',
      '/var/log/x',
      '/srv/y',
      '/srv/a/b/y',
      '/tmp/../etc/motd',
      '/tmp//a',
      'a',
      '..',
      '/',
      'slack:a.txt',
    ),
  },
  { weight: 1, arbitrary: anyChars },
);
const anyOption = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom('-h', '-g', '-x', '—h', '--hosts', '-H'), anyList) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom('-c', '-t', '-fold'),
        fc.constantFrom('1', '64', '0', '-1', '1e9', '5m', '99999999999h', 'similar', '∞'),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom(
          '-n',
          '-diff',
          '-q',
          '-',
          '--',
          '-sudo',
          '-follow',
          ...COPY_FLAGS.map(([name]) => `-${name}`),
        ),
        fc.constant(''),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom(
          '-serial',
          '-canary',
          '-maxfail',
          '-wait',
          '-order',
          '-pick',
          '-idle',
          '-sudo',
          '-env',
          '-stdin',
          '-script',
        ),
        fc.constantFrom(
          '1',
          '20%',
          '1,5,20%',
          '0',
          '30s',
          'random',
          'root',
          'postgres',
          'A=1',
          'A=$B',
          'a',
          'slack:a.sh',
          '../a',
          SECRET,
        ),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(anyChars, anyChars) },
  )
  .map((parts) => parts.join(' '));

/** Mostly right, so that what lies behind the grammar is reached as well. */
export const anyTyped: fc.Arbitrary<{ readonly command: string; readonly text: string }> = fc.oneof(
  fc
    .tuple(fc.array(anyOption, { maxLength: 4 }), anyQuoted, fc.boolean())
    .map(([options, command, isPlain]) => ({
      command: '/batch_run',
      text: isPlain
        ? `-h fe01,fe02 ${options.join(' ')} -cmd ${command}`
        : `${options.join(' ')} -cmd ${command}`,
    })),
  fc
    .tuple(
      fc.array(anyOption, { maxLength: 3 }),
      fc.constantFrom('put', 'get', 'PUT', 'move'),
      anyPath,
      anyPath,
      fc.boolean(),
    )
    .map(([options, action, one, other, isLong]) => ({
      command: '/batch_scp',
      text: `-g web ${options.join(' ')} -action ${action} ${isLong ? `-local ${one} -remote ${other}` : `${one} ${other}`}`,
    })),
  fc
    .tuple(
      fc.constantFrom('hosts', 'runs', 'show', 'cancel', 'retry', 'can', 'queue', 'trust', 'help', 'nope'),
      fc.array(fc.oneof(anyTerm, fc.constantFrom('r-7k3f', '5', 'failed')), { maxLength: 3 }),
    )
    .map(([verb, words]) => ({ command: '/batch', text: `${verb} ${words.join(' ')}` })),
  fc
    .tuple(
      fc.constantFrom('/batch', '/batch_run', '/batch_scp', '/nope'),
      fc.array(anyChars, { maxLength: 12 }),
    )
    .map(([command, parts]) => ({
      command,
      text: parts.join(' '),
    })),
);
