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
const input = (element: object) => ({ type: 'input', label: plain('l'), element });
const option = (more: object = {}) => ({ text: plain('one'), value: '1', ...more });
const richText = (...elements: object[]) => ({ type: 'rich_text', elements });
const preformatted = (length: number) => ({
  type: 'rich_text_preformatted',
  elements: [{ type: 'text', text: x(length) }],
});
const many = (count: number, block: object) => Array.from({ length: count }, () => block);
const confirm = { title: plain('Sure?'), text: plain('Really'), confirm: plain('Yes'), deny: plain('No') };

function faultOf(blocks: unknown, surface: Surface = 'message'): string {
  const fault = findBlockFault(blocks, { surface });
  return fault === null ? 'fine' : `${fault.error}: ${fault.messages.join('; ')}`;
}

describe('what Slack takes', () => {
  const fine: Record<string, object[]> = {
    'fifty blocks': many(50, section(100)),
    'a section of 3,000 characters': [section(3_000)],
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
          confirm: { ...confirm, title: plain(x(100)), text: plain(x(300)), deny: plain(x(30)) },
        }),
      ),
    ],
    'the same action_id in two blocks': [
      actions(button({ action_id: 'a' })),
      actions(button({ action_id: 'a' })),
    ],
    'preformatted text up to the sum': [richText(preformatted(11_900))],
    'rich text of every kind': [
      richText(
        {
          type: 'rich_text_section',
          elements: [{ type: 'text', text: 'a', style: { bold: true, code: true, italic: true } }],
        },
        { type: 'rich_text_section', elements: [] },
        preformatted(3),
      ),
    ],
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
    [
      'an unknown block',
      [{ type: 'sektion' }],
      'the sandbox does not have block type sektion [json-pointer:/blocks/0/type]',
    ],
    ['a block without type', [{ text: 'a' }], 'missing required field: type [json-pointer:/blocks/0]'],
    ['an inherited name as type', [{ type: 'toString' }], 'the sandbox does not have block type toString'],
    [
      'an inherited name as property',
      [{ type: 'divider', toString: 1 }],
      'the sandbox does not have property toString',
    ],
    [
      'a property it does not know',
      [{ type: 'divider', colour: 1 }],
      'the sandbox does not have property colour',
    ],
    [
      'a section of 3,001 characters',
      [section(3_001)],
      'must be less than 3001 characters [json-pointer:/blocks/0/text/text]',
    ],
    ['an empty text', [section(0)], 'must be more than 0 characters'],
    [
      'a header of 151 characters',
      [{ type: 'header', text: plain(x(151)) }],
      'must be less than 151 characters',
    ],
    [
      'mrkdwn in a header',
      [{ type: 'header', text: mrkdwn('a') }],
      'the sandbox does not have text type mrkdwn',
    ],
    [
      'verbatim in plain text',
      [{ type: 'header', text: { ...plain('a'), verbatim: true } }],
      'the sandbox does not have property verbatim',
    ],
    [
      'eleven context elements',
      [{ type: 'context', elements: many(11, mrkdwn('a')) }],
      'no more than 10 items',
    ],
    ['an empty context', [{ type: 'context', elements: [] }], 'no less than 1 items'],
    [
      'a button in a context',
      [{ type: 'context', elements: [button()] }],
      'the sandbox does not have text type button',
    ],
    ['twenty-six buttons', [actions(...many(26, button()))], 'no more than 25 items'],
    [
      'a button label of 76 characters',
      [actions(button({ text: plain(x(76)) }))],
      'must be less than 76 characters',
    ],
    [
      'mrkdwn on a button',
      [actions(button({ text: mrkdwn('a') }))],
      'the sandbox does not have text type mrkdwn',
    ],
    ['a button value of 2,001 characters', [actions(button({ value: x(2_001) }))], '/elements/0/value'],
    ['a button of unknown style', [actions(button({ style: 'green' }))], 'must be one of primary, danger'],
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
      [input({ type: 'static_select', options: [option({ text: plain(x(76)) })] })],
      'must be less than 76 characters',
    ],
    [
      '101 options',
      [input({ type: 'static_select', options: many(101, option()) })],
      'no more than 100 items',
    ],
    [
      'a placeholder of 151 characters',
      [actions({ type: 'external_select', placeholder: plain(x(151)) })],
      '/placeholder/text',
    ],
    [
      'a text input outside of an input block',
      [actions({ type: 'plain_text_input' })],
      'the sandbox does not have element type plain_text_input',
    ],
    [
      'bare text in rich text',
      [richText({ type: 'text', text: 'a' })],
      'the sandbox does not have rich text type text',
    ],
    ['an empty text in rich text', [richText(preformatted(0))], 'must be more than 0 characters'],
    [
      'a mention in preformatted text',
      [richText({ type: 'rich_text_preformatted', elements: [{ type: 'user', user_id: 'U1' }] })],
      'the sandbox does not have rich text type user',
    ],
    [
      'an unknown style in rich text',
      [
        richText({
          type: 'rich_text_section',
          elements: [{ type: 'text', text: 'a', style: { blink: true } }],
        }),
      ],
      'the sandbox does not have property blink',
    ],
    ...['rich_text_list', 'rich_text_quote'].map(
      (type) =>
        [
          `what the bot writes nowhere: ${type}`,
          [richText({ type, elements: [] })],
          `the sandbox does not have rich text type ${type}`,
        ] as const,
    ),
    ...['checkboxes', 'radio_buttons', 'external_select', 'users_select'].map(
      (type) =>
        [
          `an input that is in no form of the bot: ${type}`,
          [input({ type })],
          `the sandbox does not have element type ${type}`,
        ] as const,
    ),
    [
      'an option with a description',
      [input({ type: 'static_select', options: [option({ description: plain('a') })] })],
      'the sandbox does not have property description',
    ],
    ['a border', [richText({ ...preformatted(1), border: 1 })], 'the sandbox does not have property border'],
    [
      'a select of its own options outside of a form',
      [actions({ type: 'static_select', options: [option()] })],
      'the sandbox does not have element type static_select',
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

  test.each([
    'table',
    'data_table',
    'container',
    'card',
    'carousel',
    'plan',
    'markdown',
    'image',
    'video',
    'alert',
  ])('what Slack has and the bot does not send is refused by its name: %s', (type) => {
    for (const surface of ['message', 'modal', 'home'] as const)
      expect(faultOf([{ type }], surface)).toBe(
        `invalid_blocks: [ERROR] the sandbox does not have block type ${type} [json-pointer:/blocks/0/type]`,
      );
  });

  test.each(['overflow', 'users_select', 'datepicker', 'workflow_button', 'checkboxes'])(
    'so is an element that the bot puts into no message: %s',
    (type) => {
      expect(faultOf([actions({ type })])).toContain(`the sandbox does not have element type ${type}`);
    },
  );

  test('a modal takes a hundred blocks', () => {
    expect(faultOf(many(100, { type: 'divider' }), 'modal')).toBe('fine');
    expect(faultOf(many(101, { type: 'divider' }), 'modal')).toContain('no more than 100 items');
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
    ['what the bot never asks for', { ...modal, clear_on_close: true }, 'not have property clear_on_close'],
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
  expect(listActions(block ?? {}).map((action) => action.action_id)).toEqual([
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
