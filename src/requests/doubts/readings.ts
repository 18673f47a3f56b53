import { mayBeEncoded, type TextReading, type TextSource } from '../../command/slash-text.ts';
import { Refusal } from '../../errors.ts';
import type { Call, RequestContext } from '../../lifecycle/begin-run.ts';
import { hasRight } from '../../policy/authorize.ts';
import { formatNotice } from '../../report/answers.ts';
import type { TextHabit } from '../../report/doubts.ts';
import type { Answer } from '../../report/views/view.ts';
import type { Requester } from '../../run/plan.ts';

/** How this text is to be read; undefined where only who typed it can tell. */
export async function findReading(
  context: RequestContext,
  source: TextSource,
  { teamId }: Requester,
  text: string,
): Promise<TextReading | undefined> {
  if (!/[&<]/.test(text)) return 'raw';
  const { reading } = await findHabit(context, source, teamId);
  return reading ?? (mayBeEncoded(text) ? undefined : 'raw');
}

/** What is done with text here. */
export async function listHabits(
  context: RequestContext,
  { teamId }: Requester,
): Promise<readonly TextHabit[]> {
  return [await findHabit(context, 'command', teamId), await findHabit(context, 'form', teamId)];
}

/** The setting is about commands: what Slack does to the text of a form is another question. */
async function findHabit(context: RequestContext, source: TextSource, teamId: string): Promise<TextHabit> {
  const { slashText, store } = context;
  if (source === 'command' && slashText !== 'auto') return { source, reading: slashText, isSet: true };
  return { source, reading: await store.readings.find(teamId, source), isSet: false };
}

/** Who typed it has said so, and what they chose has begun. */
export async function rememberReading(
  context: RequestContext,
  by: Requester,
  source: TextSource,
  reading: TextReading,
): Promise<void> {
  if (source === 'command' && context.slashText !== 'auto') return;
  if (!(await context.store.readings.remember(by, source, reading))) return;
  context.log.info({ source, reading, user: by.userId }, 'from now on text from Slack is read so');
}

/** It changes what everybody's commands mean, so it takes a right over every host. */
export function mayAskAgain(
  { allowlist, inventory }: RequestContext,
  call: Pick<Call, 'requester' | 'channelId'>,
) {
  const hosts = Array.from(inventory.hosts.values(), ({ name }) => name);
  return hosts.length > 0 && hasRight(allowlist, call, 'audit', hosts);
}

export async function askAgain(context: RequestContext, call: Call, source: string): Promise<Answer> {
  const known = (['command', 'form'] as const).find((one) => one === source);
  if (known === undefined) throw new Refusal('usage', 'This button does nothing (any more).');
  if (!mayAskAgain(context, call)) {
    throw new Refusal('not-allowed', 'How text is read is not yours to change here.', {
      remedy: 'It takes the action "audit" on every host in the allowlist, or BATCHOPS_SLASH_TEXT.',
    });
  }
  const isGone = await context.store.readings.forget(call.requester, known);
  if (!isGone) return formatNotice('Nothing was remembered (any more).');
  context.log.info({ source, user: call.requester.userId }, 'how text from Slack is read is asked again');
  return formatNotice('Forgotten: the next text that can be read in two ways is asked about.');
}
