import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { problemsOf, read } from './inventories.ts';

describe('a group', () => {
  const two = '[DEFAULT]\nuser = u\npassword = x\nenable = True\n[a]\nip = a\n[b]\nip = b\n';
  const namesOf = (text: string, group: string) =>
    read(text)
      .groups.get(group)
      ?.hosts.map(({ name }) => name);

  test('takes nothing from [DEFAULT]', () => {
    expect(namesOf(`${two}[g]\na = True\n`, 'g')).toEqual(['a']);
  });

  test('has the hosts of the groups in it, each once and in inventory order', () => {
    expect(namesOf(`${two}[g]\ninner = 1\na = on\n[inner]\nB = yes\nA = True\n`, 'g')).toEqual(['a', 'b']);
  });

  test('is without what it sets to False, whatever a nested group brings', () => {
    const text = `${two}[g]\nall_of_them = True\nb = False\n[all_of_them]\na = True\nb = True\n[h]\nall_of_them = True\ng = no\n`;
    expect(namesOf(text, 'g')).toEqual(['a']);
    expect(namesOf(text, 'h')).toEqual(['b']);
    expect(read(text).groups.get('h')?.left).toEqual(['g']);
  });

  test('names the member that is neither host nor group, the value that is no boolean, the circle', () => {
    expect(
      problemsOf(
        `${two}[web]\nwbe2 = True\na = perhaps\nb = True # no\n[web2]\nweb3 = True\n[web3]\nweb2 = False\n`,
      ),
    ).toEqual([
      'inventory.ini:10: "wbe2" in group [web] is neither a host nor a group here. Did you mean web2?',
      'inventory.ini:11: "a" in group [web]: expected True or False',
      'inventory.ini:12: "b" in group [web]: expected True or False; comments stand on lines of their own',
      'inventory.ini:13: groups go in a circle: web2 → web3 → web2',
    ]);
  });

  test('is not what a host without ip is taken for', () => {
    expect(problemsOf('[web01]\nuser = root\npassword = hunter2\n')).toEqual([
      'inventory.ini:1: [web01] has no ip; a host needs one, and a group has no such keys',
    ]);
  });

  test('is not made a host by [DEFAULT]', () => {
    expect(problemsOf('[DEFAULT]\nip = 10.0.0.1\n')).toEqual([
      'inventory.ini:2: ip in [DEFAULT] would make a host of every group; give each host its own',
    ]);
  });
});

describe('whatever the text', () => {
  const value = fc.oneof(
    fc.constantFrom('True', 'no', '10.0.0.1', 'a', '22', 'env:X', 'file:y', ''),
    fc.string({ maxLength: 8 }).map((word) => `${word}hunter2`),
  );
  const entry = fc
    .tuple(
      fc.constantFrom('', '', '  '),
      fc.constantFrom('ip', 'port', 'user', 'password', 'key', 'jump', 'agent', 'enable', 'shell', 'a', 'b'),
      fc.constantFrom('=', ':', ' = '),
      value,
    )
    .map((parts) => parts.join(''));
  const text = fc
    .array(fc.oneof(fc.constantFrom('[a]', '[b]', '[g]', '[DEFAULT]'), entry, fc.constant('')), {
      maxLength: 12,
    })
    .map((lines) => `[a]\n${lines.join('\n')}`);

  const complaint = (file: string): string => {
    try {
      read(file);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return '';
  };

  test('it is an inventory or a ConfigError', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (file) => {
        complaint(file);
      }),
      { numRuns: 500 },
    );
  });

  test('no problem shows a value', () => {
    fc.assert(
      fc.property(text, (file) => {
        expect(complaint(file)).not.toContain('hunter2');
      }),
      { numRuns: 500 },
    );
  });
});

describe('what is legal and most likely not meant', () => {
  test('a key that is indented below another is read as Python reads it, and pointed out without the value', () => {
    const text = '[a]\nip = a\nuser = u\npassword = hunter2\n  enable = False\n';
    const { hosts, warnings } = read(text);
    expect(hosts.get('a')).toMatchObject({ enabled: true });
    expect(hosts.get('a')?.password?.reveal()).toBe('hunter2\nenable = False');
    expect(warnings).toEqual([
      'inventory.ini:4: a line below "password" looks like the key "enable", but is indented deeper and so belongs to the value of "password"',
    ]);
  });

  test("values of more lines are otherwise nobody's business", () => {
    expect(read('[a]\nip = a\nuser = u\npassword = one\n  two: three\n').warnings).toEqual([]);
  });

  test('a file without a single section is said to be empty', () => {
    for (const text of ['', '\n\n', '# nothing yet\n', '\ufeff']) {
      expect(problemsOf(text)).toEqual([
        'inventory.ini:1: there is no host in this file; a host is a [section] with ip and user, README has an example',
      ]);
    }
  });
});
