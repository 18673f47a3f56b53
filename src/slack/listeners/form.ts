import type { App, ViewClosedAction, ViewSubmitAction } from '@slack/bolt';
import { bothReadings } from '../../command/slash-text.ts';
import type { Requests, SubmittedForm } from '../../requests/calls.ts';
import type { Requester } from '../../run/plan.ts';
import { LIVE_WINDOW } from '../../thread/reply/live.ts';
import type { LiveWindows } from '../answers/live-windows.ts';
import { type Admission, senderOf } from './admission.ts';
import type { HomeTabs } from './home.ts';
import type { Reception } from './reception.ts';

/** Windows that were closed. They show nobody anything any more, whoever closed them. */
export function registerClosed(app: App, liveWindows: LiveWindows): void {
  app.view<ViewClosedAction>({ type: 'view_closed', callback_id: LIVE_WINDOW }, async ({ ack, body }) => {
    await ack();
    liveWindows.closed(body.view.id);
  });
}

/** Forms that were sent: the verdict goes into the ack, what comes of a yes is begun behind it. */
export function register(
  app: App,
  desk: Requests,
  admission: Admission,
  reception: Reception,
  homes: HomeTabs,
): void {
  app.view<ViewSubmitAction>(
    { type: 'view_submission', callback_id: /^batchops_/ },
    ({ ack, body, context }) => {
      const isLate = reception.isLate(context);
      return reception.receiveForm({
        ack,
        judge: async () => {
          const form = parseForm(body, await admission.admit(senderOf(body)), isLate);
          const verdict = await desk.submit(form);
          if (verdict.kind !== 'accepted') return verdict;
          return {
            ...verdict,
            begin: async () => {
              const answer = await verdict.begin();
              // The answer waits for nobody's Home tab.
              void reception.serve(() => homes.publish(form.requester));
              return answer;
            },
          };
        },
        typed: bothReadings(Object.values(readFields(body)).flat().join('\n')),
        received: {
          requester: admission.wouldBe(body.user.id),
          what: 'form',
          requestKey: formatFormKey(admission.home, body),
        },
      });
    },
  );
}

function parseForm(body: ViewSubmitAction, requester: Requester, isLate: boolean): SubmittedForm {
  const { view } = body;
  return {
    callbackId: view.callback_id,
    metadata: view.private_metadata,
    fields: readFields(body),
    requester,
    requestKey: formatFormKey(requester.teamId, body),
    isLate,
  };
}

/** A window can be sent several times, but only one of them runs. */
function formatFormKey(teamId: string, { view }: ViewSubmitAction): string {
  return `slack:${teamId}:view:${view.id}`;
}

function readFields({ view }: ViewSubmitAction): SubmittedForm['fields'] {
  const fields = Object.entries(view.state.values).flatMap(([block, actions]) => {
    const chosen = Object.values(actions).flatMap(readChosen);
    return chosen.length === 0 ? [] : [[block, chosen] as const];
  });
  return Object.fromEntries(fields);
}

type Filled = ViewSubmitAction['view']['state']['values'][string][string];

function readChosen({ value, selected_option, selected_options, selected_conversation }: Filled): string[] {
  return [
    value,
    selected_option?.value,
    selected_conversation,
    ...(selected_options ?? []).map((option) => option.value),
  ].filter((one): one is string => typeof one === 'string' && one !== '');
}
