import { randomBytes } from 'node:crypto';
import { completeBlocks } from '../blocks/message-blocks.ts';
import { type Json, recordsOf } from '../json.ts';
import type { Settings } from '../options.ts';
import { offersConversation } from '../workspace/conversation-filter.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { type FormState, startForm } from './form.ts';

export interface StoredView {
  readonly id: string;
  /** Changes with every update: `hash_conflict` is how two updates notice each other. */
  readonly hash: string;
  readonly user: string;
  /** As the app sent it, each block with a `block_id`. */
  readonly view: Json;
  /** What the person has filled in so far: `state.values`. */
  readonly state: FormState;
  /** Where the person was when it opened; null on the Home tab and after a global shortcut. */
  readonly channel: string | null;
}

export type NewView = Pick<StoredView, 'user' | 'view' | 'channel'>;

/** The open modal of each person, and their Home tabs. The sandbox has no modals on top of others. */
export class ViewStore {
  readonly #modals = new Map<string, StoredView>();
  readonly #homes = new Map<string, StoredView>();
  readonly #workspace: Workspace;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  modal(user: string): StoredView | undefined {
    return this.#modals.get(user);
  }

  home(user: string): StoredView | undefined {
    return this.#homes.get(user);
  }

  find(id: string | undefined): StoredView | undefined {
    return [...this.#modals.values(), ...this.#homes.values()].find((view) => view.id === id);
  }

  #fill(view: Json, channel: string | null, before: FormState): Pick<StoredView, 'view' | 'state' | 'hash'> {
    const complete = { ...view, blocks: completeBlocks(recordsOf(view, 'blocks')) };
    const here = this.#workspace.findChannel(channel ?? '');
    const current = (element: Json): string | null =>
      here !== undefined && offersConversation(element, here) ? here.id : null;
    const now = this.#workspace.settings.now();
    return {
      view: complete,
      state: startForm(complete.blocks, current, before),
      hash: `${Math.floor(now / 1_000)}.${randomBytes(4).toString('hex')}`,
    };
  }

  #put(stored: StoredView): StoredView {
    const isHome = stored.view.type === 'home';
    (isHome ? this.#homes : this.#modals).set(stored.user, stored);
    this.#workspace.tell({ type: isHome ? 'home_changed' : 'views_changed', user: stored.user });
    return stored;
  }

  open({ user, view, channel }: NewView): StoredView {
    return this.#put({ id: this.#workspace.newId('V'), user, channel, ...this.#fill(view, channel, {}) });
  }

  publish(user: string, view: Json): StoredView {
    const before = this.#homes.get(user);
    return before === undefined ? this.open({ user, view, channel: null }) : this.update(before, view);
  }

  /** What was filled in stays, wherever `block_id`, `action_id` and the kind of element stay the same. */
  update(before: StoredView, view: Json): StoredView {
    return this.#put({ ...before, ...this.#fill(view, before.channel, before.state) });
  }

  /** What the person filled in; the app changed nothing, so nobody is told. */
  setState(before: StoredView, state: FormState): StoredView {
    const stored = { ...before, state };
    (stored.view.type === 'home' ? this.#homes : this.#modals).set(stored.user, stored);
    return stored;
  }

  close({ user }: StoredView): void {
    this.#modals.delete(user);
    this.#workspace.tell({ type: 'views_changed', user });
  }
}

/** The view as the Web API and payloads show it. */
export function formatView({ id, hash, view, state }: StoredView, { bot, team }: Settings): Json {
  return {
    id,
    team_id: team.id,
    type: view.type,
    blocks: view.blocks,
    private_metadata: view.private_metadata ?? '',
    callback_id: view.callback_id ?? '',
    state: { values: state },
    hash,
    ...(view.title === undefined ? {} : { title: view.title }),
    close: view.close ?? null,
    submit: view.submit ?? null,
    clear_on_close: false,
    notify_on_close: view.notify_on_close ?? false,
    previous_view_id: null,
    root_view_id: id,
    app_id: bot.appId,
    external_id: '',
    app_installed_team_id: team.id,
    bot_id: bot.botId,
  };
}
