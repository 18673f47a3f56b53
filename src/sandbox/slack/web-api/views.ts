import { findViewFault, MAX_VIEW_BYTES } from '../blocks/views.ts';
import { formatView, type StoredView } from '../interactivity/view-store.ts';
import { type Json, recordOf, recordsOf, textOf } from '../json.ts';
import { offersConversation } from '../workspace/conversation-filter.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { ApiError, type Arguments, missing, refuseArguments } from './api-call.ts';
import type { ApiContext, ApiMethod } from './method.ts';

/** views.*: https://docs.slack.dev/surfaces/modals */

/** The view where Slack takes it, else an ApiError; also for the views in the ack of a submission. */
export function checkView(view: Json, type: 'modal' | 'home', workspace: Workspace): Json {
  if (view.type !== type) throw new ApiError('invalid_arguments');
  if (Buffer.byteLength(JSON.stringify(view)) > MAX_VIEW_BYTES) throw new ApiError('view_too_large');
  const fault = findViewFault(view);
  if (fault !== null) throw refuseArguments(...fault.messages);
  recordsOf(view, 'blocks').forEach((block, index) => {
    const element = recordOf(block, 'element') ?? {};
    const initial = textOf(element, 'initial_conversation');
    if (initial === undefined) return;
    const channel = workspace.findChannel(initial);
    if (channel === undefined || !offersConversation(element, channel))
      throw refuseArguments(
        `[ERROR] initial_conversation is not let through by the filter [json-pointer:/view/blocks/${index}/element]`,
      );
  });
  return view;
}

function readView(call: Arguments, type: 'modal' | 'home', { workspace }: ApiContext): Json {
  const view = call.record('view', 'invalid_arguments');
  if (view === undefined) throw missing('view');
  return checkView(view, type, workspace);
}

function show({ workspace }: ApiContext, stored: StoredView): Json {
  return { view: formatView(stored, workspace.settings) };
}

const open: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  takes: ['trigger_id', 'view'],
  run(call, context) {
    const view = readView(call, 'modal', context);
    const used = context.triggers.use(call.required('trigger_id'));
    if ('error' in used) throw new ApiError(used.error);
    return show(context, context.views.open({ view, ...used }));
  },
};

const update: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  takes: ['view_id', 'hash', 'view'],
  run(call, context) {
    const view = readView(call, 'modal', context);
    const before = context.views.find(call.required('view_id'));
    // Whoever closed it has no window any more to be changed.
    if (before === undefined || before.view.type !== 'modal') throw new ApiError('not_found');
    const hash = call.text('hash');
    if (hash !== undefined && hash !== before.hash) throw new ApiError('hash_conflict');
    return show(context, context.views.update(before, view));
  },
};

const publish: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  takes: ['user_id', 'view'],
  run(call, context) {
    const user = call.required('user_id');
    const { users, settings } = context.workspace;
    if (!users.has(user)) throw new ApiError('user_not_found');
    if (!settings.app.hasHomeTab) throw new ApiError('not_enabled');
    return show(context, context.views.publish(user, readView(call, 'home', context)));
  },
};

export const viewMethods: Readonly<Record<string, ApiMethod>> = {
  'views.open': open,
  'views.update': update,
  'views.publish': publish,
};
