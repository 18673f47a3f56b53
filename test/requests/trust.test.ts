import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TRUST_ACTION } from '../../src/report/keys/look.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import { shown } from '../rigs/bot.ts';
import { ANN, CLEO, clickOn, OPS, openDeskRig } from './rig.ts';
import {
  A,
  ask,
  auditOf,
  B,
  buttonsOf,
  C,
  EVE,
  fileOf,
  INVENTORY,
  lineOf,
  press,
  RULES,
} from './trust-rig.ts';

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
