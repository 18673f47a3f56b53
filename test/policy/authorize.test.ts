import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import type { Allowlist } from '../../src/policy/allowlist.ts';
import { admit, authorize, hasRight } from '../../src/policy/authorize.ts';
import { judgeHosts } from '../../src/policy/judge.ts';
import { explainRights } from '../../src/policy/rights.ts';
import type { Plan, Work } from '../../src/run/plan.ts';
import { fleet } from '../inventory/inventories.ts';
import { allow, get, inventory, planOf, put, rule, run } from './plans.ts';

const design = allow(readFileSync(new URL('../fixtures/allowlists/design.ini', import.meta.url), 'utf8'));
const ONCALL = 'U024BE7LH';
const FIRST_LINE = 'U0AAA1111';

function refusalOf(plan: Plan, allowlist: Allowlist = design): Refusal | undefined {
  try {
    authorize(plan, allowlist, inventory);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

describe('a plan', () => {
  test('with a script, input or variables takes commands = *, and the right to what its files are of', () => {
    const script = { local: 's.sh', source: { bytes: 1, sha256: '00' }, args: [] };
    const whole: Work = { action: 'run', command: '', script };
    const works: readonly Work[] = [
      whole,
      { action: 'run', command: 'df -h', stdin: script },
      { action: 'run', command: 'df -h', env: [['LD_PRELOAD', '/tmp/x.so']] },
    ];
    for (const work of works) {
      const plan = planOf('U1', 'C1', ['web01'], work);
      expect(refusalOf(plan, allow(rule()))).toBeUndefined();
      expect(refusalOf(plan, allow(rule({ commands: 'df **' })))?.message).toMatch(
        /its commands are df \*\*, and -(script|stdin|env) takes commands = \*\.$/,
      );
    }
    const fetched = [{ kind: 'fetched', host: 'db01', path: '/etc/shadow', by: 'U2' }] as const;
    const shared = [{ kind: 'shared', id: 'F1', by: 'U2' }] as const;
    const onlyWeb = allow(rule({ hosts: 'web01' }));
    for (const [origins, words] of [
      [fetched, /This file was fetched from a host and path of which no rule of yours allows a get/],
      [shared, /This file is from Slack, and not of your uploads/],
    ] as const) {
      const file = { ...script, origins };
      for (const work of [
        { ...whole, script: file },
        { action: 'run', command: 'id', stdin: file },
      ] as const) {
        expect(refusalOf(planOf('U1', 'C1', ['web01'], work), onlyWeb)?.message).toMatch(words);
      }
    }
    // Words for each host's own values are no plain words either.
    expect(
      refusalOf(planOf('U1', 'C1', ['web01'], run('df {host}')), allow(rule({ commands: 'df **' })))?.message,
    ).toContain('its commands are plain words only, and this one holds {');
  });

  test('through sudo takes the right sudo of the same rule, whatever else the words are', () => {
    const sudo: Work = { action: 'run', command: 'df -h', sudo: 'postgres' };
    const may = (actions: string, commands = 'df **') =>
      refusalOf(planOf('U1', 'C1', ['web01'], sudo), allow(rule({ actions, commands })));
    expect(may('run, sudo')).toBeUndefined();
    expect(may('run')?.message).toBe(
      'You may not run this here on web01.\nRule [r] came nearest, but it does not have the right sudo.',
    );
    expect(may('run')?.about).toBe('sudo');
    expect(may('run, sudo', 'uptime')?.message).toContain('its commands are uptime');
    const apart = rule({ actions: 'run' }, 'one') + rule({ actions: 'sudo' }, 'two');
    expect(refusalOf(planOf('U1', 'C1', ['web01'], sudo), allow(apart))).toBeDefined();
  });

  test('passes as it is where one rule covers each host', () => {
    const plan = planOf(ONCALL, 'C0OPS12', ['web01', 'db02'], run('rm -rf "$X"; reboot'));
    expect(authorize(plan, design, inventory)).toBe(plan);
    expect(refusalOf(planOf(ONCALL, 'C0WEB34', ['web01'], put('a', '/tmp/')))).toBeUndefined();
    expect(refusalOf(planOf(FIRST_LINE, 'C9', ['bastion', 'db01'], run('df -h')))).toBeUndefined();
  });

  test('is refused as a whole where one host is not covered, naming it and the nearest rule', () => {
    const elsewhere = allow(
      rule({ hosts: 'web01, db02' }, 'here') +
        rule({ hosts: 'db01, bastion', actions: 'put', paths: '*' }, 'b'),
    );
    const hosts = ['web01', 'db01', 'db02', 'bastion'];
    expect(refusalOf(planOf('U1', 'C1', hosts), elsewhere)).toMatchObject({
      code: 'not-allowed',
      message:
        'You may not run this here on db01,bastion (2 of 4 hosts).\nRule [b] came nearest, but it does not have the action run.',
      remedy: 'Leave them out with -x db01,bastion; /batch can tells what you may do here.',
    });
  });

  test('is refused without a name of a host that no rule of theirs is for, wherever the plan came from', () => {
    const refusal = refusalOf(planOf(ONCALL, 'C0OPS12', ['web01', 'db01', 'db02', 'bastion']));
    expect(refusal).toMatchObject({
      code: 'not-allowed',
      message:
        'You may not run this here on 2 hosts that no rule of yours is for (2 of 4 hosts).\nRule [oncall] came nearest, but it is for other hosts.',
      remedy: '/batch can tells what you may do here.',
    });
    const some = planOf(ONCALL, 'C0OTHER', ['web01', 'db01']);
    expect(refusalOf(some)?.message).toMatch(/^You may not run this here on web01 and 1 host that no rule/);
  });

  test.each([
    [planOf(ONCALL, 'C0OTHER', ['web01']), 'it is for other channels'],
    [planOf(ONCALL, 'C0OPS12', ['web01'], get('/etc/shadow')), 'its paths are /tmp/**, /var/log/**'],
    [planOf(FIRST_LINE, 'C9', ['web01'], get('/tmp/x')), 'it does not have the action get'],
    [
      planOf(FIRST_LINE, 'C9', ['web01'], run('reboot')),
      'its commands are df **, uptime, systemctl status *',
    ],
    [
      planOf(FIRST_LINE, 'C9', ['web01'], run('df -h; reboot')),
      'its commands are plain words only, and this one holds ;',
    ],
  ])('is told which part of the rule failed (%#)', (plan, why) => {
    expect(refusalOf(plan)?.message).toMatch(
      new RegExp(`came nearest, but ${why.replace(/[*?]/g, '\\$&')}\\.$`),
    );
  });

  test('gets nothing from parts of two rules', () => {
    const two = allow(
      rule({ hosts: 'web01', commands: 'uptime' }, 'a') + rule({ hosts: 'web02', commands: 'df' }, 'b'),
    );
    expect(refusalOf(planOf('U1', 'C1', ['web01'], run('uptime')), two)).toBeUndefined();
    expect(refusalOf(planOf('U1', 'C1', ['web02'], run('uptime')), two)?.message).toContain(
      '[b] came nearest',
    );
    expect(refusalOf(planOf('U1', 'C1', ['web01', 'web02'], run('uptime')), two)?.message).toContain(
      'on web02 (1 of 2',
    );
  });

  test('is judged for hosts that will be skipped, too', () => {
    const plan = planOf(ONCALL, 'C0OPS12', ['web01']);
    const [first] = plan.targets;
    const withSkipped: Plan = { ...plan, targets: [first, { ...first, host: 'db01', skip: 'disabled' }] };
    expect(refusalOf(withSkipped)?.message).toContain('(1 of 2 hosts)');
  });

  test('is refused where a host has left the inventory, whatever the rule', () => {
    const all = allow(rule(), fleet(['web01', 'old01']));
    expect(refusalOf(planOf('U1', 'C1', ['web01', 'old01']), all)).toMatchObject({
      code: 'not-allowed',
      message: 'Not in the inventory any more: old01.',
    });
  });

  test('is refused where nobody may do anything', () => {
    expect(refusalOf(planOf('U1', 'C1', ['web01']), allow(''))).toMatchObject({ code: 'not-allowed' });
  });

  test('is refused in a few lines, however many hosts', () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `n${i}x${(i * 7919) % 1009}`);
    const many = fleet(names);
    const nobody = allow(rule({ hosts: 'n0x0' }), many);
    let refusal: unknown;
    try {
      authorize(planOf('U1', 'C1', names), nobody, many);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal instanceof Refusal ? refusal.message.length : 0).toBeLessThan(1_000);
  });
});

describe('admit', () => {
  test('lets in whom a rule names, and tells others nothing but their id', () => {
    expect(() => admit(design, { teamId: 'T1', userId: ONCALL })).not.toThrow();
    expect(() => admit(design, { teamId: 'T1', userId: 'U0STRANGER' })).toThrow(
      'No rule of this bot names you.',
    );
    expect(() => admit(allow(''), { teamId: 'T1', userId: ONCALL })).toThrow(Refusal);
  });
});

describe('a right over runs', () => {
  const admins = allow(
    '[DEFAULT]\nusers = U1\nchannels = C1\n' +
      '[web]\nhosts = @web\nactions = cancel\n[db]\nhosts = @db\nactions = cancel, audit\n' +
      '[root]\nusers = U2\nhosts = all\nactions = cancel\n',
  );
  const asking = (userId: string, channelId = 'C1') => ({ requester: { teamId: 'T1', userId }, channelId });

  test('holds for this person, here, on all of the hosts', () => {
    expect(hasRight(admins, asking('U1'), 'cancel', ['web01', 'DB01'])).toBe(true);
    expect(hasRight(admins, asking('U1'), 'cancel', ['web01', 'bastion'])).toBe(false);
    expect(hasRight(admins, asking('U1', 'C2'), 'cancel', ['web01'])).toBe(false);
    expect(hasRight(admins, asking('U3'), 'cancel', ['web01'])).toBe(false);
    expect(hasRight(admins, asking('U1'), 'audit')).toBe(true);
    expect(hasRight(admins, asking('U1'), 'trust')).toBe(false);
  });

  test('over all hosts stops a run on hosts that are no longer there', () => {
    expect(hasRight(admins, asking('U2'), 'cancel', ['old01', 'web01'])).toBe(true);
    expect(hasRight(admins, asking('U1'), 'cancel', ['old01', 'web01'])).toBe(false);
  });
});

describe('/batch can', () => {
  const names = ['web01', 'web02', 'db01', 'bastion'];

  test('tells what each rule grants here, and what is left', () => {
    const asking = { requester: { teamId: 'T1', userId: ONCALL }, channelId: 'C0OPS12' };
    expect(explainRights(design, asking, names)).toEqual([
      {
        hosts: ['web01', 'web02'],
        actions: ['run', 'put', 'get'],
        rule: 'oncall',
        limits: 'paths /tmp/**, /var/log/**',
      },
      { hosts: ['db01', 'bastion'], actions: [], rule: '' },
    ]);
  });

  test('tells which rule would be for these hosts in another channel', () => {
    const asking = { requester: { teamId: 'T1', userId: ONCALL }, channelId: 'C9' };
    expect(explainRights(design, asking, names)[0]).toEqual({
      hosts: ['web01', 'web02'],
      actions: [],
      rule: 'oncall',
      limits: 'it is for other channels',
    });
  });

  test('tells nobody what others may', () => {
    const asking = { requester: { teamId: 'T1', userId: 'U0STRANGER' }, channelId: 'C0OPS12' };
    expect(explainRights(design, asking, names)).toEqual([{ hosts: names, actions: [], rule: '' }]);
  });
});

describe('rules', () => {
  const HOSTS = ['web01', 'web02', 'db01', 'db02', 'bastion'];
  const some = <T>(...from: readonly T[]) =>
    fc.subarray([...from], { minLength: 1 }).map((items) => items.join(', '));
  const anyRule = fc.record({
    users: some('U1', 'U2'),
    channels: fc.oneof(fc.constant('*'), some('C1', 'C2')),
    hosts: fc.constantFrom('all', '@web', '@db, !db01', 'bastion', 'web01, db02'),
    actions: some('run', 'put', 'get', 'cancel'),
    commands: fc.oneof(fc.constant('*'), some('uptime', 'df **', 'systemctl status ?')),
    paths: fc.oneof(fc.constant('*'), some('/tmp/**', '/etc/motd')),
  });
  const anyPlan = fc
    .tuple(
      fc.constantFrom('U1', 'U2', 'U3'),
      fc.constantFrom('C1', 'C2', 'C3'),
      fc.subarray(HOSTS, { minLength: 1 }),
      fc.constantFrom(
        run('uptime'),
        run('df -h'),
        run('df; id'),
        put('a', '/tmp/'),
        put('a', '/etc/motd'),
        get('/etc/motd'),
      ),
    )
    .map((parts) => planOf(...parts));
  const write = (rules: readonly Record<string, string>[]) =>
    allow(rules.map((one, i) => rule(one, `r${i}`)).join(''));
  const isAllowed = (plan: Plan, allowlist: Allowlist) => refusalOf(plan, allowlist) === undefined;

  test('never grant more with one of them taken out', () => {
    fc.assert(
      fc.property(fc.array(anyRule, { minLength: 1, maxLength: 4 }), fc.nat(), anyPlan, (rules, at, plan) => {
        const fewer = rules.filter((_, i) => i !== at % rules.length);
        if (isAllowed(plan, write(fewer))) expect(isAllowed(plan, write(rules))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('grant a set of hosts exactly when they grant each of them', () => {
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 4 }), anyPlan, (rules, plan) => {
        const allowlist = write(rules);
        const each = plan.targets.every((target) => isAllowed({ ...plan, targets: [target] }, allowlist));
        expect(isAllowed(plan, allowlist)).toBe(each);
      }),
      { numRuns: 300 },
    );
  });

  test('name the rule that grants, and that rule alone grants it', () => {
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 4 }), anyPlan, (rules, plan) => {
        const hosts = plan.targets.map(({ host }) => host);
        for (const verdict of judgeHosts(write(rules), plan, hosts)) {
          if (!verdict.isAllowed) continue;
          const alone = write(rules.filter((_, i) => `r${i}` === verdict.rule));
          const target = { ip: '10.0.0.1', port: 22, user: 'root', host: verdict.host };
          expect(isAllowed({ ...plan, targets: [target] }, alone)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
