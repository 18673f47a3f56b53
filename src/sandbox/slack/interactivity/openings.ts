import type { Delivery } from '../delivery/courier.ts';
import { deliverEvent } from '../delivery/events.ts';
import { findPresent, makeOutcome, type Outcome, sendInteraction, undelivered } from '../delivery/outcome.ts';
import { formatSender, type Handles, nameInPayload } from '../delivery/payloads.ts';
import type { Occasion } from '../handles/answers.ts';
import { showMessage } from '../workspace/show.ts';
import type { ViewMeans } from './forms.ts';
import { formatHomeOpened } from './payloads.ts';

/** What lets people into the app: its Home tab and its shortcuts. */

export interface MessageShortcut {
  readonly user: string;
  readonly channel: string;
  readonly ts: string;
  readonly callbackId: string;
}

export class Openings {
  readonly #means: ViewMeans;

  constructor(means: ViewMeans) {
    this.#means = means;
  }

  /** Opens the app's Home tab. */
  async openHome({ user: id }: { readonly user: string }): Promise<Outcome> {
    const { workspace, views, courier } = this.#means;
    const { settings } = workspace;
    const user = findPresent(workspace, id);
    if (user === undefined) return undelivered('user_not_found');
    if (!settings.app.hasHomeTab) return undelivered('home_tab_disabled');
    // Without the subscription Slack says nothing, and shows what was published before.
    if (!settings.app.events.has('app_home_opened')) return undelivered('not_subscribed');
    const { id: channel } = workspace.openDirectMessage(id, settings.bot.userId);
    const payload = formatHomeOpened(id, channel, views.home(id), workspace.nextTs(), settings);
    const delivered = await deliverEvent(courier, payload, settings.pace.eventRetryMs);
    const again: Delivery = { kind: 'events_api', acceptsResponse: false, payload };
    return makeOutcome(
      delivered,
      { triggerId: '', responseUrl: '' },
      () => [],
      () => courier.deliver(again),
    );
  }

  async shortcut(chosen: { readonly user: string; readonly callbackId: string }): Promise<Outcome> {
    const { workspace } = this.#means;
    const { settings } = workspace;
    const user = findPresent(workspace, chosen.user);
    const entry = settings.app.shortcuts.find(({ callbackId }) => callbackId === chosen.callbackId);
    if (user === undefined) return undelivered('user_not_found');
    if (entry?.type !== 'global') return undelivered('shortcut_not_found');
    const triggerId = this.#means.triggers.make(user.id, null);
    return sendInteraction(
      this.#means,
      { triggerId, responseUrl: '' },
      {
        ...formatSender('shortcut', user, settings),
        action_ts: this.#means.workspace.nextTs(),
        callback_id: entry.callbackId,
        trigger_id: triggerId,
      },
    );
  }

  async messageShortcut(chosen: MessageShortcut): Promise<Outcome> {
    const { workspace, triggers, responseUrls, baseUrl } = this.#means;
    const { settings } = workspace;
    const user = findPresent(workspace, chosen.user);
    const channel = workspace.findChannel(chosen.channel);
    const entry = settings.app.shortcuts.find(({ callbackId }) => callbackId === chosen.callbackId);
    if (user === undefined || channel === undefined || !workspace.canSee(user.id, channel))
      return undelivered('channel_not_found');
    // In shared channels the other workspace's people do not have our shortcuts.
    const isElsewhere = user.teamId !== undefined || user.isOnlyThere === true;
    if (entry?.type !== 'message' || isElsewhere) return undelivered('shortcut_not_found');
    const message = workspace.findMessage(channel.id, chosen.ts);
    if (message === undefined) return undelivered('message_not_found');
    const occasion: Occasion = { user: user.id, channel: channel.id, original: null, answers: [] };
    const handles: Handles = {
      triggerId: triggers.make(user.id, channel.id),
      responseUrl: responseUrls.issue(baseUrl(), 'actions', occasion),
    };
    const payload = {
      ...formatSender('message_action', user, settings),
      action_ts: workspace.nextTs(),
      callback_id: entry.callbackId,
      trigger_id: handles.triggerId,
      response_url: handles.responseUrl,
      message_ts: message.ts,
      channel: { id: channel.id, name: nameInPayload(channel) },
      message: showMessage(message, workspace, baseUrl()),
    };
    return sendInteraction(this.#means, handles, payload, occasion);
  }
}
