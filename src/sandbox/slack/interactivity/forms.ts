import type { Delivery } from '../delivery/courier.ts';
import {
  findPresent,
  type Means,
  makeOutcome,
  type Outcome,
  sendInteraction,
  undelivered,
} from '../delivery/outcome.ts';
import { formatAction, formatFormSender, formatSender } from '../delivery/payloads.ts';
import { recordsOf } from '../json.ts';
import type { UserOption } from '../options.ts';
import { offersConversation } from '../workspace/conversation-filter.ts';
import { type FormSources, findElement } from './form.ts';
import { formatClosed, formatSubmission, formatViewAction } from './payloads.ts';
import { applyAnswer, type FormValues, fillForm } from './submission.ts';
import type { StoredView, ViewStore } from './view-store.ts';

/** What people do in modals and on the Home tab. */

export interface Closing {
  readonly user: string;
  readonly viewId: string;
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
}

export interface ViewMeans extends Means {
  readonly views: ViewStore;
}

export type Seen = { readonly user: UserOption; readonly stored: StoredView };

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
    const seen = findSeen(this.#means, id, viewId);
    if (typeof seen === 'string') return fail(seen);
    const { user } = seen;
    if (seen.stored.view.submit === undefined) return fail('no_submit');
    const filled = fillForm(seen.stored, values, this.#sources(seen));
    if (filled.fault !== null) return fail(filled.fault);
    const stored = views.setState(seen.stored, filled.state);
    if (Object.keys(filled.errors).length > 0) return fail('invalid_input', filled.errors);
    const triggerId = triggers.make(user.id, stored.channel);
    const sender = formatFormSender(user, workspace.settings);
    const payload = formatSubmission(stored, sender, triggerId, workspace.settings);
    const delivery: Delivery = { kind: 'interactive', acceptsResponse: true, payload };
    const delivered = await courier.deliver(delivery);
    const outcome = makeOutcome(
      delivered,
      { triggerId, responseUrl: '' },
      () => [],
      () => courier.deliver(delivery),
    );
    if (!delivered.ok) return { ...outcome, errors: {} };
    const answered = applyAnswer(delivered.body, stored, views, workspace);
    if (answered.kind === 'errors')
      return { ...outcome, ok: false, error: 'invalid_input', errors: answered.errors };
    if (answered.kind === 'done') return { ...outcome, errors: {} };
    report('view_submission', answered.error, delivered.body, answered.details);
    return { ...outcome, ok: false, error: answered.error, errors: {} };
  }

  /** Cancel, or the ✕ in the corner: the app hears of it where it asked to. Null, or why nothing was closed. */
  closeView({ user, viewId }: Closing): string | null {
    const { workspace, views } = this.#means;
    const seen = findSeen(this.#means, user, viewId);
    if (typeof seen === 'string') return seen;
    if (seen.stored.view.type !== 'modal') return 'not_a_modal';
    views.close(seen.stored);
    if (seen.stored.view.notify_on_close === true) {
      const sender = formatSender('view_closed', seen.user, workspace.settings);
      const payload = formatClosed(seen.stored, sender, workspace.settings);
      void sendInteraction(this.#means, { triggerId: '', responseUrl: '' }, payload);
    }
    return null;
  }

  /** Presses a button of a view. */
  async act(acting: Acting): Promise<Outcome> {
    const { workspace, triggers } = this.#means;
    const seen = findSeen(this.#means, acting.user, acting.viewId);
    if (typeof seen === 'string') return undelivered(seen);
    const { user, stored } = seen;
    const found = findElement(recordsOf(stored.view, 'blocks'), acting);
    if (found?.element.type !== 'button') return undelivered('action_not_found');
    const triggerId = triggers.make(user.id, stored.channel);
    const sender = formatSender('block_actions', user, workspace.settings);
    const action = formatAction(found.element, found.blockId, null, workspace.nextTs());
    const payload = formatViewAction(stored, sender, triggerId, action, workspace.settings);
    return sendInteraction(this.#means, { triggerId, responseUrl: '' }, payload);
  }

  #sources({ user, stored }: Seen): FormSources {
    const { offered, workspace } = this.#means;
    return {
      suggested: (blockId, actionId) => offered.list(stored.id, blockId, actionId),
      offersConversation(element, id) {
        const channel = workspace.findChannel(id);
        return (
          channel !== undefined && workspace.canSee(user.id, channel) && offersConversation(element, channel)
        );
      },
    };
  }
}

/** The view, where it is this person's and they can do anything with it; else why not. */
export function findSeen({ workspace, views }: ViewMeans, userId: string, viewId: string): Seen | string {
  const user = findPresent(workspace, userId);
  if (user === undefined) return 'user_not_found';
  if (!workspace.settings.isInteractive) return 'not_interactive';
  const stored = views.find(viewId);
  return stored?.user === userId ? { user, stored } : 'view_not_found';
}
