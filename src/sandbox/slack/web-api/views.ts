import { randomBytes } from 'node:crypto';
import { completeBlocks } from '../blocks/message-blocks.ts';
import { findViewFault, MAX_VIEW_BYTES } from '../blocks/views.ts';
import { type Json, recordsOf } from '../json.ts';
import { ApiError, type Arguments, missing } from './api-call.ts';
import type { ApiContext, ApiMethod } from './room.ts';

/** views.*: kept and checked; https://docs.slack.dev/surfaces/modals */

const MAX_STACK = 3;

export interface StoredView {
  readonly id: string;
  readonly hash: string;
  readonly user: string;
  readonly view: Json;
}

/** Open modals, a stack for each person (the last is on top), and their Home tabs. */
export class ViewStore {
  readonly #stacks = new Map<string, StoredView[]>();
  readonly #homes = new Map<string, StoredView>();

  stack(user: string): readonly StoredView[] {
    return this.#stacks.get(user) ?? [];
  }

  home(user: string): StoredView | undefined {
    return this.#homes.get(user);
  }

  open(view: StoredView): void {
    this.#stacks.set(view.user, [view]);
  }

  push(view: StoredView): void {
    this.#stacks.set(view.user, [...this.stack(view.user), view]);
  }

  publish(view: StoredView): void {
    this.#homes.set(view.user, view);
  }

  find(viewId: string | undefined, externalId: string | undefined): StoredView | undefined {
    return Array.from(this.#stacks.values())
      .flat()
      .concat(Array.from(this.#homes.values()))
      .find(({ id, view }) => id === viewId || (externalId !== undefined && view.external_id === externalId));
  }

  replace(view: StoredView): void {
    const stack = this.stack(view.user);
    this.#stacks.set(
      view.user,
      stack.map((each) => (each.id === view.id ? view : each)),
    );
    if (this.#homes.get(view.user)?.id === view.id) this.#homes.set(view.user, view);
  }
}

function readView(call: Arguments, type: 'modal' | 'home'): Json {
  const view = call.record('view', 'invalid_arguments');
  if (view === undefined) throw missing('view');
  if (view.type !== type) throw new ApiError('invalid_arguments');
  if (Buffer.byteLength(JSON.stringify(view)) > MAX_VIEW_BYTES) throw new ApiError('view_too_large');
  const fault = findViewFault(view);
  if (fault !== null)
    throw new ApiError('invalid_arguments', { response_metadata: { messages: fault.messages } });
  return { ...view, blocks: completeBlocks(recordsOf(view, 'blocks')) };
}

function makeView(context: ApiContext, user: string, view: Json, id?: string): StoredView {
  return {
    id: id ?? context.workspace.newId('V'),
    hash: `${Math.floor(context.workspace.settings.now() / 1_000)}.${randomBytes(4).toString('hex')}`,
    user,
    view,
  };
}

function show({ workspace }: ApiContext, { id, hash, view }: StoredView): Json {
  const { bot, team } = workspace.settings;
  return {
    view: {
      ...view,
      id,
      hash,
      team_id: team.id,
      app_id: bot.appId,
      bot_id: bot.botId,
      state: { values: {} },
      root_view_id: id,
      previous_view_id: null,
    },
  };
}

function useTrigger(call: Arguments, { triggers }: ApiContext): string {
  const used = triggers.use(call.required('trigger_id'));
  if ('error' in used) throw new ApiError(used.error);
  return used.user;
}

const open: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const view = readView(call, 'modal');
    const stored = makeView(context, useTrigger(call, context), view);
    context.views.open(stored);
    return show(context, stored);
  },
};

const push: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const view = readView(call, 'modal');
    const user = useTrigger(call, context);
    if (context.views.stack(user).length >= MAX_STACK) throw new ApiError('push_limit_reached');
    const stored = makeView(context, user, view);
    context.views.push(stored);
    return show(context, stored);
  },
};

const update: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const found = context.views.find(call.text('view_id'), call.text('external_id'));
    if (found === undefined) throw new ApiError('not_found');
    const hash = call.text('hash');
    if (hash !== undefined && hash !== found.hash) throw new ApiError('hash_conflict');
    const view = readView(call, found.view.type === 'home' ? 'home' : 'modal');
    const stored = makeView(context, found.user, view, found.id);
    context.views.replace(stored);
    return show(context, stored);
  },
};

const publish: ApiMethod = {
  token: 'bot',
  tier: 4,
  scopes: [],
  run(call, context) {
    const user = call.required('user_id');
    if (!context.workspace.users.has(user)) throw new ApiError('user_not_found');
    const before = context.views.home(user);
    const hash = call.text('hash');
    if (hash !== undefined && before !== undefined && hash !== before.hash)
      throw new ApiError('hash_conflict');
    const stored = makeView(context, user, readView(call, 'home'), before?.id);
    context.views.publish(stored);
    return show(context, stored);
  },
};

export const viewMethods: Readonly<Record<string, ApiMethod>> = {
  'views.open': open,
  'views.push': push,
  'views.update': update,
  'views.publish': publish,
};
