import { describe, expect, test } from 'vitest';
import { ANN, BOT, call, OPS, openClient, openTestSlack, SECRET, WEB, withScopes } from '../rig.ts';

const free = { pace: { isLimited: false } };

describe('conversations', () => {
  const manifest = withScopes('channels:read', 'groups:read', 'channels:history', 'im:write');

  test('info tells what kind of channel it is', async () => {
    await using slack = await openTestSlack({ manifest });
    slack.workspace.changeChannel(OPS, { isExternallyShared: true });
    expect(await call(slack, 'conversations.info', { channel: OPS })).toMatchObject({
      channel: { id: OPS, name: 'ops', is_member: true, is_private: false, is_ext_shared: true },
    });
    expect(await call(slack, 'conversations.info', { channel: SECRET })).toMatchObject({
      error: 'channel_not_found',
    });
  });

  test('history is newest first, replies oldest first, both in pages', async () => {
    await using slack = await openTestSlack({ manifest, ...free });
    const roots = [];
    for (const text of ['1', '2', '3'])
      roots.push(await call(slack, 'chat.postMessage', { channel: OPS, text }));
    const [root] = roots;
    for (const text of ['a', 'b'])
      await call(slack, 'chat.postMessage', { channel: OPS, text, thread_ts: root?.ts });
    const client = openClient(slack);
    const first = await client.conversations.history({ channel: OPS, limit: 2 });
    expect(first.messages?.map(({ text }) => text)).toEqual(['3', '2']);
    const cursor = first.response_metadata?.next_cursor ?? '';
    const second = await client.conversations.history({ channel: OPS, limit: 2, cursor });
    expect(second.messages).toMatchObject([{ text: '1', reply_count: 2 }]);
    expect(second.has_more).toBe(false);
    const replies = await client.conversations.replies({ channel: OPS, ts: String(root?.ts) });
    expect(replies.messages?.map(({ text }) => text)).toEqual(['1', 'a', 'b']);
    await expect(client.conversations.history({ channel: WEB })).rejects.toThrow('not_in_channel');
    slack.workspace.changeChannel(WEB, { members: new Set([ANN, BOT]) });
    expect((await client.conversations.history({ channel: WEB })).messages).toEqual([]);
  });
});
