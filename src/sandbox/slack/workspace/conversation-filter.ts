import { type Json, recordOf } from '../json.ts';
import type { Channel, Workspace } from './workspace.ts';

/**
 * Whether the filter of a `conversations_select` lets this conversation through:
 * https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object
 */
export function offersConversation(element: Json, channel: Channel, workspace: Workspace): boolean {
  const filter = recordOf(element, 'filter') ?? {};
  if (Array.isArray(filter.include) && !filter.include.includes(channel.kind)) return false;
  if (filter.exclude_external_shared_channels === true && channel.isExternallyShared) return false;
  const isWithBot =
    channel.kind === 'im' &&
    Array.from(channel.members).some((member) => workspace.users.get(member)?.isBot === true);
  return !(filter.exclude_bot_users === true && isWithBot);
}
