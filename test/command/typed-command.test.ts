import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { USAGE } from '../../src/command/usage.ts';
import { commandOf, refusalOf, run } from './rig.ts';

describe('-cmd', () => {
  test.each([
    ['-h a -cmd df -h | grep "x" > /tmp/$USER', 'df -h | grep "x" > /tmp/$USER'],
    [`-h a -cmd "echo "hello  world""`, 'echo "hello  world"'],
    [`-cmd "grep -c "x" f" -h a`, 'grep -c "x" f'],
    [`-h a -cmd 'echo "it's"'`, `echo "it's"`],
    [`-h a -cmd “echo ‘hi’”`, 'echo ‘hi’'],
    [`-h a -cmd ‘df -h’ -n`, 'df -h'],
    [`-h a -cmd ”df -h”`, 'df -h'],
    [`-cmd "awk '{print $1}' f" -t 5s -h a`, `awk '{print $1}' f`],
    // A quote that was escaped is a quote; every other backslash is the shell's.
    [`-h a -cmd "echo \\"hi\\""`, 'echo "hi"'],
    [`-h a -cmd "df -Th \\"/srv a\\" | grep -v \\"x y\\"" -n`, 'df -Th "/srv a" | grep -v "x y"'],
    [`-h a -cmd "echo \\"-n\\" -n"`, 'echo "-n" -n'],
    [`-h a -cmd “echo \\”hi\\””`, 'echo ”hi”'],
    [`-h a -cmd "grep '\\.' \\\\ f\\n"`, `grep '\\.' \\\\ f\\n`],
    [`-h a -cmd 'echo \\"hi\\"'`, 'echo \\"hi\\"'],
    [`-h a -cmd echo \\"hi\\"`, 'echo \\"hi\\"'],
    // As code, which Slack's users wrap so.
    ['-h a -cmd `df -h`', 'df -h'],
    ['-cmd `echo `date`` -h a', 'echo `date`'],
    ['-h a -cmd ```df -h\n uptime``` -n', 'df -h\n uptime'],
    ['`-h a -cmd "df -h"`', 'df -h'],
    ['`-h a -cmd df *`', 'df *'],
    ['```-h a -cmd "df -h\n uptime"```', 'df -h\n uptime'],
    ['-h a `-cmd df -h | sort` ', 'df -h | sort'],
    ['-h a ```-cmd echo `date` ```', 'echo `date` '],
    ['-h a -cmd ```\ndf *\nuptime\n```', 'df *\nuptime'],
    ['-h a -cmd ```df -h``` -t 5s', 'df -h'],
    ['-h a -cmd "`df *`"', 'df *'],
    ["-h a -cmd '```df *```'", 'df *'],
    ['-h a -cmd "`date` x `id`"', '`date` x `id`'],
    ['-h a -cmd "echo `date`"', 'echo `date`'],
    ['-h a -cmd `echo \\"x\\"`', 'echo \\"x\\"'],
    [`-h a -cmd "printf 'a\\n'"`, `printf 'a\\n'`],
    [`-h a -cmd "cat <<E\nx\nE"`, 'cat <<E\nx\nE'],
    [
      `-h a -cmd "curl <http://x.example|x.example> &amp;&amp; ls —all"`,
      'curl <http://x.example|x.example> &amp;&amp; ls —all',
    ],
    [`-h a —cmd “df -h”`, 'df -h'],
    [`-h a -cmd  uptime`, 'uptime'],
    [`-h a -cmd "sort "f" -n"`, 'sort "f" -n'],
  ])('%s', (text, command) => {
    expect(commandOf(text)).toBe(command);
  });

  test('reaches the shell exactly as typed', () => {
    const command = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom(' ', '"', "'", '”', '\\', '$', '&', '-', 'n', '\n', '\u00a0', '—'),
          fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
        ),
        minLength: 1,
      })
      .filter(
        (text) => /\S/.test(text) && !/[\0-\x08\x0b-\x1f\x7f-\x9f]|["'”]\s+[-—]+n(\s|$)|\\"|\\$/.test(text),
      );
    fc.assert(
      fc.property(command, (text) => {
        // Backticks round all of it are quotes.
        fc.pre(!/^\s*`.*`\s*$/s.test(text));
        fc.pre(text.replace(/[\s\u200b-\u200d\u2060\ufeff\u00ad]/gu, '') !== '');
        expect(commandOf(`-h a -cmd "${text}"`)).toBe(text);
        if (/^[a-z$]/.test(text)) expect(commandOf(`-h a -cmd ${text}`)).toBe(text);
      }),
    );
  });

  test.each([
    ['echo “x”', /curly quote \(“\)/],
    ['ls —all', /long dash \(—\)/],
    ['ls\u00a0-a', /U\+00A0/],
    ['a &amp;&amp; b', /&amp;/],
    ['curl <http://x.example>', /link in < >/],
  ])('points out what %s may hide', (command, note) => {
    const request = run(`-h a -cmd "${command}"`);
    expect(request).toMatchObject({ work: { command }, notes: [expect.stringMatching(note)] });
  });

  test('has no notes on a plain command', () => {
    expect(run(`-h a -cmd "df -h | awk '{print $1}' && x"`)).toMatchObject({ notes: [] });
  });

  test.each([
    ['-h a -cmd', '-cmd has no command.'],
    ['-h a -cmd ""', '-cmd has no command.'],
    ['-h a -cmd " \u200b "', '-cmd has no command.'],
    ['-h a -cmd -n', '-cmd is incomplete: a command is missing before "-n".'],
    ['-h a -cmd "df', 'The command starts with " and no " closes it.'],
    ['-h a -cmd “df', 'The command starts with “ and no ” closes it.'],
    ['-h a -cmd "df”', 'The command starts with " and no " closes it.'],
    ['-h a -cmd "my prog" arg', 'Behind the closing " of the command stands "arg".'],
    ['-h a -cmd "x\0y"', 'The command holds a control character (U+0000).'],
    ['-h a -cmd x\x1b[2J', 'The command holds a control character (U+001B).'],
    ['-h a -cmd x\r', 'The command holds a control character (U+000D).'],
    [
      '-h a -cmd "echo <#C0SECRET1|>"',
      'The command holds a mention, "<#C0SECRET1|>": Slack put it where a name was typed.',
    ],
    [
      '-h a -cmd "echo &lt;@U0ANN0001|ann&gt;"',
      'The command holds a mention, "&lt;@U0ANN0001|ann&gt;": Slack put it where a name was typed.',
    ],
    [
      '-h a -cmd echo <!here>',
      'The command holds a mention, "<!here>": Slack put it where a name was typed.',
    ],
    ['-h a -cmd x\ud800', 'The command holds half a character, which cannot be sent as it is.'],
    // A quote of the command was taken for the closing one: its own closing one is then left over.
    ['-cmd "ls "a b" -t 5m" -h a', '-t "5m"" is not a duration.'],
    ['-cmd "docker run "img" -t 5s foo" -h a', '"foo"" belongs to no option.'],
    ['-cmd "x "y" -x "z" w" -h a', '"w"" belongs to no option.'],
  ])('refused: %j', (text, message) => {
    expect(refusalOf(run, text)).toMatchObject({ code: 'usage', message, usage: USAGE['/batch_run'] });
  });
});
