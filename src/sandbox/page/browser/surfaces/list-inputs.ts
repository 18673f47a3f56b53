import { type Json, recordOf, textOf } from '../../../slack/json.ts';
import { takesMany } from './form.ts';

/** The inputs of these blocks, by `block_id/action_id`: whether each takes several. */
export function listInputs(blocks: readonly Json[]): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  for (const block of blocks) {
    const element = recordOf(block, 'element');
    const actionId = element === undefined ? undefined : textOf(element, 'action_id');
    if (element === undefined || actionId === undefined) continue;
    found.set(`${textOf(block, 'block_id') ?? ''}/${actionId}`, takesMany(element));
  }
  return found;
}
