import { findViewFault, MAX_VIEW_BYTES } from '../blocks/views.ts';
import { formatView, type StoredView } from '../interactivity/view-store.ts';
import type { Json } from '../json.ts';
import { ApiError, type Arguments, missing } from './api-call.ts';
import type { ApiContext, ApiMethod } from './room.ts';

/** views.*: https://docs.slack.dev/surfaces/modals */

export const MAX_STACK = 3;

/** The view where Slack takes it, else an ApiError; also for the views in the ack of a submission. */
export function checkView(view: Json, type: 'modal' | 'home'): Json {
  if (view.type !== type) throw new ApiError('invalid_arguments');
  if (Buffer.byteLength(JSON.stringify(view)) > MAX_VIEW_BYTES) throw new ApiError('view_too_large');
  const fault = findViewFault(view);
  if (fault !== null)
    throw new ApiError('invalid_arguments', { response_metadata: { messages: fault.messages } });
  return view;
}

function readView(call: Arguments, type: 'modal' | 'home', context: ApiContext, own?: string): Json {
  const view = call.record('view', 'invalid_arguments');
  if (view === undefined) throw missing('view');
  const checked = checkView(view, type);
  const { external_id: externalId } = checked;
  if (typeof externalId === 'string' && externalId !== '') {
    const other = context.views.find(undefined, externalId);
    if (other !== undefined && other.id !== own) throw new ApiError('duplicate_external_id');
  }
  return checked;
}

function show({ workspace }: ApiContext, stored: StoredView): Json {
  return { view: formatView(stored, workspace.settings) };
}

function useTrigger(call: Arguments, { triggers }: ApiContext) {
  const used = triggers.use(call.required('trigger_id'));
  if ('error' in used) throw new ApiError(used.error);
  return used;
}

function checkHash(call: Arguments, before: StoredView | undefined): void {
  const hash = call.text('hash');
  if (hash !== undefined && before !== undefined && hash !== before.hash) throw new ApiError('hash_conflict');
}

const open: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const view = readView(call, 'modal', context);
    return show(context, context.views.open({ view, ...useTrigger(call, context) }));
  },
};

const push: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const view = readView(call, 'modal', context);
    const { user, channel } = useTrigger(call, context);
    const depth = context.views.stack(user).length;
    // Only what was pressed in a modal can push another one onto it.
    if (depth === 0) throw new ApiError('invalid_trigger_id');
    if (depth >= MAX_STACK) throw new ApiError('push_limit_reached');
    return show(context, context.views.push({ view, user, channel }));
  },
};

const update: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const found = context.views.find(call.text('view_id'), call.text('external_id'));
    if (found === undefined) throw new ApiError('not_found');
    checkHash(call, found);
    const view = readView(call, found.view.type === 'home' ? 'home' : 'modal', context, found.id);
    return show(context, context.views.update(found, view));
  },
};

const publish: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const user = call.required('user_id');
    const { users, settings } = context.workspace;
    if (!users.has(user)) throw new ApiError('user_not_found');
    if (!settings.app.hasHomeTab) throw new ApiError('not_enabled');
    const before = context.views.home(user);
    checkHash(call, before);
    return show(context, context.views.publish(user, readView(call, 'home', context, before?.id)));
  },
};

export const viewMethods: Readonly<Record<string, ApiMethod>> = {
  'views.open': open,
  'views.push': push,
  'views.update': update,
  'views.publish': publish,
};
