import { bothReadings, readText, type TextReading } from '../../command/slash-text.ts';
import { Refusal } from '../../errors.ts';
import type { RequestContext } from '../../lifecycle/begin-run.ts';
import { formatNotice } from '../../report/answers.ts';
import { READ_ENTITIES_ACTION, READ_RAW_ACTION, RUN_LATE_ACTION } from '../../report/doubts.ts';
import type { Message } from '../../report/message.ts';
import type { DoubtfulForm } from '../../run/doubtful.ts';
import { isGivenUp } from '../../run/run.ts';
import type { ButtonClick, SlashCall, SubmittedForm } from '../calls.ts';

/** The buttons below a question about what somebody sent. */

const READING_OF: ReadonlyMap<string, TextReading> = new Map([
  [READ_RAW_ACTION, 'raw'],
  [READ_ENTITIES_ACTION, 'entities'],
]);

export function settlesDoubt({ actionId }: ButtonClick): boolean {
  return actionId === RUN_LATE_ACTION || READING_OF.has(actionId);
}

/** What its person has said the missing word about: what it is now, and what they said. */
export type Settled = SettledCommand | SettledForm;

export interface SettledCommand {
  readonly kind: 'command';
  readonly slash: SlashCall;
  readonly reading: TextReading | undefined;
  /** Their own words. */
  readonly typed: string;
}

export interface SettledForm {
  readonly kind: 'form';
  /** As Slack sent it. */
  readonly form: SubmittedForm;
  readonly channelId: string;
  readonly reading: TextReading;
  readonly shown: DoubtfulForm['shown'];
  /** The key of the click. */
  readonly receivedAs: string;
  readonly typed: string;
}

/** Takes it, once; or tells what an earlier press has begun. Only whoever sent it finds it. */
export async function takeDoubt(context: RequestContext, click: ButtonClick): Promise<Settled | Message> {
  const { store } = context;
  const { requester, actionId, value } = click;
  const key = await store.doubts.find(value, requester);
  const begun = key === undefined ? undefined : await findBegun(context, key);
  // Before it is said to have come late: what it asked for is there.
  if (begun !== undefined) return begun;
  refuseLate(click);
  const reading = READING_OF.get(actionId);
  const found = await store.doubts.take(value, requester);
  if (found === undefined) {
    // Refused at the press, just being taken up, or waiting when the database was copied.
    if (key !== undefined) return formatNotice(NO_MORE_USE);
    throw useless();
  }
  if ((found.kind === 'late') !== (reading === undefined)) throw useless();
  const { channelId, requestKey } = found;
  if (found.kind === 'form') {
    const { form, shown } = found;
    return {
      kind: 'form',
      form: { ...form, requester, requestKey },
      channelId,
      reading: reading ?? 'raw',
      shown,
      receivedAs: click.requestKey,
      typed: bothReadings(Object.values(form.fields).flat().join('\n')),
    };
  }
  const { command } = found;
  const text = reading === undefined ? found.text : readText(found.text, reading);
  const receivedAs = click.requestKey;
  return {
    kind: 'command',
    slash: { command, text, requester, channelId, requestKey, receivedAs, isLate: false },
    reading,
    typed: bothReadings(found.text),
  };
}

const NO_MORE_USE =
  'This button has done its work, and as far as this bot knows no run has begun by it. `/batch runs` lists those ' +
  'that have; send what you want to run again.';

async function findBegun({ store }: RequestContext, requestKey: string): Promise<Message | undefined> {
  const runId = await store.runOfRequest(requestKey);
  if (runId === undefined) return undefined;
  const run = await store.findRun(runId);
  return formatNotice(
    run !== undefined && isGivenUp(run)
      ? `This became ${runId}, which was given up before anything of it ran.`
      : `This has begun ${runId} already: nothing more was run. \`/batch show ${runId}\` tells how it goes.`,
  );
}

/** Whoever was told that their click failed may have changed their mind since. */
export function refuseLate({ isLate }: Pick<ButtonClick, 'isLate'>): void {
  if (!isLate) return;
  throw new Refusal('not-now', 'This click reached Batchops late: Slack may have told you that it failed.', {
    remedy: 'Press again if you still want it.',
  });
}

function useless(): Refusal {
  return new Refusal('not-now', 'This button is more than a day old, or is not yours.', {
    remedy: 'Send what you want to run again.',
  });
}
