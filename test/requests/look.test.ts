import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { expectWithinLimits } from '../report/limits.ts';
import { shown } from '../rigs/bot.ts';
import { ANN, CLEO, ELSEWHERE, openDeskRig } from './rig.ts';
import {
  A,
  ask,
  auditOf,
  B,
  buttonsOf,
  EVE,
  fileOf,
  INVENTORY,
  keyOf,
  lineOf,
  press,
  RULES,
} from './trust-rig.ts';

describe('looking at host keys', () => {
  test('is for who has the right trust on every host, there, and on whatever has the same address', async () => {
    await using rig = await openDeskRig({ allowlist: RULES, inventory: INVENTORY });
    rig.shows.set('10.0.0.1', [A]);
    const noes = [
      await ask(rig, 'trust web01', CLEO),
      await ask(rig, 'trust web01', ANN, ELSEWHERE),
      await ask(rig, 'trust web01,db01'),
    ];
    for (const no of noes) {
      // A host that no rule of theirs is for is none to them.
      expect(shown(no)).toMatch(
        /You may not say here which keys are to be trusted|no host "db01" that a rule of yours is for/,
      );
      expect(buttonsOf(no)).toEqual([]);
    }
    expect(buttonsOf(await ask(rig, 'trust web01'))).toHaveLength(1);
    const audit = await auditOf(rig);
    expect(audit.filter(({ action }) => action === 'refused')).toHaveLength(3);
  });

  test('of an address that another host has too is for who may trust that one as well, which is not named', async () => {
    const rules = RULES.replace('hosts = @web', 'hosts = alias');
    await using rig = await openDeskRig({ allowlist: rules, inventory: INVENTORY });
    rig.shows.set('10.0.0.3', [A]);
    const no = shown(await ask(rig, 'trust alias'));
    expect(no).toMatch(/Another host of the inventory has the address/);
    expect(no).not.toContain('db01');
  });

  test('tells new, known, changed, revoked and not reached apart, and offers only what can be said yes to', async () => {
    const hosts = ['n', 's', 'c', 'r', 'u'].map(
      (name, i) => `[${name}]\nip = 10.0.1.${i}\nuser = x\npassword = hunter2\n`,
    );
    const rules = RULES.replace('hosts = @web', 'hosts = all');
    await using rig = await openDeskRig({ allowlist: rules, inventory: hosts.join('') });
    for (const i of [0, 1, 2, 3]) rig.shows.set(`10.0.1.${i}`, [A]);
    writeFileSync(
      rig.knownHosts,
      `${lineOf('10.0.1.1', A)}${lineOf('10.0.1.2', B)}@revoked 10.0.1.3 ${lineOf('', A).trim()}\n`,
    );
    const answer = await ask(rig, 'trust all');
    expect(answer).toMatchObject({
      blocks: expect.arrayContaining([
        expect.objectContaining({
          elements: [
            expect.objectContaining({
              elements: [
                expect.objectContaining({
                  text: 'Host keys of 5 hosts: 1 changed, 1 revoked, 1 new, 1 known, 1 not seen',
                }),
              ],
            }),
          ],
        }),
      ]),
    });
    expect(shown(answer)).toMatch(/u: no answer from 10\.0\.1\.4/);
    expect(buttonsOf(answer).map(({ label }) => label)).toEqual([
      'Replace the known keys of 1 host',
      'Trust these keys of 1 host',
    ]);
    expect(fileOf(rig)).not.toContain('10.0.1.0');
  });

  test('goes no further than a message: the button is for what stands above it, and says how many are not', async () => {
    const hosts = Array.from(
      { length: 100 },
      (_, i) => `[w${i}]\nip = 10.0.2.${i}\nuser = x\npassword = hunter2\n`,
    );
    const rules = RULES.replace('hosts = @web', 'hosts = all');
    await using rig = await openDeskRig({ allowlist: rules, inventory: hosts.join('') });
    for (let i = 0; i < 100; i++) rig.shows.set(`10.0.2.${i}`, [keyOf(`a${i}`), keyOf(`b${i}`)]);
    const answer = await ask(rig, 'trust all');
    if (answer === undefined || !('text' in answer)) throw new Error('no message');
    expectWithinLimits(answer);
    const text = shown(answer);
    const [button] = buttonsOf(answer);
    const count = Number(/of (\d+) hosts/.exec(button?.label ?? '')?.[1]);
    expect(count).toBeGreaterThan(20);
    expect(text).toContain(`${100 - count} hosts had no room here, and the button is not for them`);
    await press(rig, button?.id ?? '');
    const written = fileOf(rig).trimEnd().split('\n');
    expect(written).toHaveLength(2 * count);
    for (const line of written) expect(text).toContain(line.split(' ')[0]);
  });

  test('takes names, at most a hundred hosts, and one look of a person at a time', async () => {
    await using rig = await openDeskRig({ allowlist: RULES, inventory: INVENTORY });
    expect(shown(await ask(rig, 'trust'))).toMatch(/needs to know which hosts/);
    expect(shown(await ask(rig, 'trust web09'))).toMatch(/There is no host "web09"/);
    rig.shows.set('10.0.0.1', [A]);
    const both = await Promise.all([
      ask(rig, 'trust web01'),
      ask(rig, 'trust web01'),
      ask(rig, 'trust web01', EVE),
    ]);
    expect(both.map((one) => buttonsOf(one).length).toSorted()).toEqual([0, 1, 1]);
    expect(both.map(shown).join('\n')).toMatch(/still being fetched for you/);
    const many = Array.from(
      { length: 101 },
      (_, i) => `[w${i}]\nip = 10.0.2.${i}\nuser = x\npassword = hunter2\n`,
    );
    const rules = RULES.replace('hosts = @web', 'hosts = all');
    await using large = await openDeskRig({ allowlist: rules, inventory: many.join('') });
    expect(shown(await ask(large, 'trust all'))).toMatch(/101 hosts; keys are shown of 100 at a time/);
  });

  test('offers nothing where people do not write known hosts, and shows nothing where no key is checked', async () => {
    await using strict = await openDeskRig({ allowlist: RULES, inventory: INVENTORY, policy: 'strict' });
    strict.shows.set('10.0.0.1', [A]);
    const answer = await ask(strict, 'trust web01');
    expect(shown(answer)).toMatch(/New: no key is known[\s\S]*SHA256:[\s\S]*Nobody can say yes here/);
    expect(buttonsOf(answer)).toEqual([]);
    await using off = await openDeskRig({ allowlist: RULES, inventory: INVENTORY, policy: 'off' });
    expect(shown(await ask(off, 'trust web01'))).toMatch(/No host key is checked here/);
  });
});
