import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  completeBlocks,
  findBlockFault,
  listActions,
} from '../../../../src/sandbox/slack/blocks/message-blocks.ts';
import type { Surface } from '../../../../src/sandbox/slack/blocks/schema.ts';
import { findViewFault } from '../../../../src/sandbox/slack/blocks/views.ts';

const x = (length: number) => 'x'.repeat(length);
const plain = (text: string) => ({ type: 'plain_text', text });
const mrkdwn = (text: string) => ({ type: 'mrkdwn', text, verbatim: true });
const section = (length: number) => ({ type: 'section', text: mrkdwn(x(length)) });
const button = (more: object = {}) => ({ type: 'button', text: plain('Go'), ...more });
const actions = (...elements: object[]) => ({ type: 'actions', elements });
const option = (more: object = {}) => ({ text: plain('one'), value: '1', ...more });
const richText = (...elements: object[]) => ({ type: 'rich_text', elements });
const preformatted = (length: number) => ({
  type: 'rich_text_preformatted',
  elements: [{ type: 'text', text: x(length) }],
});
const cell = (length: number) => ({ type: 'raw_text', text: x(length) });
const rows = (count: number, columns: number, length = 1) =>
  Array.from({ length: count }, () => Array.from({ length: columns }, () => cell(length)));
const many = (count: number, block: object) => Array.from({ length: count }, () => block);
const confirm = { title: plain('Sure?'), text: plain('Really'), confirm: plain('Yes'), deny: plain('No') };
const container = (...child_blocks: object[]) => ({ type: 'container', title: plain('t'), child_blocks });
const task = { type: 'task_card', task_id: 't', title: 'web1', status: 'pending' };

function faultOf(blocks: unknown, surface: Surface = 'message'): string {
  const fault = findBlockFault(blocks, { surface });
  return fault === null ? 'fine' : `${fault.error}: ${fault.messages.join('; ')}`;
}

describe('what Slack takes', () => {
  const fine: Record<string, object[]> = {
    'fifty blocks': many(50, section(100)),
    'a section of 3,000 characters': [section(3_000)],
    'ten fields of 1,000 characters': [{ type: 'section', fields: many(10, mrkdwn(x(1_000))) }],
    'a header of 150 characters': [{ type: 'header', text: plain(x(150)) }],
    'ten context elements': [{ type: 'context', elements: many(10, mrkdwn('a')) }],
    'twenty-five buttons': [
      actions(...Array.from({ length: 25 }, (_none, index) => button({ action_id: `a${index}` }))),
    ],
    'a button at all its limits': [
      actions(
        button({
          text: plain(x(75)),
          value: x(2_000),
          style: 'danger',
          action_id: x(255),
          accessibility_label: x(75),
          confirm: { ...confirm, title: plain(x(100)), text: plain(x(300)), deny: plain(x(30)) },
        }),
      ),
    ],
    'the same action_id in two blocks': [
      actions(button({ action_id: 'a' })),
      actions(button({ action_id: 'a' })),
    ],
    'a section with a button beside it': [{ ...section(3), accessory: button(), expand: true }],
    'preformatted text up to the sum': [richText(preformatted(11_900))],
    'rich text of every kind': [
      richText(
        {
          type: 'rich_text_section',
          elements: [
            { type: 'text', text: 'a', style: { bold: true, code: true } },
            { type: 'emoji', name: 'wave' },
            { type: 'user', user_id: 'U1' },
            { type: 'link', url: 'https://example.org', text: 'x' },
            { type: 'broadcast', range: 'here' },
          ],
        },
        { type: 'rich_text_list', style: 'bullet', elements: [{ type: 'rich_text_section', elements: [] }] },
        { type: 'rich_text_quote', elements: [{ type: 'text', text: 'q' }] },
        { ...preformatted(3), border: 1 },
      ),
    ],
    'a table of a hundred rows': [
      { type: 'table', rows: rows(100, 20), column_settings: [{ align: 'right' }] },
    ],
    'a data table': [{ type: 'data_table', caption: 'hosts', rows: rows(101, 3), page_size: 100 }],
    'a container with sections': [
      { ...container(section(3)), is_collapsible: true, default_collapsed: true },
    ],
    'one markdown block of 12,000 characters': [{ type: 'markdown', text: x(12_000) }],
    'a card': [{ type: 'card', title: mrkdwn(x(150)), body: mrkdwn(x(200)), actions: [button()] }],
    'a plan': [{ type: 'plan', title: 'run', tasks: many(50, task) }],
    'the greatest message known to be taken (50 blocks, 9,597 characters)': [
      ...many(49, section(191)),
      section(9_597 - 49 * 191),
    ],
    nothing: [],
  };
  test.each(Object.entries(fine))('%s', (_what, blocks) => {
    expect(faultOf(blocks)).toBe('fine');
  });
});

describe('what Slack refuses', () => {
  const refused: readonly (readonly [string, unknown, string])[] = [
    [
      'no array',
      { type: 'divider' },
      'invalid_blocks_format: [ERROR] must be an array [json-pointer:/blocks]',
    ],
    [
      'fifty-one blocks',
      many(51, { type: 'divider' }),
      'no more than 50 items allowed [json-pointer:/blocks]',
    ],
    ['an unknown block', [{ type: 'sektion' }], 'unsupported type: sektion [json-pointer:/blocks/0/type]'],
    ['a block without type', [{ text: 'a' }], 'missing required field: type [json-pointer:/blocks/0]'],
    ['an inherited name as type', [{ type: 'toString' }], 'unsupported type: toString'],
    [
      'an inherited name as property',
      [{ type: 'divider', toString: 1 }],
      'invalid additional property: toString',
    ],
    ['a property it does not know', [{ type: 'divider', colour: 1 }], 'invalid additional property: colour'],
    [
      'a section of 3,001 characters',
      [section(3_001)],
      'must be less than 3001 characters [json-pointer:/blocks/0/text/text]',
    ],
    ['an empty text', [section(0)], 'must be more than 0 characters'],
    ['a section of nothing', [{ type: 'section' }], 'one of text, fields required'],
    ['eleven fields', [{ type: 'section', fields: many(11, mrkdwn('a')) }], 'no more than 10 items'],
    [
      'a field of 2,001 characters',
      [{ type: 'section', fields: [mrkdwn(x(2_001))] }],
      '/blocks/0/fields/0/text',
    ],
    [
      'a header of 151 characters',
      [{ type: 'header', text: plain(x(151)) }],
      'must be less than 151 characters',
    ],
    ['mrkdwn in a header', [{ type: 'header', text: mrkdwn('a') }], 'unsupported type: mrkdwn'],
    [
      'verbatim in plain text',
      [{ type: 'header', text: { ...plain('a'), verbatim: true } }],
      'invalid additional property: verbatim',
    ],
    [
      'eleven context elements',
      [{ type: 'context', elements: many(11, mrkdwn('a')) }],
      'no more than 10 items',
    ],
    ['an empty context', [{ type: 'context', elements: [] }], 'no less than 1 items'],
    ['a button in a context', [{ type: 'context', elements: [button()] }], 'unsupported type: button'],
    ['twenty-six buttons', [actions(...many(26, button()))], 'no more than 25 items'],
    [
      'a button label of 76 characters',
      [actions(button({ text: plain(x(76)) }))],
      'must be less than 76 characters',
    ],
    ['mrkdwn on a button', [actions(button({ text: mrkdwn('a') }))], 'unsupported type: mrkdwn'],
    ['a button value of 2,001 characters', [actions(button({ value: x(2_001) }))], '/elements/0/value'],
    ['a button of unknown style', [actions(button({ style: 'green' }))], 'must be one of primary, danger'],
    [
      'a button to a javascript: address',
      [actions(button({ url: 'javascript:alert(1)' }))],
      'must be a valid URL',
    ],
    [
      'an action_id of 256 characters',
      [actions(button({ action_id: x(256) }))],
      'must be less than 256 characters',
    ],
    [
      'a block_id of 256 characters',
      [{ type: 'divider', block_id: x(256) }],
      'must be less than 256 characters',
    ],
    [
      'a confirm title of 101 characters',
      [actions(button({ confirm: { ...confirm, title: plain(x(101)) } }))],
      '/confirm/title/text',
    ],
    [
      'a confirm text of 301 characters',
      [actions(button({ confirm: { ...confirm, text: plain(x(301)) } }))],
      '/confirm/text/text',
    ],
    [
      'a confirm button of 31 characters',
      [actions(button({ confirm: { ...confirm, confirm: plain(x(31)) } }))],
      '/confirm/confirm/text',
    ],
    [
      'a confirm without deny',
      [actions(button({ confirm: { ...confirm, deny: undefined } }))],
      'missing required field: deny',
    ],
    [
      'the same action_id twice in a block',
      [actions(button({ action_id: 'a' }), button({ action_id: 'a' }))],
      'action_id already exists: a',
    ],
    [
      'the same block_id twice',
      [
        { type: 'divider', block_id: 'b' },
        { type: 'divider', block_id: 'b' },
      ],
      'block_id already exists: b',
    ],
    [
      'an option label of 76 characters',
      [actions({ type: 'static_select', options: [option({ text: plain(x(76)) })] })],
      'must be less than 76 characters',
    ],
    [
      'an option value of 76 characters',
      [actions({ type: 'overflow', options: [option({ value: x(76) })] })],
      '/options/0/value',
    ],
    [
      'six overflow options',
      [actions({ type: 'overflow', options: many(6, option()) })],
      'no more than 5 items',
    ],
    [
      '101 options',
      [actions({ type: 'static_select', options: many(101, option()) })],
      'no more than 100 items',
    ],
    [
      'options and groups',
      [
        actions({
          type: 'static_select',
          options: [option()],
          option_groups: [{ label: plain('g'), options: [option()] }],
        }),
      ],
      'exactly one of options, option_groups',
    ],
    [
      'eleven checkboxes',
      [actions({ type: 'checkboxes', options: many(11, option()) })],
      'no more than 10 items',
    ],
    [
      'a placeholder of 151 characters',
      [actions({ type: 'users_select', placeholder: plain(x(151)) })],
      '/placeholder/text',
    ],
    [
      'a text input outside of an input block',
      [actions({ type: 'plain_text_input' })],
      'unsupported type: plain_text_input',
    ],
    [
      'a file input in a message',
      [{ type: 'input', label: plain('f'), element: { type: 'file_input' } }],
      'unsupported element: file_input',
    ],
    [
      'an image without alt text',
      [{ type: 'image', image_url: 'https://e.org/a.png' }],
      'missing required field: alt_text',
    ],
    ['an image from nowhere', [{ type: 'image', alt_text: 'a' }], 'exactly one of image_url, slack_file'],
    ['bare text in rich text', [richText({ type: 'text', text: 'a' })], 'unsupported type: text'],
    ['an empty text in rich text', [richText(preformatted(0))], 'must be more than 0 characters'],
    [
      'a mention in preformatted text',
      [richText({ type: 'rich_text_preformatted', elements: [{ type: 'user', user_id: 'U1' }] })],
      'unsupported type: user',
    ],
    [
      'an unknown style in rich text',
      [
        richText({
          type: 'rich_text_section',
          elements: [{ type: 'text', text: 'a', style: { blink: true } }],
        }),
      ],
      'invalid additional property: blink',
    ],
    ['a border of 2', [richText({ ...preformatted(1), border: 2 })], 'must be one of 0, 1'],
    ['101 table rows', [{ type: 'table', rows: rows(101, 1) }], 'no more than 100 items'],
    ['21 table columns', [{ type: 'table', rows: rows(1, 21) }], 'no more than 20 items'],
    [
      '10,001 characters in a table',
      [{ type: 'table', rows: [[cell(5_000), cell(5_001)]] }],
      'over all cells',
    ],
    ['two tables', many(2, { type: 'table', rows: rows(1, 1) }), 'only_one_table_allowed'],
    [
      'a table and one in a container',
      [{ type: 'table', rows: rows(1, 1) }, container({ type: 'table', rows: rows(1, 1) })],
      'only_one_table_allowed',
    ],
    [
      'a data table without caption',
      [{ type: 'data_table', rows: rows(2, 1) }],
      'missing required field: caption',
    ],
    [
      '102 data table rows',
      [{ type: 'data_table', caption: 'c', rows: rows(102, 1) }],
      'no more than 101 items',
    ],
    [
      'rich text in a data table header',
      [{ type: 'data_table', caption: 'c', rows: [[richText(preformatted(1))], [cell(1)]] }],
      'unsupported type: rich_text',
    ],
    [
      'a ragged data table',
      [{ type: 'data_table', caption: 'c', rows: [[cell(1)], [cell(1), cell(1)]] }],
      'must have 1 cells',
    ],
    ['eleven children', [container(...many(11, { type: 'divider' }))], 'no more than 10 items'],
    ['rich text in a container', [container(richText(preformatted(1)))], 'unsupported type: rich_text'],
    [
      'a container in a container',
      [container(container({ type: 'divider' }))],
      'unsupported type: container',
    ],
    [
      'a container without title',
      [{ type: 'container', child_blocks: [{ type: 'divider' }] }],
      'one of title, rich_text_title',
    ],
    [
      'collapsed but not collapsible',
      [{ ...container({ type: 'divider' }), default_collapsed: true }],
      'default_collapsed requires is_collapsible',
    ],
    ['a card of nothing', [{ type: 'card', subtitle: mrkdwn('a') }], 'one of hero_image'],
    [
      'a card body of 201 characters',
      [{ type: 'card', body: mrkdwn(x(201)) }],
      'must be less than 201 characters',
    ],
    [
      'eleven cards',
      [{ type: 'carousel', elements: many(11, { type: 'card', title: mrkdwn('a') }) }],
      'no more than 10 items',
    ],
    ['51 tasks', [{ type: 'plan', title: 'p', tasks: many(51, task) }], 'no more than 50 items'],
    ['a plan beside a task card', [{ type: 'plan', title: 'p' }, task], 'plan and task_card'],
    ['an alert in a message', [{ type: 'alert', text: plain('a') }], 'unsupported block: alert'],
    ['a remote file', [{ type: 'file', source: 'remote', external_id: 'a' }], 'unsupported type: file'],
    [
      'a markdown block of 12,001 characters',
      [{ type: 'markdown', text: x(12_001) }],
      'must be less than 12001',
    ],
    [
      '12,001 characters in two markdown blocks',
      [
        { type: 'markdown', text: x(6_000) },
        { type: 'markdown', text: x(6_001) },
      ],
      'msg_blocks_too_long',
    ],
    ['12,000 characters in sections', many(4, section(3_000)), 'msg_blocks_too_long'],
    [
      'the message known to be refused (45 blocks, 11,341 characters)',
      [...many(44, section(252)), section(11_341 - 44 * 252)],
      'msg_blocks_too_long',
    ],
  ];
  test.each(refused)('%s', (_what, blocks, fault) => {
    expect(faultOf(blocks)).toContain(fault);
  });

  test('what only a modal has, and what a modal has not', () => {
    expect(faultOf([{ type: 'alert', text: plain('a') }], 'modal')).toBe('fine');
    expect(faultOf(many(100, { type: 'divider' }), 'modal')).toBe('fine');
    for (const type of ['container', 'markdown', 'table', 'plan'])
      expect(faultOf([{ type }], 'modal')).toContain(`unsupported block: ${type}`);
  });
});

describe('views', () => {
  const modal = { type: 'modal', title: plain('Run'), submit: plain('Go'), blocks: [section(3)] };

  test('a modal at its limits is fine', () => {
    expect(findViewFault({ ...modal, title: plain(x(24)), private_metadata: x(3_000) })).toBeNull();
  });

  test.each([
    ['a title of 25 characters', { ...modal, title: plain(x(25)) }, '/view/title/text'],
    [
      'private_metadata of 3,001 characters',
      { ...modal, private_metadata: x(3_001) },
      '/view/private_metadata',
    ],
    ['no blocks', { ...modal, blocks: undefined }, 'missing required field: blocks'],
    ['a table', { ...modal, blocks: [{ type: 'table', rows: rows(1, 1) }] }, 'unsupported block: table'],
    [
      'an input without submit',
      {
        type: 'modal',
        title: plain('t'),
        blocks: [{ type: 'input', label: plain('l'), element: { type: 'plain_text_input' } }],
      },
      'missing required field: submit',
    ],
  ])('%s is refused', (_what, view, fault) => {
    expect(findViewFault(view)?.messages.join()).toContain(fault);
  });
});

test('blocks get the ids they lack and keep those they have', () => {
  const [block] = completeBlocks([actions(button(), button({ action_id: 'mine' }))]);
  expect(block?.block_id).toMatch(/.+/);
  expect(listActions(block ?? {}, '').map(({ action }) => action.action_id)).toEqual([
    expect.stringMatching(/.+/),
    'mine',
  ]);
});

test('no JSON makes the check fail', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      findBlockFault(value, { surface: 'message' });
      findBlockFault([value], { surface: 'modal' });
    }),
  );
});
