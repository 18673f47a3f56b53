import { describe, expect, test } from 'vitest';
import {
  addNotice,
  applyEvent,
  type Page,
  putMessages,
  startPage,
} from '../../../../src/sandbox/page/browser/page.ts';
import type { PageMessage } from '../../../../src/sandbox/slack/page-api.ts';

const start: Page = putMessages(
  startPage({ people: [], startChannelId: 'C1', examples: [] }, 'U1', 'C1'),
  'C1',
  [],
);

function message(ts: string, more: Partial<PageMessage> = {}): PageMessage {
  return {
    channel: 'C1',
    ts,
    threadTs: null,
    user: 'B1',
    text: ts,
    blocks: [],
    files: [],
    isEphemeral: false,
    isEdited: false,
    replyCount: 0,
    replyUsers: [],
    latestReplyTs: null,
    ...more,
  };
}

const shown = (page: Page): readonly string[] => page.channels.C1?.map(({ text }) => text) ?? [];

describe('what the page shows', () => {
  test('a message told twice is there once, in its place, as it was told last', () => {
    const events = [message('2.0'), message('1.0'), message('2.0', { text: 'again' })];
    const page = events.reduce(
      (before, each) => applyEvent(before, { type: 'message', message: each }),
      start,
    );
    expect(shown(page)).toEqual(['1.0', 'again']);
  });

  test('an ephemeral answer is not the message of the same time', () => {
    const ephemeral = message('1.0', { isEphemeral: true, text: 'only me' });
    let page = applyEvent(start, { type: 'message', message: message('1.0') });
    page = applyEvent(page, { type: 'ephemeral', message: ephemeral });
    expect(shown(page)).toHaveLength(2);
    page = applyEvent(page, { type: 'ephemeral_deleted', channel: 'C1', ts: '1.0' });
    expect(shown(page)).toEqual(['1.0']);
  });

  test('a reply goes into its thread where that is open, and not into the channel', () => {
    const open = { ...start, thread: { channelId: 'C1', ts: '1.0', messages: [message('1.0')] } };
    const page = applyEvent(open, { type: 'message', message: message('3.0', { threadTs: '1.0' }) });
    expect(shown(page)).toEqual([]);
    expect(page.thread?.messages?.map(({ ts }) => ts)).toEqual(['1.0', '3.0']);
    const other = applyEvent(page, { type: 'message', message: message('4.0', { threadTs: '2.0' }) });
    expect(other.thread?.messages).toHaveLength(2);
  });

  test('what others say elsewhere is counted; what I say, what is edited, and replies are not', () => {
    const elsewhere = (more: Partial<PageMessage>) => message('1.0', { channel: 'C2', ...more });
    let page = applyEvent(start, { type: 'message', message: elsewhere({}) });
    page = applyEvent(page, { type: 'message_changed', message: elsewhere({ text: 'edited' }) });
    page = applyEvent(page, { type: 'message', message: elsewhere({ user: 'U1' }) });
    page = applyEvent(page, { type: 'message', message: elsewhere({ threadTs: '0.5' }) });
    expect(page.unread).toEqual({ C2: 1 });
  });

  test('a failed command is told once, though it comes as an answer and as an event', () => {
    const once = addNotice(start, 'C1', null, 'failed', 1_000);
    expect(addNotice(once, 'C1', null, 'failed', 2_000).notices).toHaveLength(1);
    expect(addNotice(once, 'C1', '1.0', 'failed', 2_000).notices).toEqual([
      { channelId: 'C1', threadTs: '1.0', text: 'failed', at: 2_000 },
    ]);
    expect(addNotice(once, 'C1', null, 'failed', 60_000).notices).toHaveLength(2);
  });
});
