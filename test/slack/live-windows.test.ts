import { describe, expect, test, vi } from 'vitest';
import { plain, richText, words } from '../../src/report/message.ts';
import type { LiveWindow, Modal } from '../../src/report/views/view.ts';
import { LIVE_WINDOW } from '../../src/thread/reply/live.ts';
import { MemoryReceived } from './memory-received.ts';
import { ANN, type DoorRig, OPS, openDoorRig } from './rig.ts';

const viewOf = (text: string): Modal => ({
  type: 'modal',
  callback_id: LIVE_WINDOW,
  title: plain('web01'),
  close: plain('Close'),
  notify_on_close: true,
  blocks: [richText(words(text))],
});

/** What it shows is `said`; how often it was looked at, and by whose end. */
class Looked implements LiveWindow {
  said = 'one';
  isLast = false;
  looks = 0;
  ends: string[] = [];
  readonly view = viewOf('one');
  readonly instead = { text: 'instead', blocks: [] };

  async look(end?: 'time-up' | 'stopping') {
    this.looks += 1;
    if (end !== undefined) this.ends.push(end);
    return { view: viewOf(end ?? this.said), isLast: this.isLast || end !== undefined };
  }
}

async function openLive(openMs = 60_000, mask?: (text: string) => string) {
  const rig = await openDoorRig('socket', {}, mask, new MemoryReceived(), { lookMs: 5, openMs });
  const live = new Looked();
  rig.desk.answer = async () => live;
  return { rig, live };
}

async function openIt({ slack }: DoorRig): Promise<string> {
  await slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'show r-7k3f web01' });
  return (await slack.waitFor(() => slack.views(ANN)[0])).id;
}

const shown = ({ slack }: DoorRig): string => JSON.stringify(slack.views(ANN)[0]?.view.blocks ?? null);
const updates = ({ slack }: DoorRig): number =>
  slack.calls.filter(({ method }) => method === 'views.update').length;

describe('a window that is kept fresh', () => {
  test('shows what is new, masked, and is not changed where nothing is', async () => {
    const { rig, live } = await openLive(60_000, (text) => text.replaceAll('hunter2', '[secret]'));
    await using _rig = rig;
    await openIt(rig);
    await vi.waitFor(() => expect(live.looks).toBeGreaterThan(3));
    expect(updates(rig)).toBe(0);
    live.said = 'two hunter2';
    await rig.slack.waitFor(() => shown(rig).includes('two [secret]') || undefined);
    expect(updates(rig)).toBe(1);
    live.said = 'three';
    live.isLast = true;
    await rig.slack.waitFor(() => shown(rig).includes('three') || undefined);
    const { looks } = live;
    live.said = 'four';
    await rig.slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'x' });
    expect(live.looks).toBe(looks);
  });

  test('is looked at no more once it is closed', async () => {
    const { rig, live } = await openLive();
    await using _rig = rig;
    const first = await openIt(rig);
    await vi.waitFor(() => expect(live.looks).toBeGreaterThan(1));
    rig.slack.closeView({ user: ANN, viewId: first });
    const roundTrip = () => rig.slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'x' });
    rig.desk.answer = async () => undefined;
    await roundTrip();
    const { looks } = live;
    live.said = 'new';
    await roundTrip();
    expect([live.looks, updates(rig)]).toEqual([looks, 0]);
  });

  test('is looked at no more where Slack does not know it any more', async () => {
    const { rig, live } = await openLive();
    await using _rig = rig;
    // Nobody is told.
    const { notify_on_close: _notify, ...view } = live.view;
    rig.desk.answer = async () => ({ view, instead: live.instead, look: () => live.look() });
    rig.slack.closeView({ user: ANN, viewId: await openIt(rig) });
    live.said = 'new';
    await rig.slack.waitFor(() => updates(rig) === 1 || undefined);
    await rig.door.stop();
    expect(updates(rig)).toBe(1);
    expect(live.ends).toEqual([]);
  });

  test('says that it is not kept fresh any more, after its time and as the bot stops', async () => {
    const { rig, live } = await openLive(40);
    await using _rig = rig;
    await openIt(rig);
    await rig.slack.waitFor(() => shown(rig).includes('time-up') || undefined);
    expect(live.ends).toEqual(['time-up']);
    const other = await openLive();
    await using second = other.rig;
    await openIt(second);
    await vi.waitFor(() => expect(other.live.looks).toBeGreaterThan(0));
    await second.door.stop();
    expect(shown(second)).toContain('stopping');
  });

  test('is said as a message where Slack opens no window', async () => {
    const { rig, live } = await openLive();
    await using _rig = rig;
    rig.slack.order({ method: 'views.open', kind: 'error', error: 'expired_trigger_id', times: 1 });
    await rig.slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'x' });
    const said = await rig.slack.waitFor(() => rig.slack.ephemerals(ANN)[0]);
    expect(said.text).toBe('instead');
    expect(live.looks).toBe(0);
  });
});
