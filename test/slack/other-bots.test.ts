import { describe, expect, test, vi } from 'vitest';
import { formatNotice } from '../../src/report/answers.ts';
import { OtherBots } from '../../src/slack/other-bots.ts';
import { postMessage } from '../../src/slack/outgoing/delivery.ts';
import { openWorkspace, type Workspace } from '../../src/slack/workspace.ts';
import { AUDIT, OPS, openTestSlack, recordLog, settingsFor, withScopes } from './rig.ts';

const FAST = { pace: { isLimited: false } } as const;
const SOON = { timeout: 12_000 };

type Slack = Awaited<ReturnType<typeof openTestSlack>>;

/** As a process has it: each with an id of its own, all with the same token. */
async function openProcess(slack: Slack) {
  const log = recordLog();
  const workspace = await openWorkspace(settingsFor(slack), { mask: (text) => text, log });
  return { workspace, log, errors: () => log.lines.filter(({ level }) => level === 'error') };
}

const write = ({ posts }: Workspace, key: string, channel = AUDIT) =>
  postMessage(posts, { channel, threadTs: null, keys: [key] }, formatNotice(key), recordLog());

describe.concurrent('a second process with our token', () => {
  test('is noticed by what it writes in the audit channel, once, and said aloud', async () => {
    await using slack = await openTestSlack(FAST);
    const [ours, other] = [await openProcess(slack), await openProcess(slack)];
    const seen: unknown[] = [];
    ours.workspace.others.onSeen((each) => seen.push(each));
    const watch = await ours.workspace.others.watch(ours.workspace.posts, AUDIT);
    try {
      await write(ours.workspace, 'audit:1');
      await write(other.workspace, 'audit:1');
      await write(other.workspace, 'audit:2');
      await vi.waitFor(() => expect(ours.workspace.others.seen()).toHaveLength(1), SOON);
      expect(ours.workspace.others.seen()).toMatchObject([{ channelId: AUDIT }]);
      expect(seen).toHaveLength(1);
      expect(ours.errors()).toHaveLength(1);
      expect(ours.errors()[0]?.message).toMatch(/^another process posts with our token/);
    } finally {
      watch.close();
    }
  }, 30_000);

  test('is not what was there before us, nor what people and other apps write', async () => {
    await using slack = await openTestSlack(FAST);
    const [before, ours] = [await openProcess(slack), await openProcess(slack)];
    await write(before.workspace, 'audit:1');
    const reads = () => slack.calls.filter(({ method }) => method === 'conversations.history').length;
    const watch = await ours.workspace.others.watch(ours.workspace.posts, AUDIT);
    try {
      await write(ours.workspace, 'audit:2');
      slack.say({ user: 'U0ANN0001', channel: AUDIT, text: 'hello' });
      await vi.waitFor(() => expect(reads()).toBe(2), SOON);
      expect(ours.workspace.others.seen()).toEqual([]);
      const metadata = { event_payload: { key: 'audit:3', process: 'another' } };
      const ts = String(Date.now() / 1_000 + 3_600);
      ours.workspace.others.clicked({ ts, bot_id: 'B0OTHER01', metadata }, OPS);
      expect(ours.workspace.others.seen()).toEqual([]);
    } finally {
      watch.close();
    }
  }, 30_000);

  test('is noticed by a click below what it posted, where that is surely younger than we are', async () => {
    const log = recordLog();
    let now = 1_000_000_000_000;
    const others = new OtherBots({ processId: 'ours', botId: 'B0BOT0001', log, now: () => now });
    const posted = (process: string, ms: number) => ({
      ts: String(ms / 1_000),
      bot_id: 'B0BOT0001',
      metadata: { event_payload: { key: 'root:r-2222', process } },
    });
    others.clicked(posted('older', now - 1_000), OPS);
    others.clicked(posted('perhaps', now + 5 * 60_000), OPS);
    others.clicked(posted('ours', now + 3_600_000), OPS);
    others.clicked({ ts: '1' }, OPS);
    now += 3_600_000;
    others.clicked(posted('other', now), OPS);
    // Each is judged in its turn, so those before were as well.
    await vi.waitFor(() => expect(others.seen()).toEqual([{ wroteAt: now, channelId: OPS }]));
    expect(log.lines).toHaveLength(1);
    // It writes daily as long as it lives.
    now += 26 * 3_600_000;
    expect(others.seen()).toEqual([]);
  });

  test('cannot be noticed where the audit channel may not be read, which is said once', async () => {
    await using slack = await openTestSlack({ ...FAST, manifest: withScopes() });
    const { workspace, log } = await openProcess(slack);
    (await workspace.others.watch(workspace.posts, AUDIT)).close();
    const said = log.lines.filter(({ message }) => message.startsWith('the audit channel may not be read'));
    expect(said).toMatchObject([{ level: 'warn', fields: { error: 'missing_scope' } }]);
  });
});
