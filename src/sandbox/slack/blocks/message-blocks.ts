import { randomBytes } from 'node:crypto';
import { isRecord, type Json, recordOf, recordsOf, textOf } from '../json.ts';
import { checkBlock } from './blocks.ts';
import { type Faults, list, type Surface } from './schema.ts';

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
  const faults: Faults = { add: (fault, at) => messages.add(`[ERROR] ${fault} [json-pointer:${at}]`) };
  list(checkBlock, { min: 0, max: MAX_BLOCKS[check.surface] })(value, '/blocks', faults);
  const blocks = value.filter(isRecord);
  findRepeatedIds(blocks, faults);
  if (messages.size > 0) return { error: 'invalid_blocks', messages: Array.from(messages) };
  const size = countText(blocks) + blocks.length * BLOCK_OVERHEAD;
  if (check.surface === 'message' && check.isSumLimited !== false && size > MAX_MESSAGE_TEXT) {
    return {
      error: 'msg_blocks_too_long',
      messages: [`[ERROR] ${countText(blocks)} characters in all blocks`],
    };
  }
  return null;
}

/** The characters of every `text` below this value. */
function countText(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countText(item), 0);
  if (!isRecord(value)) return 0;
  const own = textOf(value, 'text')?.length ?? 0;
  return Object.values(value).reduce<number>((sum, child) => sum + countText(child), own);
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
    for (const { action_id: actionId } of listActions(block)) {
      if (typeof actionId !== 'string') continue;
      if (actionIds.has(actionId)) faults.add(`action_id already exists: ${actionId}`, `/blocks/${index}`);
      actionIds.add(actionId);
    }
  });
}

/** Every interactive element of a block. */
export function listActions(block: Json): readonly Json[] {
  const element = recordOf(block, 'element');
  if (element !== undefined) return [element];
  return block.type === 'actions' ? recordsOf(block, 'elements') : [];
}

/** The blocks as Slack keeps them: each with a `block_id`, each element with an `action_id`. */
export function completeBlocks(blocks: readonly Json[]): readonly Json[] {
  return blocks.map((block) => {
    const element = recordOf(block, 'element');
    return {
      ...block,
      ...(element === undefined ? {} : { element: withId(element, 'action_id') }),
      ...(block.type === 'actions'
        ? { elements: recordsOf(block, 'elements').map((each) => withId(each, 'action_id')) }
        : {}),
      ...withId({ block_id: block.block_id }, 'block_id'),
    };
  });
}

function withId(record: Json, name: string): Json {
  return { ...record, [name]: textOf(record, name) ?? randomBytes(3).toString('base64url') };
}

export function hasRichText(blocks: readonly Json[]): boolean {
  return blocks.some((block) => block.type === 'rich_text');
}
