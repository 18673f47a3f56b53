import { type Json, recordOf } from '../json.ts';
import type { Channel } from './workspace.ts';

/**
 * Whether the filter of a `conversations_select` lets this conversation through; that bots are left out says
 * nothing of channels: https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object
 */
export function offersConversation(element: Json, { kind }: Channel): boolean {
  const include = recordOf(element, 'filter')?.include;
  return Array.isArray(include) && include.includes(kind);
}
