import { once } from 'node:events';
import { WebAPIPlatformError } from '@slack/web-api';
import { describe, expect, test } from 'vitest';
import {
  ANN,
  BOT,
  call,
  EVE,
  manifest,
  OLD,
  OPS,
  openClient,
  openTestSlack,
  SECRET,
  WEB,
  withScopes,
} from '../rig.ts';

const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } });
const richText = (text: string) => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_preformatted', elements: [{ type: 'text', text }] }],
});

describe('who may call', () => {
  test('tokens', async () => {
    await using slack = await openTestSlack();
    const { bot, app } = slack.settings.tokens;
    expect(await call(slack, 'auth.test', {}, bot)).toMatchObject({ ok: true, user_id: BOT });
    expect(await call(slack, 'auth.test', {}, 'xoxb-other')).toMatchObject({ error: 'invalid_auth' });
    expect(await call(slack, 'auth.test', {}, '')).toMatchObject({ error: 'not_authed' });
    expect(await call(slack, 'chat.postMessage', {}, app)).toMatchObject({ error: 'not_allowed_token_type' });
    expect(await call(slack, 'apps.connections.open', {}, bot)).toMatchObject({
      error: 'not_allowed_token_type',
    });
  });

  test.each(['chat.shout', 'reactions.add', 'views.push', 'conversations.join', 'toString'])(
    'a method that the sandbox does not have is refused by its name, and the log says so: %s',
    async (method) => {
      await using slack = await openTestSlack();
      const warning = once(process, 'warning');
      expect(await call(slack, method, {})).toMatchObject({
        ok: false,
        error: 'unknown_method',
        response_metadata: { messages: [`[ERROR] the sandbox has no ${method}`] },
      });
      expect(String(await warning)).toContain(`the sandbox has no ${method}`);
    },
  );

  test.each(['attachments', 'markdown_text', 'username', 'reply_broadcast'])(
    'an argument that the sandbox does not have is refused by its name: %s',
    async (name) => {
      await using slack = await openTestSlack();
      expect(await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', [name]: '[]' })).toMatchObject({
        error: 'invalid_arguments',
        response_metadata: {
          messages: [`[ERROR] the sandbox does not have argument ${name} of chat.postMessage`],
        },
      });
      expect(slack.messages(OPS)).toEqual([]);
    },
  );

  test('only what the scopes of the manifest allow', async () => {
    await using slack = await openTestSlack({ manifest: withScopes() });
    expect(await call(slack, 'conversations.history', { channel: OPS })).toMatchObject({
      ok: false,
      error: 'missing_scope',
      needed: 'channels:history',
      provided: expect.stringMatching(/^commands,chat:write,chat:write.public/),
    });
    expect(await call(slack, 'conversations.replies', { channel: SECRET, ts: '1' })).toMatchObject({
      needed: 'groups:history',
    });
    expect(slack.violations.map(({ error }) => error)).toEqual(Array(2).fill('missing_scope'));
  });
});

describe('chat.postMessage', () => {
  test.each([
    ['a channel that is not there', { channel: 'C404', text: 'a' }, 'channel_not_found'],
    ['a private channel without the bot', { channel: SECRET, text: 'a' }, 'channel_not_found'],
    ['a name instead of an id', { channel: '#ops', text: 'a' }, 'channel_not_found'],
    ['an archived channel', { channel: OLD, text: 'a' }, 'is_archived'],
    ['no channel', { text: 'a' }, 'invalid_arguments'],
    ['nothing to say', { channel: OPS }, 'no_text'],
    ['only spaces', { channel: OPS, text: '  \n' }, 'no_text'],
    ['a thread that is not there', { channel: OPS, text: 'a', thread_ts: '1.000000' }, 'thread_not_found'],
    ['blocks that are no JSON', { channel: OPS, blocks: '[{' }, 'invalid_blocks_format'],
    ['blocks that are no array', { channel: OPS, blocks: '{}' }, 'invalid_blocks_format'],
    ['a block that is none', { channel: OPS, blocks: [{ type: 'x' }] }, 'invalid_blocks'],
    ['metadata without type', { channel: OPS, text: 'a', metadata: {} }, 'invalid_metadata_format'],
    [
      'much metadata',
      {
        channel: OPS,
        text: 'a',
        metadata: { event_type: 't', event_payload: { a: 'x'.repeat(9_000) } },
      },
      'metadata_too_large',
    ],
  ])('%s is refused', async (_what, values, error) => {
    await using slack = await openTestSlack();
    expect(await call(slack, 'chat.postMessage', values)).toMatchObject({ ok: false, error });
    expect(slack.violations).toMatchObject([{ method: 'chat.postMessage', error }]);
    expect(slack.messages(OPS)).toEqual([]);
  });

  test('a public channel takes chat:write.public or membership', async () => {
    await using open = await openTestSlack();
    expect(await call(open, 'chat.postMessage', { channel: WEB, text: 'a' })).toMatchObject({ ok: true });
    const oauth_config = { scopes: { bot: ['commands', 'chat:write'] } };
    await using closed = await openTestSlack({ manifest: { ...manifest, oauth_config } });
    expect(await call(closed, 'chat.postMessage', { channel: WEB, text: 'a' })).toMatchObject({
      error: 'not_in_channel',
    });
    closed.workspace.changeChannel(WEB, { members: new Set([ANN, BOT]) });
    expect(await call(closed, 'chat.postMessage', { channel: WEB, text: 'a' })).toMatchObject({ ok: true });
  });

  test('says what is wrong with blocks, through the real client', async () => {
    await using slack = await openTestSlack();
    const client = openClient(slack);
    const refused = client.chat.postMessage({
      channel: OPS,
      text: 'a',
      blocks: [section('x'.repeat(3_001))],
    });
    const error = await refused.catch((thrown: unknown) => thrown);
    if (!(error instanceof WebAPIPlatformError)) throw new Error('not refused');
    expect(error.data).toMatchObject({
      error: 'invalid_blocks',
      response_metadata: {
        messages: ['[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]'],
      },
    });
  });

  test('a long text is cut at 40,000 with a warning', async () => {
    await using slack = await openTestSlack();
    const answer = await call(slack, 'chat.postMessage', { channel: OPS, text: 'x'.repeat(40_001) });
    expect(answer).toMatchObject({ ok: true, warning: 'message_truncated' });
    expect(slack.messages(OPS)[0]?.text).toHaveLength(40_000);
  });

  test('replies go to the thread of the root, never below a reply', async () => {
    await using slack = await openTestSlack();
    const root = await call(slack, 'chat.postMessage', { channel: OPS, text: 'root' });
    const reply = await call(slack, 'chat.postMessage', { channel: OPS, text: 'r', thread_ts: root.ts });
    expect(slack.thread(OPS, String(root.ts))).toMatchObject([{ ts: reply.ts, text: 'r' }]);
    expect(slack.messages(OPS)).toHaveLength(1);
    expect(
      await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', thread_ts: reply.ts }),
    ).toMatchObject({ error: 'cannot_reply_to_message' });
  });

  test("a user's id opens the direct messages with them", async () => {
    await using slack = await openTestSlack();
    const answer = await call(slack, 'chat.postMessage', { channel: ANN, text: 'hello' });
    expect(answer.channel).toMatch(/^D/);
    expect(slack.messages(String(answer.channel))).toHaveLength(1);
  });

  test('the text is kept raw, and what in it would notify is told', async () => {
    await using slack = await openTestSlack();
    await call(slack, 'chat.postMessage', { channel: OPS, text: '&lt;!here&gt; <!channel> <http://e.org>' });
    await call(slack, 'chat.postMessage', { channel: OPS, text: 'http://e.org', parse: 'none' });
    const [loud, quiet] = slack.messages(OPS);
    expect(loud?.text).toBe('&lt;!here&gt; <!channel> <http://e.org>');
    expect(loud?.pings).toEqual([{ kind: 'broadcast', value: 'channel', at: '/text' }]);
    expect(loud?.links).toHaveLength(1);
    expect(quiet).toMatchObject({ pings: [], links: [] });
  });
});

describe('chat.update', () => {
  test.each([
    ['a message that is not there', { ts: '1.000000', text: 'a' }, 'message_not_found'],
    ['a text of 4,001 characters', { text: 'x'.repeat(4_001) }, 'msg_too_long'],
    ['nothing', {}, 'no_text'],
    ['taking all away', { text: '' }, 'no_text'],
    ['rich text for a section', { text: 'a', blocks: [richText('a')] }, 'block_mismatch'],
    ['blocks too long', { blocks: Array(5).fill(section('x'.repeat(2_900))) }, 'msg_blocks_too_long'],
  ])('%s is refused', async (_what, values, error) => {
    await using slack = await openTestSlack();
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks: [section('a')] });
    expect(await call(slack, 'chat.update', { channel: OPS, ts, ...values })).toMatchObject({ error });
    expect(slack.messages(OPS)).toMatchObject([{ text: 'a', edits: 0 }]);
  });

  test("of a person's message is refused", async () => {
    await using slack = await openTestSlack();
    const { ts } = slack.say({ user: ANN, channel: OPS, text: 'mine' });
    expect(await call(slack, 'chat.update', { channel: OPS, ts, text: 'a' })).toMatchObject({
      error: 'cant_update_message',
    });
  });

  test('text alone takes the blocks away, blocks alone leave the text', async () => {
    await using slack = await openTestSlack();
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks: [section('a')] });
    await call(slack, 'chat.update', { channel: OPS, ts, blocks: [section('b')] });
    expect(slack.messages(OPS)).toMatchObject([{ text: 'a', blocks: [{ text: { text: 'b' } }] }]);
    await call(slack, 'chat.update', { channel: OPS, ts, text: 'c' });
    expect(slack.messages(OPS)).toMatchObject([{ text: 'c', blocks: [], edits: 2 }]);
    expect(slack.violations).toEqual([]);
  });

  test.each([
    ['removes-blocks', { text: 'b', blocks: [], edits: 1 }],
    ['keeps-blocks', { text: 'b', blocks: [section('a')], edits: 1 }],
    ['changes-nothing', { text: 'a', blocks: [section('a')], edits: 0 }],
  ] as const)('text alone, as Slack is told to do it in three ways: %s', async (textOnlyUpdate, after) => {
    await using slack = await openTestSlack({ textOnlyUpdate });
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks: [section('a')] });
    expect(await call(slack, 'chat.update', { channel: OPS, ts, text: 'b' })).toMatchObject({
      ok: true,
      text: 'b',
    });
    expect(slack.messages(OPS)).toMatchObject([after]);
    const both = { channel: OPS, ts, text: 'c', blocks: [section('c')] };
    expect(await call(slack, 'chat.update', both)).toMatchObject({ ok: true });
    expect(slack.messages(OPS)).toMatchObject([{ text: 'c', blocks: [section('c')] }]);
  });

  test('waits until a channel is no longer archived', async () => {
    await using slack = await openTestSlack();
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a' });
    const update = () => call(slack, 'chat.update', { channel: OPS, ts, text: 'b' });
    slack.workspace.changeChannel(OPS, { isArchived: true });
    expect(await update()).toMatchObject({ error: 'is_inactive' });
    slack.workspace.changeChannel(OPS, { isArchived: false });
    expect(await update()).toMatchObject({ ok: true });
  });
});

describe('chat.postEphemeral', () => {
  test('is for one person of the channel, and cannot be updated', async () => {
    await using slack = await openTestSlack();
    const answer = await call(slack, 'chat.postEphemeral', { channel: OPS, user: ANN, text: 'psst' });
    expect(slack.ephemerals(ANN)).toMatchObject([{ text: 'psst', ts: answer.message_ts }]);
    expect(await call(slack, 'chat.postEphemeral', { channel: OPS, user: EVE, text: 'a' })).toMatchObject({
      error: 'user_not_in_channel',
    });
    const { message_ts: ts } = answer;
    expect(await call(slack, 'chat.update', { channel: OPS, ts, text: 'a' })).toMatchObject({
      error: 'message_not_found',
    });
  });

  test('in a thread is seen once that has a reply; before, it is taken and shown to nobody', async () => {
    await using slack = await openTestSlack();
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'root' });
    const psst = { channel: OPS, user: ANN, text: 'psst', thread_ts: ts };
    expect(await call(slack, 'chat.postEphemeral', psst)).toMatchObject({ ok: true });
    expect(slack.ephemerals(ANN)).toEqual([]);
    await call(slack, 'chat.postMessage', { channel: OPS, text: 'reply', thread_ts: ts });
    await call(slack, 'chat.postEphemeral', psst);
    expect(slack.ephemerals(ANN)).toMatchObject([{ text: 'psst', threadTs: ts }]);
  });

  test('is an internal error where the bot is not in, whatever chat:write.public says', async () => {
    await using slack = await openTestSlack();
    const values = { channel: WEB, user: ANN, text: 'a' };
    expect(await call(slack, 'chat.postMessage', values)).toMatchObject({ error: 'invalid_arguments' });
    expect(await call(slack, 'chat.postMessage', { channel: WEB, text: 'a' })).toMatchObject({ ok: true });
    expect(await call(slack, 'chat.postEphemeral', values)).toMatchObject({ error: 'internal_error' });
    expect(slack.ephemerals(ANN)).toEqual([]);
  });
});
