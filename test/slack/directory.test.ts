import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { createDirectory } from '../../src/slack/directory.ts';
import { openWorkspace } from '../../src/slack/workspace.ts';
import { openTestSlack, recordLog, settingsFor } from './rig.ts';

const MINUTE = 60_000;
const PEOPLE = {
  member: { id: 'U0MEM0001', name: 'member' },
  grid: { id: 'U0GRD0001', name: 'grid', homeTeamId: 'T0HOME001' },
  sister: { id: 'U0SIS0001', name: 'sister', homeTeamId: 'T0HOME001', isOnlyThere: true },
  guest: { id: 'U0GUE0001', name: 'guest', guest: 'multi-channel' as const },
  single: { id: 'U0SIN0001', name: 'single', guest: 'single-channel' as const },
  gone: { id: 'U0GON0001', name: 'gone', isDeactivated: true },
  robot: { id: 'U0ROB0001', name: 'robot', isBot: true },
  alien: { id: 'U0ALI0001', name: 'alien', teamId: 'T0OTHER01' },
  martian: { id: 'U0MAR0001', name: 'martian', teamId: 'T0OTHER02', enterpriseId: 'E0OTHER02' },
};
const BOT = 'U0BOT0001';
const OPEN = 'C0OPEN001';
const SHARED = 'C0SHARED1';
const PRIVATE = 'C0PRIV001';
const GROUP = 'S0GROUP01';

async function openRig() {
  const members = Object.values(PEOPLE).map(({ id }) => id);
  const slack = await openTestSlack({
    users: Object.values(PEOPLE),
    enterprise: { id: 'E0GRID001', name: 'Grid' },
    userGroups: [{ id: GROUP, handle: 'ops', users: [PEOPLE.member.id] }],
    channels: [
      { id: OPEN, name: 'open', members: [...members, BOT] },
      { id: SHARED, name: 'shared', members: [...members, BOT], isExternallyShared: true },
      { id: PRIVATE, name: 'private', kind: 'private', members },
    ],
  });
  let now = 0;
  const clock = () => now;
  const log = recordLog();
  const workspace = await openWorkspace(settingsFor(slack), { mask: (text) => text, log, clock });
  const directory = createDirectory(workspace, log, clock);
  return {
    slack,
    log,
    pass: (ms: number) => {
      now += ms;
    },
    asked: (method: string) => slack.calls.filter((call) => call.method === method).length,
    ask: (who: keyof typeof PEOPLE, channel = OPEN, groups: readonly string[] = []) =>
      directory.standingOf({ teamId: 'T0LOCAL01', userId: PEOPLE[who].id }, channel, new Set(groups)),
    [Symbol.asyncDispose]: () => slack.close(),
  };
}

describe('what Slack says of people', () => {
  test('sorts members, guests and those who may ask nothing', async () => {
    await using rig = await openRig();
    expect(await rig.ask('member')).toMatchObject({ isGuest: false, isShared: false });
    expect(await rig.ask('grid')).toMatchObject({ isGuest: false });
    expect(await rig.ask('sister')).toMatchObject({ isGuest: false });
    expect(await rig.ask('guest')).toMatchObject({ isGuest: true });
    expect(await rig.ask('single')).toMatchObject({ isGuest: true });
    await expect(rig.ask('gone')).rejects.toThrow(/deactivated/);
    await expect(rig.ask('robot')).rejects.toThrow(/is a bot/);
    await expect(rig.ask('alien')).rejects.toThrow(/another organisation/);
    await expect(rig.ask('martian')).rejects.toThrow(/another organisation/);
    expect(await rig.ask('member', SHARED)).toMatchObject({ isShared: true });
    expect(await rig.ask('member', '')).toMatchObject({ isShared: false });
  });

  test('is asked once more where Slack says that it is a matter of a second: nobody is refused for that', async () => {
    await using rig = await openRig();
    for (const method of ['users.info', 'conversations.info'])
      rig.slack.order({ kind: 'rate-limit', method, times: 1, retryAfterS: 1 });
    expect(await rig.ask('member')).toMatchObject({ isGuest: false, isShared: false });
    rig.slack.order({ kind: 'rate-limit', method: 'users.info', times: 1, retryAfterS: 30 });
    await expect(rig.ask('guest')).rejects.toThrow(/does not tell who you are/);
  });

  test('is not known of a channel that the bot is not in: the way in is named', async () => {
    await using rig = await openRig();
    const no = await rig.ask('member', PRIVATE).catch((error: unknown) => error);
    expect(no).toBeInstanceOf(Refusal);
    expect(no).toMatchObject({ code: 'not-now', about: 'channel', remedy: expect.stringMatching(/invite/) });
  });

  test('is asked once for a while, and holds where Slack says nothing since, so long that a worker goes by it for ten minutes at most', async () => {
    await using rig = await openRig();
    await Promise.all([rig.ask('member'), rig.ask('member')]);
    await rig.ask('member');
    expect(rig.asked('users.info')).toBe(1);
    rig.slack.order({ method: 'users.info', kind: 'server-error', times: Number.POSITIVE_INFINITY });
    rig.pass(9.2 * MINUTE);
    expect(await rig.ask('member')).toMatchObject({ isGuest: false });
    // A worker remembers it for 45 s more.
    rig.pass(0.05 * MINUTE);
    await expect(rig.ask('member')).rejects.toThrow(/does not tell who you are/);
    await expect(rig.ask('guest')).rejects.toThrow(/does not tell who you are/);
  });

  test('follows within minutes who became a guest or left, and which channel was shared', async () => {
    await using rig = await openRig();
    await rig.ask('member');
    rig.slack.workspace.changeUser(PEOPLE.member.id, { guest: 'multi-channel' });
    rig.slack.workspace.changeChannel(OPEN, { isExternallyShared: true });
    rig.pass(2 * MINUTE);
    expect(await rig.ask('member')).toMatchObject({ isGuest: true, isShared: true });
    rig.slack.workspace.changeUser(PEOPLE.member.id, { isDeactivated: true });
    rig.pass(2 * MINUTE);
    await expect(rig.ask('member')).rejects.toThrow(/deactivated/);
  });

  test('follows within a minute who joined and left a user group; one that Slack hides is unknown', async () => {
    await using rig = await openRig();
    expect((await rig.ask('member', OPEN, [GROUP])).groups).toEqual(new Set([GROUP]));
    expect((await rig.ask('guest', OPEN, [GROUP])).groups).toEqual(new Set());
    rig.slack.workspace.changeUserGroup({ id: GROUP, handle: 'ops', users: [PEOPLE.guest.id] });
    rig.pass(MINUTE);
    expect((await rig.ask('member', OPEN, [GROUP])).groups).toEqual(new Set());
    expect((await rig.ask('guest', OPEN, [GROUP])).groups).toEqual(new Set([GROUP]));
    rig.slack.workspace.changeUserGroup({ id: GROUP, handle: 'ops', users: [], isDisabled: true });
    rig.pass(11 * MINUTE);
    expect(await rig.ask('guest', OPEN, [GROUP])).toMatchObject({
      groups: new Set(),
      unknownGroups: [GROUP],
    });
  });
});
