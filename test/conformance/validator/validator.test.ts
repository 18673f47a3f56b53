import { channel } from 'node:diagnostics_channel';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TRAFFIC, type Traffic } from '../../../src/sandbox/slack/traffic.ts';
import { judge } from '../traffic/judge.ts';
import { RECORDS, record } from '../traffic/recorder.ts';
import { formatCounts, setup, teardown } from '../traffic/run.ts';
import { findFaults } from './validate.ts';

const plain = (text: string) => ({ type: 'plain_text', text });
const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } });
const button = (more: object = {}) => ({ type: 'button', action_id: 'a', text: plain('Go'), ...more });
const actions = (...elements: readonly object[]) => ({ type: 'actions', elements });
const words = (text: string) => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text }] }],
});
const input = (element: object) => ({ type: 'input', block_id: 'b', label: plain('Hosts'), element });
const select = (more: object = {}) => ({
  type: 'static_select',
  action_id: 'a',
  options: [{ text: plain('One'), value: '1' }],
  ...more,
});

/** As the wire has it: a form, with JSON inside. */
const post = (...blocks: readonly object[]) => call({ blocks: JSON.stringify(blocks) });
const call = (values: Traffic['values'] = {}, name = 'chat.postMessage'): Traffic => ({
  kind: 'call',
  name,
  values: { token: 'xoxb-1', channel: 'C0OPS0001', text: 'done', ...values },
  answer: {},
});
const open = (view: object): Traffic => ({
  kind: 'call',
  name: 'views.open',
  values: {
    trigger_id: '1.2.3',
    view: JSON.stringify({ type: 'modal', title: plain('Run'), blocks: [section('x')], ...view }),
  },
  answer: {},
});
const ack = (name: string, values: Traffic['values']): Traffic => ({ kind: 'ack', name, values });
const upload = (values: Traffic['values']): Traffic => ({
  kind: 'call',
  name: 'files.completeUploadExternal',
  values: { files: '[{"id":"F0000001"}]', channel_id: 'C0OPS0001', ...values },
  answer: {},
});
const many = (count: number, make: (index: number) => object) =>
  Array.from({ length: count }, (_, index) => make(index));

const GOOD: readonly Traffic[] = [
  post(section('x'.repeat(3_000)), actions(...many(25, (i) => button({ action_id: `a${i}` }))), words(' ')),
  post(...many(50, () => section('x'.repeat(100)))),
  call({ blocks: '[]', thread_ts: '1700000000.000100', unfurl_links: 'false' }),
  call({ metadata: '{"event_type":"batchops_post","event_payload":{"key":"root:r-1"}}' }),
  open({ blocks: [input(select())], submit: plain('x'.repeat(24)) }),
  upload({ thread_ts: '1700000000.000100', initial_comment: 'log' }),
  { kind: 'response_url', values: { delete_original: true } },
  ack('view_submission', {}),
  ack('view_submission', { response_action: 'errors', errors: { b: 'No such host.' } }),
  ack('block_suggestion', { options: [] }),
];

const BAD: readonly (readonly [string, Traffic])[] = [
  ['blocks/0/text/text has 3001 characters, at most 3000', post(section('x'.repeat(3_001)))],
  ['blocks/0/text/text is empty', post(section(' \n'))],
  ['blocks/0/elements/0/elements/0/text is empty', post(words(''))],
  ['blocks/0/elements has 0 items, at least 1', post({ type: 'rich_text', elements: [] })],
  ['blocks/0/elements has 0 items, at least 1', post({ type: 'context', elements: [] })],
  [
    'blocks/0/text/text has 151 characters, at most 150',
    post({ type: 'header', text: plain('x'.repeat(151)) }),
  ],
  ['blocks has 51 items, at most 50', post(...many(51, () => section('x')))],
  ['blocks have 12000 characters, at most 9597', post(...many(4, () => section('x'.repeat(3_000))))],
  [
    'blocks have 2 tables, at most 1',
    post(...many(2, () => ({ type: 'table', rows: [[{ type: 'raw_text', text: 'x' }]] }))),
  ],
  ['blocks/0/fields has 11 items, at most 10', post({ type: 'section', fields: many(11, () => plain('x')) })],
  ['blocks/0 has neither text nor fields', post({ type: 'section' })],
  ['blocks has the block_id b twice', post(...many(2, () => ({ type: 'divider', block_id: 'b' })))],
  ['blocks/0 has the action_id a twice', post(actions(button(), button()))],
  [
    'blocks/0/elements has 26 items, at most 25',
    post(actions(...many(26, (i) => button({ action_id: `${i}` })))),
  ],
  [
    'blocks/0/elements/0/text/text has 76 characters, at most 75',
    post(actions(button({ text: plain('x'.repeat(76)) }))),
  ],
  [
    'blocks/0/elements/0/value has 2001 characters, at most 2000',
    post(actions(button({ value: 'x'.repeat(2_001) }))),
  ],
  [
    'blocks/0/elements/0/action_id has 256 characters, at most 255',
    post(actions(button({ action_id: 'x'.repeat(256) }))),
  ],
  [
    'blocks/0/elements/0/style is warning, not one of primary, danger',
    post(actions(button({ style: 'warning' }))),
  ],
  [
    'blocks/0/elements/0/options has 101 items, at most 100',
    post(actions(select({ options: many(101, (i) => ({ text: plain('x'), value: `${i}` })) }))),
  ],
  [
    'blocks/0/elements/0/initial_option is none of the options',
    post(actions(select({ initial_option: { text: plain('Two'), value: '2' } }))),
  ],
  ['blocks/0/element is of type button: the validator knows no such input', post(input(button()))],
  ['blocks/0/color is not known to the validator', post({ ...section('x'), color: 'red' })],
  ['blocks/0 is of type alert: the validator knows no such block', post({ type: 'alert' })],
  ['text has 40001 characters, at most 40000', call({ text: 'x'.repeat(40_001) })],
  [
    'text has 4001 characters, at most 4000',
    call({ text: 'x'.repeat(4_001), blocks: JSON.stringify([section('x')]) }),
  ],
  [
    'text has 4001 characters, at most 4000',
    call({ ts: '1700000000.123456', text: 'x'.repeat(4_001) }, 'chat.update'),
  ],
  ['text is empty', call({ text: '' })],
  ['text has half a surrogate pair', call({ text: 'a\ud83d' })],
  ['ts is missing', call({}, 'chat.update')],
  ['thread_ts is 1700000000.1, not like', call({ thread_ts: '1700000000.1' })],
  ['as_user is not known to the validator', call({ as_user: 'true' })],
  ['metadata/event_payload is missing', call({ metadata: '{"event_type":"x"}' })],
  ['view/title/text has 25 characters, at most 24', open({ title: plain('x'.repeat(25)) })],
  ['view/private_metadata has 3001 characters, at most 3000', open({ private_metadata: 'x'.repeat(3_001) })],
  ['view/submit is missing beside an input', open({ blocks: [input(select())] })],
  ['view/blocks has 101 items, at most 100', open({ blocks: many(101, () => section('x')) })],
  ['view is of type home: the validator knows no such modal', open({ type: 'home' })],
  [
    'channel_id is missing beside thread_ts',
    upload({ channel_id: undefined, thread_ts: '1700000000.000100' }),
  ],
  ['channel_id is U0ADA0001, not like', upload({ channel_id: 'U0ADA0001' })],
  ['is a method that the validator does not know', call({}, 'chat.scheduleMessage')],
  ['text is missing', { kind: 'response_url', values: { blocks: [section('x')] } }],
  ['may have no content', ack('block_actions', { text: 'x' })],
  ['errors has no error', ack('view_submission', { response_action: 'errors', errors: {} })],
  ['has not exactly one of options, option_groups', ack('block_suggestion', {})],
];

describe('the validator of what is sent', () => {
  test('takes what is at its limits', () => {
    expect(GOOD.flatMap(findFaults)).toEqual([]);
  });

  test.each(BAD)('finds that %s', (words, sent) => {
    expect(findFaults(sent).map(({ at, limit }) => `${at} ${limit}`.trim())).toContainEqual(
      expect.stringContaining(words),
    );
  });
});

test('a run in which one test sent what Slack would not take fails, and says which, where and by how much', async () => {
  const outer = process.env[RECORDS];
  await setup();
  const stop = record(process.env[RECORDS] ?? '', 'test/some.test.ts');
  channel(TRAFFIC).publish(post(section('fine')));
  channel(TRAFFIC).publish(post(section('x'.repeat(3_001))));
  stop();
  const judged = teardown();
  process.env[RECORDS] = outer;
  await expect(judged).rejects.toThrow(
    'test/some.test.ts: chat.postMessage: blocks/*/text/text has 3001 characters, at most 3000',
  );
});

test('what was sent is counted by method, block and element, also where a process was killed while it wrote', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'batchops-records-'));
  const stop = record(folder.path, 'test/a.test.ts');
  channel(TRAFFIC).publish(post(section('x'), actions(button())));
  channel(TRAFFIC).publish(ack('shortcut', {}));
  stop();
  channel(TRAFFIC).publish(post(section('unheard')));
  await writeFile(join(folder.path, 'test%2Fb.test.ts.7'), '{"kind":"call","na');
  expect(formatCounts(await judge(folder.path))).toBe(
    [
      'Sent to Slack in this run: 2',
      '  ack of shortcut 1 · chat.postMessage 1',
      '  blocks: actions 1 · section 1',
      '  elements: button 1',
    ].join('\n'),
  );
});
