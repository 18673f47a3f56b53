import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { approveStoredRun, executeJob } from '../../src/lifecycle/execution.ts';
import type { Standing } from '../../src/policy/standing.ts';
import type { Transport } from '../../src/ports/hosts.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import { ANN, clickOn, OPS as DESK, openDeskRig } from '../requests/rig.ts';
import { ADA, AUDIT, BOB, makeHome, OPS, openTeamSlack, shown, startBot } from '../rigs/bot.ts';

const BOT = 'U0BOT0001';
const GUEST = 'U0GUE0001';
const DEE = 'U0DEE0001';
const SHARED = 'C0SHA0001';
const GROUP = 'S0OPS0001';

const RULES = `
[named]
users = ${ADA}, ${GUEST}, ${DEE}
channels = *
hosts = all
actions = run, cancel, audit
commands = *
[group]
users = ${GROUP}
channels = ${OPS}
hosts = all
actions = run
commands = *
`;

describe('outsiders, through the real bot', () => {
  test('are refused whatever a rule says of their id: guests, shared channels, whom Slack does not tell of', async () => {
    const members = [ADA, BOB, DEE, GUEST, BOT];
    await using slack = await openTeamSlack({
      users: [
        { id: ADA, name: 'ada' },
        { id: BOB, name: 'bob' },
        { id: DEE, name: 'dee' },
        { id: GUEST, name: 'guest', guest: 'single-channel' },
      ],
      userGroups: [{ id: GROUP, handle: 'ops', users: [BOB] }],
      channels: [
        { id: OPS, name: 'ops', members },
        { id: SHARED, name: 'shared', members, isExternallyShared: true },
        { id: AUDIT, name: 'audit', members: [ADA, BOT] },
      ],
    });
    await using home = await makeHome({
      // Nobody answers there: what is asked is only whether it would be tried.
      'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 9\nuser = ops\npassword = swordfish\n',
      'allowlist.ini': RULES,
    });
    await using bot = await startBot(home, slack);

    const tried = async (user: string, channel = OPS) => {
      const text = '-h h1 -cmd "echo swordfish"';
      const outcome = await slack.command({ user, channel, command: '/batch_run', text });
      return shown(await slack.waitFor(() => outcome.answers()[0]));
    };
    const noes = [
      [await tried(GUEST), /you are a guest, and no rule of yours here has "guests = yes"/],
      [await tried(ADA, SHARED), /shared with another organisation, and no rule of yours here has "shared/],
    ] as const;
    for (const [said, why] of noes) {
      expect(said).toMatch(why);
      // What they typed is not said back, masked or not: so it tells nothing.
      expect(said).not.toMatch(/swordfish|\[secret\]|h1/);
    }
    expect(slack.messages(OPS)).toEqual([]);
    expect(slack.messages(SHARED)).toEqual([]);

    // Who is in the group that a rule names is admitted by it.
    await slack.command({ user: BOB, channel: OPS, command: '/batch_run', text: '-h h1 -cmd id' });
    await slack.waitFor(() => slack.messages(OPS).length === 1);

    await slack.openHome({ user: GUEST });
    const closed = await slack.waitFor(() => slack.home(GUEST));
    expect(JSON.stringify(closed)).toMatch(/you are a guest/);
    expect(JSON.stringify(closed)).not.toMatch(/h1/);

    // Of whom Slack tells nothing, nobody knows whether they may: no rule is for them meanwhile.
    slack.order({ method: 'users.info', kind: 'server-error', times: Number.POSITIVE_INFINITY });
    const silent = await tried(DEE);
    expect(silent).toMatch(/Slack does not tell who you are, so nothing was done/);
    expect(slack.messages(OPS)).toHaveLength(1);
    const audit = await slack.waitFor(() => slack.messages(AUDIT).length >= 6 && slack.messages(AUDIT));
    expect(audit.filter(({ text }) => /refused/.test(text))).toHaveLength(3);
    expect(bot.output()).not.toMatch(/"level":(50|60)/);
  });
});

const MEMBER: Standing = { isGuest: false, isShared: false, groups: new Set(), unknownGroups: [] };

describe('what Slack takes away from a person', () => {
  test('is taken from what waits: judged when the run starts, and again when each of its jobs does', async () => {
    let standing: Standing | Refusal = MEMBER;
    await using rig = await openDeskRig({
      directory: {
        async standingOf() {
          if (standing instanceof Refusal) throw standing;
          return standing;
        },
      },
    });
    const { desk, context, store } = rig;
    const command = { command: '/batch_run', requester: ANN, channelId: DESK, requestKey: 'k1' };
    await desk.command({ ...command, text: '-h web01 -cmd "id"' });
    const [run] = await store.store.listRuns(1);
    const [job] = await store.store.jobs.take(1);
    if (run === undefined || job === undefined) throw new Error('nothing was begun');
    const plan = await approveStoredRun(context, run.id);

    let executed = 0;
    const transport: Transport = {
      async execute() {
        executed += 1;
        return bareOutcome('ok', '');
      },
      closeStale() {},
      close: async () => undefined,
    };
    const { signal } = new AbortController();
    const taken: readonly (readonly [Standing | Refusal, RegExp])[] = [
      [{ ...MEMBER, isGuest: true }, /no longer allowed: Slack says that you are a guest/],
      [{ ...MEMBER, isShared: true }, /no longer allowed: This channel is shared/],
      [
        new Refusal('not-allowed', 'Slack says that this account is deactivated.'),
        /no longer allowed: Slack/,
      ],
      [new Refusal('not-now', 'Slack does not tell who you are.'), /not started: Slack does not tell/],
    ];
    for (const [now, why] of taken) {
      standing = now;
      const outcome = await executeJob(context, transport, job, plan, signal);
      expect(outcome).toMatchObject({ kind: 'skipped', reason: expect.stringMatching(why) });
      await expect(approveStoredRun(context, run.id)).rejects.toThrow(Refusal);
    }
    expect(executed).toBe(0);

    // Stopping one's own run takes no right, so nobody can take it away.
    const { actionId, value } = { actionId: 'batchops_cancel', value: run.id };
    const answer = await desk.press(clickOn(actionId, value));
    expect(shown(answer)).toMatch(/Cancelling r-/);
  });
});
