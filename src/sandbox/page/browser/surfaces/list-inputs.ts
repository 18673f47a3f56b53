import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import { takesMany } from './form.ts';

/** Everything in these blocks that has an `action_id`, by `block_id/action_id`. */
export function listInputs(
  blocks: readonly Json[],
): ReadonlyMap<string, { readonly element: Json; readonly isMany: boolean }> {
  const found = new Map<string, { readonly element: Json; readonly isMany: boolean }>();
  for (const block of blocks) {
    const elements = [recordOf(block, 'element'), ...recordsOf(block, 'elements')];
    for (const element of elements) {
      const actionId = element === undefined ? undefined : textOf(element, 'action_id');
      if (element === undefined || actionId === undefined) continue;
      found.set(`${textOf(block, 'block_id') ?? ''}/${actionId}`, { element, isMany: takesMany(element) });
    }
  }
  return found;
}
