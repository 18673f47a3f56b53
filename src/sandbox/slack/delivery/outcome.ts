import { findAnswer, type Occasion } from '../handles/answers.ts';
import type { ResponseUrls } from '../handles/response-urls.ts';
import type { Triggers } from '../handles/triggers.ts';
import type { OfferedOptions } from '../interactivity/suggestions.ts';
import type { Json } from '../json.ts';
import type { UserOption } from '../options.ts';
import type { StoredMessage } from '../workspace/message.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Courier, Delivered, Delivery, ReportFault } from './courier.ts';
import type { Handles } from './payloads.ts';

/** What people do needs this of the rest, and comes to this. */

/** What came of a command or a click. */
export interface Outcome extends Handles {
  readonly ok: boolean;
  /**
   * What the person was told: `operation_timeout`, `dispatch_failed`; or why nothing was sent: `invalid_command`,
   * `not_in_thread`, `channel_not_found`, `message_not_found`, `action_not_found`,
   * `not_interactive`.
   */
  readonly error: string | null;
  readonly ackMs: number;
  /** What was answered so far, in the ack and at the response_url. */
  answers(): readonly StoredMessage[];
  /** The same payload once more, as after an ack that was lost. */
  redeliver(): Promise<Delivered>;
}

/** What can be asked of what was delivered. */
export function makeOutcome(
  delivered: Delivered,
  handles: Handles,
  answers: Outcome['answers'],
  redeliver: Outcome['redeliver'],
): Outcome {
  return {
    ok: delivered.ok,
    error: delivered.ok ? null : delivered.error,
    ackMs: delivered.ok ? delivered.ackMs : 0,
    ...handles,
    answers,
    redeliver,
  };
}

export function listAnswers(workspace: Workspace, occasion: Occasion): readonly StoredMessage[] {
  return occasion.answers.flatMap((answer) => findAnswer(workspace, occasion, answer) ?? []);
}

export function undelivered(error: string): Outcome {
  return {
    ok: false,
    error,
    ackMs: 0,
    triggerId: '',
    responseUrl: '',
    answers: () => [],
    redeliver: () => Promise.resolve({ ok: false, error: 'dispatch_failed' }),
  };
}

export interface Means {
  readonly workspace: Workspace;
  readonly triggers: Triggers;
  readonly responseUrls: ResponseUrls;
  readonly courier: Courier;
  readonly offered: OfferedOptions;
  readonly baseUrl: () => string;
  readonly report: ReportFault;
}

/** Who was deactivated cannot act any more. */
export function findPresent(workspace: Workspace, id: string): UserOption | undefined {
  const user = workspace.users.get(id);
  return user?.isDeactivated === true || user?.isBot === true ? undefined : user;
}

/** Delivers what is acked with nothing: presses, shortcuts, closed modals. */
export async function sendInteraction(
  { workspace, courier }: Means,
  handles: Handles,
  payload: Json,
  occasion?: Occasion,
): Promise<Outcome> {
  if (!workspace.settings.isInteractive) return undelivered('not_interactive');
  const delivery: Delivery = { kind: 'interactive', acceptsResponse: false, payload };
  return makeOutcome(
    await courier.deliver(delivery),
    handles,
    () => (occasion === undefined ? [] : listAnswers(workspace, occasion)),
    () => courier.deliver(delivery),
  );
}
