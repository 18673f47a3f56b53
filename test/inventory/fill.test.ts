import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { fill, isFillable, openFilling } from '../../src/inventory/fill.ts';
import { problemsOf, read } from './inventories.ts';

const inventory = read(`
[DEFAULT]
user = ops
password = x
var_site = ams
[web01]
ip = 10.0.0.1
var_ROLE = primary
[web02]
ip = fe80::1%eth0
var_role = standby
var_site =
[odd;name]
ip = 10.0.0.3
[front]
web01 = True
web02 = True
[all-of-them]
web02 = True
odd;name = True
`);
const host = (name: string) => {
  const found = inventory.hosts.get(name);
  if (found === undefined) throw new Error(name);
  return found;
};
const valuesOf = (text: string, name: string, groups: readonly string[] = []) =>
  openFilling([text], [host(name)], { inventory, groups })?.(host(name), 3);

describe('a word that stands for each host’s own value', () => {
  test('is its name, address, number, group or a variable of the inventory', () => {
    expect(valuesOf('{host} {ip} {n} {group} {role} {ROLE}', 'web01')).toEqual({
      host: 'web01',
      ip: '10.0.0.1',
      n: '3',
      group: 'front',
      role: 'primary',
      ROLE: 'primary',
    });
    expect(valuesOf('{group}', 'web02', ['@all-of-them', 'front'])).toEqual({ group: 'all-of-them' });
    expect(valuesOf('{site}', 'web01')).toEqual({ site: 'ams' });
    expect(valuesOf('{ip}', 'web02')).toEqual({ ip: 'fe80::1%eth0' });
  });

  test('is none where it is anything else: all else is the shell’s, as typed', () => {
    const text = `\${host} \${n} %{host} #{n} {{host}} {host }  { host} {host,ip} {} {HOST} {N} {'host'} {other} $(x)`;
    expect(valuesOf(text, 'web01')).toBeUndefined();
    expect(fill(text, { host: 'a', n: 'b', ip: 'c' })).toBe(text);
    fc.assert(
      fc.property(fc.string(), (typed) => {
        fc.pre(!/\{\w+\}/.test(typed));
        expect(fill(typed, { host: 'a', constructor: 'b' })).toBe(typed);
      }),
    );
    expect(fill('{constructor} {toString}', {})).toBe('{constructor} {toString}');
  });

  test('is refused where a host has no value, or one that a shell could read otherwise', () => {
    const refusal = (text: string, name: string) => {
      const both = [host('web01'), host(name)];
      try {
        openFilling([text], both, { inventory, groups: [] })?.(host(name), 1);
      } catch (error) {
        if (error instanceof Refusal) return error.message;
        throw error;
      }
      return undefined;
    };
    expect(refusal('{role}', 'odd;name')).toBe(
      '{role} stands in the command, and odd;name has no var_role in the inventory.',
    );
    expect(refusal('{site}', 'web02')).toMatch(/web02 has no var_site/);
    expect(refusal('{host}', 'odd;name')).toBe(
      '{host} cannot stand for the value that odd;name has: a shell could read it otherwise.',
    );
  });

  test('takes values only that no shell reads otherwise, with quotes round them or without', () => {
    const chars = fc.constantFrom(...'abzAZ059_./:,=+@%-');
    fc.assert(
      fc.property(fc.array(chars, { minLength: 1, maxLength: 20 }), (letters) => {
        const value = letters.join('');
        fc.pre(isFillable(value));
        for (const text of ['printf %s {v}', 'printf %s "{v}"', "printf %s '{v}'"]) {
          expect(execFileSync('sh', ['-c', fill(text, { v: value })]).toString()).toBe(value);
        }
      }),
      { numRuns: 30 },
    );
    for (const value of [
      '',
      '-rf',
      '=ls',
      'a b',
      'a;b',
      '$x',
      '`x`',
      'a\nb',
      '*',
      '~',
      'a"b',
      "a'b",
      'a\\b',
      'ü',
      '{x}',
    ]) {
      expect(isFillable(value), value).toBe(false);
    }
  });

  test('has a place in the inventory, where what is wrong is told with its line', () => {
    const host = '[a]\nip = 1.2.3.4\nuser = u\npassword = x\n';
    expect(problemsOf(`${host}var_x = a b\n`)[0]).toMatch(
      /^inventory.ini:5: var_x: expected letters, digits/,
    );
    expect(problemsOf(`${host}var_host = x\n`)).toEqual([
      "inventory.ini:5: var_host: {host} is every host's own",
    ]);
    expect(problemsOf(`${host}var_a-b = x\n`)[0]).toMatch(/unknown key/);
  });
});
