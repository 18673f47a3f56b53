import { readText, type TextReading } from '../../command/slash-text.ts';
import { Refusal } from '../../errors.ts';
import type { Call, RequestContext } from '../../lifecycle/begin-run.ts';
import { formatNotice } from '../../report/answers.ts';
import { describeTargets, formatReadings, type Reading } from '../../report/doubts.ts';
import type { Answer } from '../../report/views/view.ts';
import type { FormVerdict, SubmittedForm } from '../calls.ts';
import { describeForm, draftForm, hashPlan, runForm, typedFields } from '../form.ts';
import { putAside, refuseLong } from './commands.ts';
import type { SettledForm } from './presses.ts';
import { rememberReading } from './readings.ts';

/** Forms that are not run before who sent them has said which of two readings they typed. */

/** What people wrote into it, and did not choose. */
export function typedInto(form: SubmittedForm): string {
  return typedFields(form)
    .flatMap(([, typed]) => typed)
    .join('\n');
}

/** The form as it was typed, if it is read so. */
export function readForm(form: SubmittedForm, reading: TextReading): SubmittedForm {
  const read = typedFields(form).map(([block, typed]) => [
    block,
    typed.map((text) => readText(text, reading)),
  ]);
  return { ...form, fields: { ...form.fields, ...Object.fromEntries(read) } };
}

/** The window closes, and both readings are shown; where neither is anything, it is judged as it came. */
export async function askFormReading(
  context: RequestContext,
  call: Call,
  form: SubmittedForm,
): Promise<FormVerdict> {
  const raw = await look(context, call, form, 'raw');
  const entities = await look(context, call, form, 'entities');
  if (raw.fault !== undefined && entities.fault !== undefined) {
    if (raw.fault instanceof Refusal) throw raw.fault;
    return { kind: 'faults', faults: raw.fault };
  }
  refuseLong(raw.reading.words);
  return {
    kind: 'accepted',
    channelId: call.channelId,
    async begin() {
      const { requester, channelId, requestKey } = call;
      const { callbackId, metadata, fields } = form;
      const shown = {
        ...(raw.shown !== undefined && { raw: raw.shown }),
        ...(entities.shown !== undefined && { entities: entities.shown }),
      };
      const sent = { callbackId, metadata, fields };
      const doubt = { kind: 'form', requester, channelId, requestKey, form: sent, shown } as const;
      const id = await putAside(context, doubt);
      if (id === undefined) {
        return formatNotice(
          'This form was sent before: what it was asked then stands here. Nothing was run.',
        );
      }
      return formatReadings('form', id, { raw: raw.reading, entities: entities.reading });
    },
  };
}

interface Look {
  readonly reading: Reading;
  readonly shown?: string;
  readonly fault?: Refusal | Extract<FormVerdict, { kind: 'faults' }>['faults'];
}

async function look(
  context: RequestContext,
  call: Call,
  sent: SubmittedForm,
  how: TextReading,
): Promise<Look> {
  const form = readForm(sent, how);
  const typed = describeForm(form);
  const refused = (fault: NonNullable<Look['fault']>, why: string): Look => ({
    reading: { words: typed, runsOn: `refused: ${why}` },
    fault,
  });
  try {
    const drafted = draftForm(context, { ...call, typed }, form);
    if ('faults' in drafted) return refused(drafted.faults, Object.values(drafted.faults).join(' '));
    const { plan } = drafted;
    return { reading: { words: typed, runsOn: describeTargets(plan) }, shown: await hashPlan(plan) };
  } catch (error) {
    if (error instanceof Refusal) return refused(error, error.message);
    throw error;
  }
}

/** Its person has said how it is read: it is judged anew, and only what was shown is run. */
export async function runSettledForm(
  context: RequestContext,
  call: Call,
  { form, reading, shown }: Pick<SettledForm, 'form' | 'reading' | 'shown'>,
): Promise<Answer | undefined> {
  const answer = await runForm(context, call, readForm(form, reading), shown[reading]);
  await rememberReading(context, call.requester, 'form', reading);
  return answer;
}
