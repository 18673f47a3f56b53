import { randomBytes } from 'node:crypto';
import { completeBlocks } from '../blocks/message-blocks.ts';
import { type Json, recordsOf } from '../json.ts';
import type { Settings } from '../options.ts';
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
  /** The lowest of its stack, and the one below it. */
  readonly rootId: string;
  readonly previousId: string | null;
  /** Where the person was when it opened; null on the Home tab and after a global shortcut. */
  readonly channel: string | null;
}

export type NewView = Pick<StoredView, 'user' | 'view' | 'channel'>;

/** Open modals, a stack for each person (the last is on top), and their Home tabs. */
export class ViewStore {
  readonly #stacks = new Map<string, readonly StoredView[]>();
  readonly #homes = new Map<string, StoredView>();
  readonly #settings: Settings;
  readonly #newId: (prefix: string) => string;
  /** Told after every change of what this person sees. */
  readonly #tell: (user: string, surface: 'modal' | 'home') => void;

  constructor(
    settings: Settings,
    newId: (prefix: string) => string,
    tell: (user: string, surface: 'modal' | 'home') => void,
  ) {
    this.#settings = settings;
    this.#newId = newId;
    this.#tell = tell;
  }

  stack(user: string): readonly StoredView[] {
    return this.#stacks.get(user) ?? [];
  }

  home(user: string): StoredView | undefined {
    return this.#homes.get(user);
  }

  #put(user: string, stack: readonly StoredView[]): void {
    this.#stacks.set(user, stack);
    this.#tell(user, 'modal');
  }

  #make({ user, view, channel }: NewView, before: StoredView | undefined, id = this.#newId('V')): StoredView {
    const { view: complete, state } = this.#fill(view, channel, {});
    return {
      id,
      hash: this.#newHash(),
      user,
      view: complete,
      state,
      rootId: before?.rootId ?? id,
      previousId: before?.id ?? null,
      channel,
    };
  }

  #fill(view: Json, channel: string | null, before: FormState): Pick<StoredView, 'view' | 'state'> {
    const complete = { ...view, blocks: completeBlocks(recordsOf(view, 'blocks')) };
    return { view: complete, state: startForm(complete.blocks, channel, before) };
  }

  #newHash(): string {
    return `${Math.floor(this.#settings.now() / 1_000)}.${randomBytes(4).toString('hex')}`;
  }

  open(view: NewView): StoredView {
    const stored = this.#make(view, undefined);
    this.#put(view.user, [stored]);
    return stored;
  }

  push(view: NewView): StoredView {
    const stack = this.stack(view.user);
    const stored = this.#make(view, stack.at(-1));
    this.#put(view.user, [...stack, stored]);
    return stored;
  }

  publish(user: string, view: Json): StoredView {
    const before = this.#homes.get(user);
    const stored =
      before === undefined
        ? this.#make({ user, view, channel: null }, undefined)
        : { ...before, hash: this.#newHash(), ...this.#fill(view, null, before.state) };
    this.#homes.set(user, stored);
    this.#tell(user, 'home');
    return stored;
  }

  find(viewId: string | undefined, externalId?: string): StoredView | undefined {
    return Array.from(this.#stacks.values())
      .flat()
      .concat(Array.from(this.#homes.values()))
      .find(({ id, view }) => id === viewId || (externalId !== undefined && view.external_id === externalId));
  }

  /** What was filled in stays, wherever `block_id`, `action_id` and the kind of element stay the same. */
  update(before: StoredView, view: Json): StoredView {
    return this.#replace({
      ...before,
      hash: this.#newHash(),
      ...this.#fill(view, before.channel, before.state),
    });
  }

  setState(before: StoredView, state: FormState): StoredView {
    return this.#replace({ ...before, state }, false);
  }

  #replace(view: StoredView, isShown = true): StoredView {
    const stack = this.stack(view.user).map((each) => (each.id === view.id ? view : each));
    const isHome = this.#homes.get(view.user)?.id === view.id;
    if (isHome) this.#homes.set(view.user, view);
    else this.#stacks.set(view.user, stack);
    if (isShown) this.#tell(view.user, isHome ? 'home' : 'modal');
    return view;
  }

  /** Takes this view and what lies on it away; answers with what is gone, the topmost first. */
  close(view: StoredView, isWholeStack: boolean): readonly StoredView[] {
    const stack = this.stack(view.user);
    const from = isWholeStack ? 0 : stack.findIndex(({ id }) => id === view.id);
    if (from < 0) return [];
    this.#put(view.user, stack.slice(0, from));
    return stack.slice(from).toReversed();
  }
}

/** The view as the Web API and payloads show it. */
export function formatView(stored: StoredView, { bot, team }: Settings): Json {
  const { view } = stored;
  const modal =
    view.type === 'modal'
      ? {
          title: view.title,
          close: view.close ?? null,
          submit: view.submit ?? null,
          clear_on_close: view.clear_on_close ?? false,
          notify_on_close: view.notify_on_close ?? false,
        }
      : {};
  return {
    id: stored.id,
    team_id: team.id,
    type: view.type,
    blocks: view.blocks,
    private_metadata: view.private_metadata ?? '',
    callback_id: view.callback_id ?? '',
    state: { values: stored.state },
    hash: stored.hash,
    ...modal,
    previous_view_id: stored.previousId,
    root_view_id: stored.rootId,
    app_id: bot.appId,
    external_id: view.external_id ?? '',
    app_installed_team_id: team.id,
    bot_id: bot.botId,
  };
}
