import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TRUST_ACTION } from '../../src/report/keys/look.ts';
import type { Answer } from '../../src/report/views/view.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import { formatKnownHost } from '../../src/ssh/host-keys/known-hosts.ts';
import { expectWithinLimits } from '../report/limits.ts';
import { shown } from '../rigs/bot.ts';
import { ANN, CLEO, clickOn, type DeskRig, ELSEWHERE, OPS, openDeskRig } from './rig.ts';

const RULES = `
[admins]
users = ${ANN.userId}, U0EVE
channels = ${OPS}
hosts = @web
actions = trust
[looks]
users = ${CLEO.userId}
channels = *
hosts = all
actions = run, cancel, audit
commands = *
`;
const EVE = { teamId: 'T1', userId: 'U0EVE' };

const INVENTORY = `
[DEFAULT]
user = root
password = hunter2
[web01]
ip = 10.0.0.1
[web02]
ip = 10.0.0.2
[db01]
ip = 10.0.0.3
[alias]
ip = 10.0.0.3
[web]
web01 = True
web02 = True
`;

/** Of the shape of a host key. */
function keyOf(label: string): Buffer {
  const part = (text: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  return Buffer.concat([part('ssh-ed25519'), part(label)]);
}

const [A, B, C] = [keyOf('a'), keyOf('b'), keyOf('c')];

let asked = 0;
async function ask(rig: DeskRig, text: string, by = ANN, channelId = OPS): Promise<Answer | undefined> {
  asked += 1;
  return await rig.desk.command({
    command: '/batch',
    text,
    requester: by,
    channelId,
    requestKey: `k${asked}`,
  });
}

/** The ids of what was shown, by the words on the buttons. */
function buttonsOf(answer: Answer | undefined): readonly { readonly label: string; readonly id: string }[] {
  return (answer?.blocks ?? []).flatMap((block) =>
    block.type !== 'actions'
      ? []
      : block.elements.flatMap((one) =>
          one.type === 'button' ? [{ label: one.text.text, id: one.value ?? '' }] : [],
        ),
  );
}

const press = (rig: DeskRig, id: string, by = ANN) =>
  rig.desk.press(clickOn(TRUST_ACTION, id, { requester: by }));
const fileOf = (rig: DeskRig): string => {
  try {
    return readFileSync(rig.knownHosts, 'latin1');
  } catch {
    return '';
  }
};
const lineOf = (place: string, blob: Buffer) => formatKnownHost(place, { type: 'ssh-ed25519', blob });

async function auditOf(rig: DeskRig) {
  const entries = [];
  for await (const entry of rig.store.store.audit.entries()) entries.push(entry);
  return entries;
}

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
    expect(answer?.blocks[0]).toMatchObject({
      elements: [
        { elements: [{ text: 'Host keys of 5 hosts: 1 changed, 1 revoked, 1 new, 1 known, 1 not seen' }] },
      ],
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
    if (answer === undefined || 'type' in answer) throw new Error('no message');
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

describe('saying yes to host keys', () => {
  test('writes what was shown, once, and the audit has who, where and every fingerprint', async () => {
    await using rig = await openDeskRig({ allowlist: RULES, inventory: INVENTORY });
    rig.shows.set('10.0.0.1', [A, B]).set('10.0.0.2', [A]);
    writeFileSync(rig.knownHosts, lineOf('10.0.0.2', C));
    const [replace, trust] = buttonsOf(await ask(rig, 'trust @web'));
    const yes = await Promise.all([press(rig, trust?.id ?? ''), press(rig, trust?.id ?? '')]);
    expect(yes.map(shown).toSorted()[0]).toMatch(/^1 host known from now on/);
    expect(yes.map(shown).join('\n')).toMatch(/already been pressed. This click has written nothing/);
    expect(fileOf(rig)).toBe(`${lineOf('10.0.0.2', C)}${lineOf('10.0.0.1', A)}${lineOf('10.0.0.1', B)}`);

    expect(shown(await press(rig, replace?.id ?? ''))).toMatch(
      /Not trusted any more:\nweb02 {2}SHA256:\S+ ssh-ed25519/,
    );
    expect(fileOf(rig)).not.toContain(C.toString('base64'));
    const trusted = (await auditOf(rig)).filter(({ action }) => action === 'trusted');
    expect(trusted.map(({ userId, channelId }) => [userId, channelId])).toEqual([
      [ANN.userId, OPS],
      [ANN.userId, OPS],
    ]);
    expect(trusted[0]?.detail.hosts).toMatchObject([{ host: 'web01', known: [], keys: [{}, {}] }]);
    expect(trusted[1]?.detail.reason).toMatch(/^web02: SHA256:\S+ \(ssh-ed25519\) instead of SHA256:\S+$/);
  });

  test('is for the one who was shown them, with the right still, and not for long', async () => {
    await using rig = await openDeskRig({ allowlist: RULES, inventory: INVENTORY });
    rig.shows.set('10.0.0.1', [A]);
    const [button] = buttonsOf(await ask(rig, 'trust web01'));
    for (const who of [EVE, CLEO])
      expect(shown(await press(rig, button?.id ?? '', who))).toMatch(/shown to somebody else/);
    expect(shown(await press(rig, 'made-up'))).toMatch(/shown too long ago/);
    expect(fileOf(rig)).toBe('');

    let now = Date.now();
    let { allowlist } = rig.context;
    const desk = openRequests({
      ...rig.context,
      now: () => now,
      get allowlist() {
        return allowlist;
      },
    });
    const look = async () => {
      const call = { command: '/batch', text: 'trust web01', requester: ANN, channelId: OPS };
      return buttonsOf(await desk.command({ ...call, requestKey: `look ${now}` }))[0]?.id ?? '';
    };
    const late = await look();
    now += 15 * 60_000;
    expect(shown(await desk.press(clickOn(TRUST_ACTION, late)))).toMatch(/shown too long ago/);
    const withdrawn = await look();
    allowlist = {
      ...allowlist,
      rules: allowlist.rules.map((rule) => ({ ...rule, actions: new Set(['run'] as const) })),
    };
    expect(shown(await desk.press(clickOn(TRUST_ACTION, withdrawn)))).toMatch(/You may not say here/);
    expect(fileOf(rig)).toBe('');
  });

  test('writes nothing of a host that shows other keys by now, or of which something else is known, and says so', async () => {
    await using rig = await openDeskRig({ allowlist: RULES, inventory: INVENTORY });
    rig.shows.set('10.0.0.1', [A]).set('10.0.0.2', [B]);
    const [first] = buttonsOf(await ask(rig, 'trust @web'));
    rig.shows.set('10.0.0.1', [C]);
    const answer = shown(await press(rig, first?.id ?? ''));
    expect(answer).toMatch(
      /1 host known from now on[\s\S]*web02[\s\S]*Not written: web01: it does not show the same keys any more/,
    );
    expect(fileOf(rig)).toBe(lineOf('10.0.0.2', B));

    const [second] = buttonsOf(await ask(rig, 'trust web01'));
    writeFileSync(rig.knownHosts, lineOf('10.0.0.1', A));
    expect(shown(await press(rig, second?.id ?? ''))).toMatch(/something else is known of it by now/);
    expect(fileOf(rig)).toBe(lineOf('10.0.0.1', A));

    const [third] = buttonsOf(await ask(rig, 'trust web01'));
    rig.shows.delete('10.0.0.1');
    expect(shown(await press(rig, third?.id ?? ''))).toMatch(
      /No host key was written[\s\S]*no answer from 10\.0\.0\.1/,
    );
    expect(fileOf(rig)).toBe(lineOf('10.0.0.1', A));
    expect((await auditOf(rig)).filter(({ action }) => action === 'trusted')).toHaveLength(1);
  });

  test('is not taken from a click that came late, and can be said again', async () => {
    await using rig = await openDeskRig({ allowlist: RULES, inventory: INVENTORY });
    rig.shows.set('10.0.0.1', [A]);
    const [button] = buttonsOf(await ask(rig, 'trust web01'));
    const late = await rig.desk.press(clickOn(TRUST_ACTION, button?.id ?? '', { isLate: true }));
    expect(shown(late)).toMatch(/reached Batchops late/);
    expect(fileOf(rig)).toBe('');
    expect(shown(await press(rig, button?.id ?? ''))).toMatch(/1 host known from now on/);
  });

  test.each([
    ['nothing is known of', []],
    ['the other one is known at', [B]],
  ])(
    'of one host writes nothing of an address that %s, where another host shows other keys',
    async (_what, known) => {
      const rules = RULES.replace('hosts = @web', 'hosts = all');
      await using rig = await openDeskRig({ allowlist: rules, inventory: INVENTORY });
      const before = known.map((key) => lineOf('10.0.0.3', key)).join('');
      writeFileSync(rig.knownHosts, before);
      rig.shows.set('alias', [A]).set('db01', [B]);
      const [button] = buttonsOf(await ask(rig, 'trust alias'));
      expect(shown(await press(rig, button?.id ?? ''))).toMatch(
        /No host key was written[\s\S]*Not written: alias: another host of the inventory has its address, and shows other/,
      );
      expect(fileOf(rig)).toBe(before);
    },
  );

  test('writes nothing of an address where two hosts of the inventory show different keys', async () => {
    const rules = RULES.replace('hosts = @web', 'hosts = all');
    await using rig = await openDeskRig({ allowlist: rules, inventory: INVENTORY });
    rig.shows.set('alias', [A]).set('db01', [B]).set('10.0.0.1', [C]);
    const [button] = buttonsOf(await ask(rig, 'trust web01,alias,db01'));
    expect(shown(await press(rig, button?.id ?? ''))).toMatch(
      /1 host known[\s\S]*Not written: db01, alias: another host of the inventory has its address, and shows other/,
    );
    expect(fileOf(rig)).toBe(lineOf('10.0.0.1', C));
  });

  test('writes nothing that cannot be put on record first', async () => {
    await using rig = await openDeskRig({ allowlist: RULES, inventory: INVENTORY });
    rig.shows.set('10.0.0.1', [A]);
    const failing = { ...rig.context.store, recordTrust: async () => Promise.reject(new Error('disk full')) };
    const desk = openRequests({ ...rig.context, store: failing });
    const call = { command: '/batch', text: 'trust web01', requester: ANN, channelId: OPS, requestKey: 'k' };
    const [button] = buttonsOf(await desk.command(call));
    await expect(desk.press(clickOn(TRUST_ACTION, button?.id ?? ''))).rejects.toThrow('disk full');
    expect(fileOf(rig)).toBe('');
  });
});
