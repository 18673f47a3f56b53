import { randomBytes } from 'node:crypto';
import { isRecord, type Json, recordOf, recordsOf, textOf } from '../json.ts';
import { checkBlock } from './blocks.ts';
import { type Faults, list, type Surface } from './schema.ts';
import { countText, isTable } from './tables.ts';

/** What Slack refuses about all blocks together, and what it adds to those it takes. */

export interface BlockFault {
  readonly error: 'invalid_blocks' | 'invalid_blocks_format' | 'msg_blocks_too_long';
  /** For `response_metadata.messages`. */
  readonly messages: readonly string[];
}

/** Blocks in a message; in a modal or on the Home tab twice as many. */
const MAX_BLOCKS: Readonly<Record<Surface, number>> = { message: 50, modal: 100, home: 100 };
const MAX_MESSAGE_TEXT = 12_000;
/**
 * Undocumented. Known to be taken: 50 blocks with 9,597 characters; refused: 45 blocks with 11,341
 * (bolt-js#2509, #2867). 48 a block is the strictest figure that takes what is known to be taken.
 */
const BLOCK_OVERHEAD = 48;

export interface BlockCheck {
  readonly surface: Surface;
  /** False for a response_url, where Slack was seen to take what chat.postMessage refuses. */
  readonly isSumLimited?: boolean;
}

export function findBlockFault(value: unknown, check: BlockCheck): BlockFault | null {
  if (!Array.isArray(value))
    return { error: 'invalid_blocks_format', messages: ['[ERROR] must be an array [json-pointer:/blocks]'] };
  const messages = new Set<string>();
  const faults: Faults = {
    surface: check.surface,
    add: (fault, at) => messages.add(`[ERROR] ${fault} [json-pointer:${at}]`),
  };
  list(checkBlock, { min: 0, max: MAX_BLOCKS[check.surface] })(value, '/blocks', faults);
  const blocks = value.filter(isRecord);
  findRepeatedIds(blocks, faults);
  findQuarrels(blocks, faults);
  if (messages.size > 0) return { error: 'invalid_blocks', messages: Array.from(messages) };
  if (check.surface === 'message' && check.isSumLimited !== false && isTooLong(blocks)) {
    return {
      error: 'msg_blocks_too_long',
      messages: [`[ERROR] ${countText(blocks)} characters in all blocks`],
    };
  }
  return null;
}

function findRepeatedIds(blocks: readonly Json[], faults: Faults): void {
  const blockIds = new Set<string>();
  blocks.forEach((block, index) => {
    const blockId = textOf(block, 'block_id');
    if (blockId !== undefined) {
      if (blockIds.has(blockId))
        faults.add(`block_id already exists: ${blockId}`, `/blocks/${index}/block_id`);
      blockIds.add(blockId);
    }
    const actionIds = new Set<string>();
    for (const { action, at } of listActions(block, `/blocks/${index}`)) {
      const actionId = textOf(action, 'action_id');
      if (actionId === undefined) continue;
      if (actionIds.has(actionId)) faults.add(`action_id already exists: ${actionId}`, `${at}/action_id`);
      actionIds.add(actionId);
    }
  });
}

/** Rules about blocks that do not go together. */
function findQuarrels(blocks: readonly Json[], faults: Faults): void {
  const all = blocks.flatMap((block) => [block, ...recordsOf(block, 'child_blocks')]);
  if (all.filter(isTable).length > 1) faults.add('only_one_table_allowed', '/blocks');
  const has = (type: string) => all.some((block) => block.type === type);
  if (has('plan') && has('task_card')) faults.add('plan and task_card do not go together', '/blocks');
}

function isTooLong(blocks: readonly Json[]): boolean {
  const markdown = blocks.filter((block) => block.type === 'markdown');
  if (countText(markdown) > MAX_MESSAGE_TEXT) return true;
  const others = blocks
    .flatMap((block) => [block, ...recordsOf(block, 'child_blocks')])
    .filter((block) => block.type !== 'markdown');
  return countText(blocks) + others.length * BLOCK_OVERHEAD > MAX_MESSAGE_TEXT;
}

/** Every interactive element of a block, wherever it stands in it. */
export function listActions(
  block: Json,
  at: string,
): readonly { readonly action: Json; readonly at: string }[] {
  const single = ['accessory', 'element'].flatMap((name) => {
    const action = recordOf(block, name);
    return action === undefined ? [] : [{ action, at: `${at}/${name}` }];
  });
  const many = ['elements', 'actions'].flatMap((name) =>
    recordsOf(block, name).flatMap((action, index) =>
      action.type === 'card'
        ? listActions(action, `${at}/${name}/${index}`)
        : [{ action, at: `${at}/${name}/${index}` }],
    ),
  );
  const children = recordsOf(block, 'child_blocks').flatMap((child, index) =>
    listActions(child, `${at}/child_blocks/${index}`),
  );
  return [...single, ...many, ...children];
}

/** The blocks as Slack keeps them: each with a `block_id`, each button with an `action_id`. */
export function completeBlocks(blocks: readonly Json[]): readonly Json[] {
  return blocks.map((block) => ({
    ...completeActions(block),
    block_id: textOf(block, 'block_id') ?? randomBytes(3).toString('base64url'),
  }));
}

function completeActions(block: Json): Json {
  if (block.type === 'container')
    return { ...block, child_blocks: completeBlocks(recordsOf(block, 'child_blocks')) };
  if (block.type === 'actions')
    return { ...block, elements: recordsOf(block, 'elements').map(completeAction) };
  const element = recordOf(block, 'element');
  if (block.type === 'input' && element !== undefined) return { ...block, element: completeAction(element) };
  const accessory = recordOf(block, 'accessory');
  return accessory === undefined || accessory.type === 'image'
    ? block
    : { ...block, accessory: completeAction(accessory) };
}

function completeAction(action: Json): Json {
  return { ...action, action_id: textOf(action, 'action_id') ?? randomBytes(3).toString('base64url') };
}

export function hasRichText(blocks: readonly Json[]): boolean {
  return blocks.some((block) => block.type === 'rich_text');
}
