import type { Delivery } from '../delivery/courier.ts';
import {
  findPresent,
  type Means,
  makeOutcome,
  type Outcome,
  sendInteraction,
  undelivered,
} from '../delivery/outcome.ts';
import { formatAction, nameInPayload } from '../delivery/payloads.ts';
import type { Occasion } from '../handles/answers.ts';
import { type Json, recordsOf, textOf } from '../json.ts';
import type { UserOption } from '../options.ts';
import type { StoredMessage } from '../workspace/message.ts';
import { showFile, showMessage } from '../workspace/show.ts';
import { type FormValue, type FormWorld, fillElement, findElement, listElements } from './form.ts';
import { formatClosed, formatSender, formatSubmission, formatViewAction } from './payloads.ts';
import { applyAnswer, type FormValues, fillForm } from './submission.ts';
import {
  findSuggestionFaults,
  placeOfMessage,
  readSuggestions,
  type SuggestedGroup,
  USUAL_MIN_QUERY,
} from './suggestions.ts';
import type { StoredView, ViewStore } from './view-store.ts';

/** What people do in modals and on the Home tab. */

export interface Closing {
  readonly user: string;
  readonly viewId: string;
  /** The ✕ in the corner rather than Cancel. */
  readonly isWholeStack?: boolean;
}

export interface Submitting {
  readonly user: string;
  readonly viewId: string;
  /** What is filled in besides what stands there already. */
  readonly values?: FormValues;
}

/** `error` is `invalid_input` where `errors` has words for inputs: of the client itself, or of the app. */
export interface Submitted extends Outcome {
  /** By `block_id`. */
  readonly errors: Readonly<Record<string, string>>;
}

export interface Acting {
  readonly user: string;
  readonly viewId: string;
  readonly actionId: string;
  readonly blockId?: string;
  /** For what has options or takes text; not for buttons. */
  readonly value?: FormValue;
  /** What else was filled in before. */
  readonly values?: FormValues;
}

export interface Suggesting {
  readonly user: string;
  /** In a view, or in the message with this `channel` and `ts`. */
  readonly viewId?: string;
  readonly channel?: string;
  readonly ts?: string;
  readonly actionId: string;
  readonly blockId?: string;
  readonly query: string;
}

export interface Suggested {
  readonly ok: boolean;
  /** `query_too_short` where Slack would not ask yet. */
  readonly error: string | null;
  readonly groups: readonly SuggestedGroup[];
}

export interface ViewMeans extends Means {
  readonly views: ViewStore;
}

type Seen = { readonly user: UserOption; readonly stored: StoredView };

export class Forms {
  readonly #means: ViewMeans;

  constructor(means: ViewMeans) {
    this.#means = means;
  }

  /** Presses Submit: nothing is sent where the client finds something missing. */
  async submit({ user: id, viewId, values = {} }: Submitting): Promise<Submitted> {
    const { workspace, views, triggers, courier, report } = this.#means;
    const fail = (error: string, errors: Submitted['errors'] = {}): Submitted => ({
      ...undelivered(error),
      errors,
    });
    const seen = this.#findView(id, viewId);
    if (typeof seen === 'string') return fail(seen);
    const { user } = seen;
    if (views.stack(id).at(-1)?.id !== viewId) return fail('view_not_on_top');
    if (seen.stored.view.submit === undefined) return fail('no_submit');
    const filled = fillForm(seen.stored, values, this.#world(viewId));
    if (filled.fault !== null) return fail(filled.fault);
    const stored = views.setState(seen.stored, filled.state);
    if (Object.keys(filled.errors).length > 0) return fail('invalid_input', filled.errors);
    const triggerId = triggers.make(user.id, stored.channel);
    const sender = formatSender('view_submission', user, workspace.settings);
    const urls = this.#issueResponseUrls(stored);
    const payload = formatSubmission(stored, sender, triggerId, urls, workspace.settings);
    const delivery: Delivery = { kind: 'interactive', acceptsResponse: true, payload };
    const delivered = await courier.deliver(delivery);
    const outcome = makeOutcome(
      delivered,
      { triggerId, responseUrl: '' },
      () => [],
      () => courier.deliver(delivery),
    );
    if (!delivered.ok) return { ...outcome, errors: {} };
    const answered = applyAnswer(delivered.body, stored, views);
    if (answered.kind === 'errors')
      return { ...outcome, ok: false, error: 'invalid_input', errors: answered.errors };
    if (answered.kind === 'done') return { ...outcome, errors: {} };
    report('view_submission', answered.error, delivered.body, answered.details);
    return { ...outcome, ok: false, error: answered.error, errors: {} };
  }

  /** A `conversations_select` may ask for a way to answer where the person chose. */
  #issueResponseUrls(stored: StoredView): readonly Json[] {
    const { responseUrls, baseUrl } = this.#means;
    return listElements(recordsOf(stored.view, 'blocks')).flatMap(({ element, blockId, actionId }) => {
      const state = stored.state[blockId]?.[actionId] ?? {};
      const channel = textOf(state, 'selected_conversation') ?? textOf(state, 'selected_channel');
      if (element.response_url_enabled !== true || channel === undefined) return [];
      const occasion: Occasion = { user: stored.user, channel, original: null, answers: [] };
      const url = responseUrls.issue(baseUrl(), 'actions', occasion);
      return [{ block_id: blockId, action_id: actionId, channel_id: channel, response_url: url }];
    });
  }

  /** Cancel, or (`isWholeStack`) the ✕ in the corner; the app hears of it where `notify_on_close` is set. */
  async closeView(closing: Closing): Promise<Outcome> {
    const { workspace, views } = this.#means;
    const { settings } = workspace;
    const seen = this.#findView(closing.user, closing.viewId);
    if (typeof seen === 'string') return undelivered(seen);
    if (seen.stored.view.type !== 'modal') return undelivered('not_a_modal');
    const isCleared = closing.isWholeStack === true || seen.stored.view.clear_on_close === true;
    const gone = views.close(seen.stored, isCleared);
    const sender = formatSender('view_closed', seen.user, settings);
    const sent = gone
      .filter(({ view }) => view.notify_on_close === true)
      .map((view) =>
        sendInteraction(
          this.#means,
          { triggerId: '', responseUrl: '' },
          formatClosed(view, sender, isCleared, settings),
        ),
      );
    const [first] = await Promise.all(sent);
    return first ?? { ...undelivered(''), ok: true, error: null };
  }

  /** Presses or changes something in a view; inputs tell the app only with `dispatch_action`. */
  async act(acting: Acting): Promise<Outcome> {
    const { workspace, views, triggers } = this.#means;
    const seen = this.#findView(acting.user, acting.viewId);
    if (typeof seen === 'string') return undelivered(seen);
    const world = this.#world(acting.viewId);
    const filled = fillForm(seen.stored, acting.values ?? {}, world);
    if (filled.fault !== null) return undelivered(filled.fault);
    const found = findElement(recordsOf(seen.stored.view, 'blocks'), acting);
    if (found === undefined) return undelivered('action_not_found');
    const { element, blockId, actionId, block } = found;
    const chosen = element.type === 'button' ? null : fillElement(found, acting.value ?? null, world);
    if (typeof chosen === 'string') return undelivered(chosen);
    const isKept = chosen !== null && element.type !== 'overflow';
    const state = isKept
      ? { ...filled.state, [blockId]: { ...filled.state[blockId], [actionId]: chosen } }
      : filled.state;
    const stored = views.setState(seen.stored, state);
    if (block.type === 'input' && block.dispatch_action !== true) return undelivered('not_dispatched');
    const triggerId = triggers.make(seen.user.id, stored.channel);
    const sender = formatSender('block_actions', seen.user, workspace.settings);
    const action = formatAction(element, blockId, chosen, workspace.nextTs());
    const payload = formatViewAction(stored, sender, triggerId, action, workspace.settings);
    return sendInteraction(this.#means, { triggerId, responseUrl: '' }, payload);
  }

  /** Types into an external select; what comes back can be chosen from then on. */
  async suggest(asking: Suggesting): Promise<Suggested> {
    const { workspace, courier, offered, report } = this.#means;
    const fail = (error: string): Suggested => ({ ok: false, error, groups: [] });
    const user = findPresent(workspace, asking.user);
    if (user === undefined) return fail('user_not_found');
    const place = this.#findPlace(asking);
    if (typeof place === 'string') return fail(place);
    const found = findElement(place.blocks, asking);
    if (found === undefined) return fail('action_not_found');
    const { element, actionId, blockId } = found;
    if (element.type !== 'external_select' && element.type !== 'multi_external_select')
      return fail('not_external');
    const least = typeof element.min_query_length === 'number' ? element.min_query_length : USUAL_MIN_QUERY;
    if (asking.query.length < least) return fail('query_too_short');
    const payload = {
      ...formatSender('block_suggestion', user, workspace.settings),
      ...place.fields,
      action_id: actionId,
      block_id: blockId,
      value: asking.query,
    };
    const delivered = await courier.deliver({ kind: 'interactive', acceptsResponse: true, payload });
    if (!delivered.ok) return fail(delivered.error);
    const faults = findSuggestionFaults(delivered.body);
    if (faults.length > 0) {
      report('block_suggestion', 'invalid_options', delivered.body, faults);
      return fail('invalid_options');
    }
    const groups = readSuggestions(delivered.body);
    const options = groups.flatMap((group) => group.options);
    offered.add(place.key, blockId, actionId, options);
    return { ok: true, error: null, groups };
  }

  #findPlace(
    asking: Suggesting,
  ): string | { readonly key: string; readonly blocks: readonly Json[]; readonly fields: Json } {
    const { workspace, baseUrl } = this.#means;
    if (asking.viewId !== undefined) {
      const seen = this.#findView(asking.user, asking.viewId);
      if (typeof seen === 'string') return seen;
      const { stored } = seen;
      const sender = formatViewAction(stored, {}, '', {}, workspace.settings);
      const fields = { container: sender.container, view: sender.view };
      return { key: stored.id, blocks: recordsOf(stored.view, 'blocks'), fields };
    }
    const channel = workspace.findChannel(asking.channel ?? '');
    if (channel === undefined || !workspace.canSee(asking.user, channel)) return 'channel_not_found';
    const message = findMessage(this.#means, asking.user, channel.id, asking.ts ?? '');
    if (message === undefined) return 'message_not_found';
    const isEphemeral = message.onlyFor !== null;
    return {
      key: placeOfMessage(message),
      blocks: message.blocks,
      fields: {
        container: {
          type: 'message',
          message_ts: message.ts,
          channel_id: channel.id,
          is_ephemeral: isEphemeral,
        },
        channel: { id: channel.id, name: nameInPayload(channel) },
        ...(isEphemeral ? {} : { message: showMessage(message, workspace, baseUrl()) }),
      },
    };
  }

  #world(viewId: string): FormWorld {
    const { offered, workspace, baseUrl } = this.#means;
    return {
      offered: (blockId, actionId) => offered.list(viewId, blockId, actionId),
      showFile: (id) => {
        const file = workspace.files.get(id);
        return file === undefined ? undefined : showFile(file, workspace, baseUrl());
      },
    };
  }

  #findView(userId: string, viewId: string): Seen | string {
    const { workspace, views } = this.#means;
    const user = findPresent(workspace, userId);
    if (user === undefined) return 'user_not_found';
    if (!workspace.settings.isInteractive) return 'not_interactive';
    const stored = views.find(viewId);
    return stored?.user === userId ? { user, stored } : 'view_not_found';
  }
}

function findMessage(
  { workspace }: Means,
  user: string,
  channel: string,
  ts: string,
): StoredMessage | undefined {
  return workspace.findMessage(channel, ts) ?? workspace.findEphemeral(user, ts);
}
