import { parseCommand } from '../../command/parse-command.ts';
import type { Request } from '../../command/request.ts';
import { readText } from '../../command/slash-text.ts';
import { Refusal } from '../../errors.ts';
import type { Call, RequestContext } from '../../lifecycle/begin-run.ts';
import { formatLate, formatReadings, MAX_READING_CHARS } from '../../report/doubts.ts';
import type { Answer } from '../../report/views/view.ts';
import type { Doubtful } from '../../run/doubtful.ts';
import type { SlashCall } from '../calls.ts';

/** Commands that are not run before who typed them has pressed a button. */

/** What was typed → what is meant, or why it is nothing. */
export function understand({ command, text }: Pick<SlashCall, 'command' | 'text'>): Request | Refusal {
  try {
    return parseCommand(command, text);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Whether hosts are touched by it. To stop something, or to look, is never too late. */
export function beginsRun(asked: Request): boolean {
  return asked.kind === 'retry' || (asked.kind === 'fleet' && !asked.preview);
}

/** It can be read in two ways, and which one was typed is not known. */
export async function askReading(
  context: RequestContext,
  call: Call,
  sent: SlashCall,
): Promise<Answer | undefined> {
  const { command, text } = sent;
  const decoded = readText(text, 'entities');
  const [raw, entities] = [understand(sent), understand({ command, text: decoded })];
  // Wrong either way: there is nothing to choose.
  if (raw instanceof Refusal && entities instanceof Refusal) throw raw;
  refuseLong(text);
  const { requester, channelId, requestKey } = call;
  const id = await putAside(context, { kind: 'text', requester, channelId, requestKey, command, text });
  if (id === undefined) return undefined;
  return formatReadings('command', id, {
    raw: { words: `${command} ${text}` },
    entities: { words: `${command} ${decoded}` },
  });
}

/** What is not seen is not chosen. */
export function refuseLong(text: string): void {
  if (text.length <= MAX_READING_CHARS) return;
  throw new Refusal('usage', 'This can be read in two ways, and is too long to be shown in both.', {
    remedy: 'Send a short command with `&`, `<` or `>` in it first: that is asked about once, for all.',
    about: 'command',
  });
}

/** It came late: whether it is still wanted is not known. */
export async function askWhetherStill(
  context: RequestContext,
  { requester, channelId }: Call,
  { command, text, requestKey }: SlashCall,
): Promise<Answer | undefined> {
  // The first delivery is the run.
  if ((await context.store.runOfRequest(requestKey)) !== undefined) return undefined;
  const id = await putAside(context, { kind: 'late', requester, channelId, requestKey, command, text });
  return id === undefined ? undefined : formatLate(id, `${command} ${text}`);
}

export async function putAside({ store, log }: RequestContext, doubt: Doubtful): Promise<string | undefined> {
  const id = await store.doubts.put(doubt);
  log.info({ user: doubt.requester.userId, kind: doubt.kind }, 'a command waits for a word of who typed it');
  return id;
}
