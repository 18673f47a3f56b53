import { escapeMrkdwn, unescapeMrkdwn } from './text/escape.ts';
import { takeStart } from './text/plain.ts';

/** A message for Slack: the text for notifications and screen readers, and the blocks that people see. */
export interface Message {
  /** Already escaped; at most 4,000 characters so that it can be edited later. */
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Will be edited again: its edits may be thinned out. A message without it is the last word. */
  readonly live?: { readonly everyMs: number };
}

/**
 * All text in a message's blocks: 9,597 characters were accepted, 11,341 not (bolt-js#2509, #2867). What is put
 * together stays below.
 */
export const MAX_MESSAGE_CHARS = 8_600;
/** Nor is it known whether Slack counts the JSON: 15,561 characters of it were accepted, 17,694 not. */
export const MAX_MESSAGE_JSON = 15_000;

/** A file for a run's thread. */
export interface FileUpload {
  readonly filename: string;
  /** A large file is made as it is sent: each call begins anew, and a chunk holds until the next is asked for. */
  readonly content: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Stands above the file; already escaped. */
  readonly comment: string;
}

/** The few kinds of Block Kit blocks that we use, in Slack's own shape. */
export type Block =
  | { readonly type: 'section'; readonly text: Mrkdwn; readonly block_id?: string; readonly expand?: true }
  | { readonly type: 'header'; readonly text: PlainText }
  | { readonly type: 'context'; readonly elements: readonly (Mrkdwn | PlainText)[] }
  | { readonly type: 'divider' }
  | {
      readonly type: 'actions';
      readonly block_id?: string;
      readonly elements: readonly (Button | SearchSelect)[];
    }
  | { readonly type: 'rich_text'; readonly block_id?: string; readonly elements: readonly RichTextElement[] };

export interface PlainText {
  readonly type: 'plain_text';
  readonly text: string;
  readonly emoji?: boolean;
}

export interface Mrkdwn {
  readonly type: 'mrkdwn';
  readonly text: string;
  /** Always true here: no `@here`, `#channel` or address comes to life by itself. */
  readonly verbatim: true;
}

export interface Button {
  readonly type: 'button';
  readonly action_id: string;
  readonly text: PlainText;
  readonly value?: string;
  readonly style?: 'primary' | 'danger';
  readonly confirm?: Confirm;
}

/** A select whose options we are asked for at each letter typed (`block_suggestion`). */
export interface SearchSelect {
  readonly type: 'external_select';
  readonly action_id: string;
  readonly placeholder: PlainText;
  readonly min_query_length: number;
  readonly confirm?: Confirm;
}

/** Slack asks this before it sends the click. Title 100, text 300, each word 30 characters at most. */
export interface Confirm {
  readonly title: PlainText;
  readonly text: PlainText;
  readonly confirm: PlainText;
  readonly deny: PlainText;
  readonly style?: 'primary' | 'danger';
}

export type RichTextElement =
  | { readonly type: 'rich_text_section'; readonly elements: readonly RichText[] }
  | { readonly type: 'rich_text_preformatted'; readonly elements: readonly RichText[] };

export interface RichText {
  readonly type: 'text';
  readonly text: string;
  readonly style?: { readonly bold?: boolean; readonly italic?: boolean; readonly code?: boolean };
}

export function section(mrkdwn: string): Block {
  // Without `expand` Slack folds a longer section behind "see more".
  return { type: 'section', text: { type: 'mrkdwn', text: mrkdwn, verbatim: true }, expand: true };
}

export function context(...mrkdwn: readonly string[]): Block {
  return {
    type: 'context',
    elements: mrkdwn.map((text) => ({ type: 'mrkdwn', text, verbatim: true })),
  };
}

export function richText(...elements: readonly RichTextElement[]): Block {
  return { type: 'rich_text', elements };
}

/** A line of plain words: nothing in it is parsed by Slack. */
export function line(...parts: readonly (string | RichText)[]): RichTextElement {
  return {
    type: 'rich_text_section',
    elements: parts
      .map((part): RichText => (typeof part === 'string' ? { type: 'text', text: part } : part))
      // Slack refuses a text element without text.
      .filter((part) => part.text !== ''),
  };
}

export function bold(text: string): RichText {
  return { type: 'text', text, style: { bold: true } };
}

export function italic(text: string): RichText {
  return { type: 'text', text, style: { italic: true } };
}

export function code(text: string): RichText {
  return { type: 'text', text, style: { code: true } };
}

/**
 * The one place for what a host or a person wrote. In a plain text element of rich_text_preformatted Slack
 * parses nothing: no mention, no link, no fence to break out of (docs.slack.dev, rich_text block).
 */
export function preformatted(text: string): RichTextElement {
  return { type: 'rich_text_preformatted', elements: [{ type: 'text', text }] };
}

/** Words of ours in which `backticks` mark what was typed or is to be typed. */
export function words(text: string): RichTextElement {
  const parts = text.split(/`([^`\n]+)`/);
  return line(...parts.map((part, index) => (index % 2 === 1 ? code(part) : part)));
}

export function plain(text: string): PlainText {
  return { type: 'plain_text', text, emoji: false };
}

/**
 * The same message as bare text: what is sent where Slack refuses the blocks, so that a limit of Slack's we do
 * not know never swallows a result. Already escaped, and short enough to be edited.
 */
export function plainVariant(message: Message, maxChars = 3_500): Message {
  const lines = [message.text];
  let room = maxChars - message.text.length;
  for (const [block, texts] of message.blocks.map((one) => [one, writtenIn(one)] as const)) {
    // Words in mrkdwn are escaped as they stand, and their marks say the same to the eye.
    const written = block.type === 'rich_text' ? escapeMrkdwn : (text: string) => text;
    for (const text of texts) {
      let shown = takeStart(text, room);
      while (written(shown).length + 3 > room && shown !== '') shown = takeStart(shown, shown.length / 2);
      if (shown === '') return { ...message, text: lines.join('\n'), blocks: [] };
      lines.push(shown.length < text.length ? `${written(shown)} …` : written(shown));
      room -= written(shown).length + 3;
    }
  }
  return { ...message, text: lines.join('\n'), blocks: [] };
}

/**
 * A text as the blocks of a message that stands: what Slack does there with `text` alone is told in three ways (the
 * blocks go, they stay, nothing changes: slack-go#1214), and rich text can become nothing but rich text
 * (`block_mismatch`). All that we edit has some.
 */
export function blocksOfText(text: string): readonly Block[] {
  return [richText(line(unescapeMrkdwn(text) || ' '))];
}

/** Characters that people see in blocks of rich text, and of the JSON that says them. */
export function measureBlocks(blocks: readonly Block[]): { readonly chars: number; readonly json: number } {
  const chars = blocks.flatMap(textsOf).reduce((sum, text) => sum + text.length, 0);
  return { chars, json: JSON.stringify(blocks).length };
}

/** What is to be read in it, once: the text of a message says the beginning of some of it already. */
function writtenIn(block: Block): readonly string[] {
  switch (block.type) {
    case 'section':
      return [block.text.text];
    case 'context':
      return block.elements.map(({ text }) => text);
    default:
      return textsOf(block);
  }
}

function textsOf(block: Block): readonly string[] {
  if (block.type !== 'rich_text') return [];
  return block.elements.map((element) => element.elements.map((part) => part.text).join(''));
}
