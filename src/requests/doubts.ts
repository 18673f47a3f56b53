import { parseCommand } from '../command/parse-command.ts';
import type { Request } from '../command/request.ts';
import { bothReadings, readText, type TextReading } from '../command/slash-text.ts';
import { Refusal } from '../errors.ts';
import type { Call, RequestContext } from '../lifecycle/begin-run.ts';
import {
  formatLate,
  formatReadings,
  MAX_READING_CHARS,
  READ_ENTITIES_ACTION,
  READ_RAW_ACTION,
  RUN_LATE_ACTION,
} from '../report/doubts.ts';
import type { Answer } from '../report/views/view.ts';
import type { ButtonClick, SlashCall } from './calls.ts';

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
  if (text.length > MAX_READING_CHARS) {
    throw new Refusal('usage', 'This can be read in two ways, and is too long to be shown in both.', {
      remedy: 'Send a short command with `&`, `<` or `>` in it first: that is asked about once, for all.',
    });
  }
  const id = await putAside(context, call, { command, text }, 'text');
  if (id === undefined) return undefined;
  return formatReadings(id, { raw: `${command} ${text}`, entities: `${command} ${decoded}` });
}

/** It came late: whether it is still wanted is not known. */
export async function askWhetherStill(
  context: RequestContext,
  call: Call,
  { command, text, requestKey }: SlashCall,
): Promise<Answer | undefined> {
  // The first delivery is the run.
  if (await context.store.hasRequest(requestKey)) return undefined;
  const id = await putAside(context, call, { command, text }, 'late');
  return id === undefined ? undefined : formatLate(id, `${command} ${text}`);
}

async function putAside(
  { store, log }: RequestContext,
  { requester, channelId, requestKey }: Call,
  words: Pick<SlashCall, 'command' | 'text'>,
  kind: 'text' | 'late',
): Promise<string | undefined> {
  const id = await store.doubts.put({ ...words, kind, requester, channelId, requestKey });
  log.info({ user: requester.userId, kind }, 'a command waits for a word of who typed it');
  return id;
}

const READING_OF: ReadonlyMap<string, TextReading> = new Map([
  [READ_RAW_ACTION, 'raw'],
  [READ_ENTITIES_ACTION, 'entities'],
]);

export function settlesDoubt({ actionId }: ButtonClick): boolean {
  return actionId === RUN_LATE_ACTION || READING_OF.has(actionId);
}

/** A command that its person has said the missing word about: what it is now, and what they said. */
export interface Settled {
  readonly slash: SlashCall;
  readonly reading: TextReading | undefined;
  /** Their own words. */
  readonly typed: string;
}

/** Takes it, once. Only whoever typed it finds it. */
export async function takeDoubt({ store }: RequestContext, click: ButtonClick): Promise<Settled> {
  refuseLate(click);
  const { requester, actionId, value } = click;
  const reading = READING_OF.get(actionId);
  const found = await store.doubts.take(value, requester);
  if (found === undefined || (found.kind === 'text') !== (reading !== undefined)) throw usedUp();
  if (await store.hasRequest(found.requestKey)) {
    throw new Refusal('not-now', 'This command has begun a run already.', {
      remedy: '`/batch runs` lists it.',
    });
  }
  const { command, channelId, requestKey } = found;
  const text = reading === undefined ? found.text : readText(found.text, reading);
  return {
    slash: {
      command,
      text,
      requester,
      channelId,
      requestKey,
      receivedAs: click.requestKey,
      isLate: false,
    },
    reading,
    typed: bothReadings(found.text),
  };
}

/** Whoever was told that their click failed may have changed their mind since. */
export function refuseLate({ isLate }: Pick<ButtonClick, 'isLate'>): void {
  if (!isLate) return;
  throw new Refusal('not-now', 'This click reached Batchops late: Slack may have told you that it failed.', {
    remedy: 'Press again if you still want it.',
  });
}

function usedUp(): Refusal {
  return new Refusal('not-now', 'This button has done its work, is more than a day old, or is not yours.', {
    remedy: 'Send the command again.',
  });
}
