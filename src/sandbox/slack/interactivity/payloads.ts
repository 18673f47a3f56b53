import { randomBytes } from 'node:crypto';
import { escapeText, VERIFICATION_TOKEN } from '../delivery/payloads.ts';
import type { Json } from '../json.ts';
import type { Settings } from '../options.ts';
import type { FormState } from './form.ts';
import { formatView, type StoredView } from './view-store.ts';

/** What the app is sent of modals, the Home tab and shortcuts: https://docs.slack.dev/reference/interaction-payloads */

export function formatSubmission(
  stored: StoredView,
  sender: Json,
  triggerId: string,
  settings: Settings,
): Json {
  const view = formatView({ ...stored, state: encodeTyped(stored.state, settings) }, settings);
  return { ...sender, trigger_id: triggerId, view, response_urls: [] };
}

/** Sent of a modal with `notify_on_close`. */
export function formatClosed(stored: StoredView, sender: Json, settings: Settings): Json {
  return { ...sender, view: formatView(stored, settings), is_cleared: false };
}

/** Whether Slack encodes `& < >` there nobody says: both are an option. What was chosen is the app's own words. */
function encodeTyped(state: FormState, { formText }: Settings): FormState {
  if (formText === 'raw') return state;
  const encode = (filled: Json): Json =>
    filled.type === 'plain_text_input' && typeof filled.value === 'string'
      ? { ...filled, value: escapeText(filled.value) }
      : filled;
  const encodeAll = (fields: FormState[string]): FormState[string] =>
    Object.fromEntries(Object.entries(fields).map(([action, filled]) => [action, encode(filled)]));
  return Object.fromEntries(Object.entries(state).map(([block, fields]) => [block, encodeAll(fields)]));
}

export function formatViewAction(
  stored: StoredView,
  sender: Json,
  triggerId: string,
  action: Json,
  settings: Settings,
): Json {
  return {
    ...sender,
    container: { type: 'view', view_id: stored.id },
    trigger_id: triggerId,
    view: formatView(stored, settings),
    actions: [action],
  };
}

/** https://docs.slack.dev/reference/events/app_home_opened, in the envelope of the Events API */
export function formatHomeOpened(
  user: string,
  channel: string,
  home: StoredView | undefined,
  eventTs: string,
  settings: Settings,
): Json {
  const { team, bot, enterprise } = settings;
  const enterpriseId = enterprise?.id ?? null;
  const id = randomBytes(5).toString('hex').toUpperCase();
  return {
    token: VERIFICATION_TOKEN,
    team_id: team.id,
    context_team_id: team.id,
    context_enterprise_id: enterpriseId,
    api_app_id: bot.appId,
    event: {
      type: 'app_home_opened',
      user,
      channel,
      tab: 'home',
      ...(home === undefined ? {} : { view: formatView(home, settings) }),
      event_ts: eventTs,
    },
    type: 'event_callback',
    event_id: `Ev${id}`,
    event_time: Math.floor(settings.now() / 1_000),
    authorizations: [
      {
        enterprise_id: enterpriseId,
        team_id: team.id,
        user_id: bot.userId,
        is_bot: true,
        is_enterprise_install: false,
      },
    ],
    is_ext_shared_channel: false,
  };
}
