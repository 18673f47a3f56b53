import { completeBlocks, findBlockFault } from '../blocks/message-blocks.ts';
import { type Json, recordsOf, textOf } from '../json.ts';
import { findLive } from '../workspace/live.ts';
import type { StoredMessage } from '../workspace/message.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Messages that answer one thing a person did: in the ack, or later at its response_url. */

const MAX_TEXT = 40_000;

export interface AnswerFault {
  /** Slack's name for it. */
  readonly error: string;
  readonly details: readonly string[];
}

function fault(error: string, details: readonly string[] = []): AnswerFault {
  return { error, details };
}

/** One command or click, and what it was answered. */
export interface Occasion {
  readonly user: string;
  readonly channel: string;
  /** What `replace_original` and `delete_original` mean: the clicked message, or the first answer. */
  original: { readonly ts: string; readonly onlyFor: string | null } | null;
  /** All answers, by `ts`. */
  readonly answers: { readonly ts: string; readonly onlyFor: string | null }[];
}

/** What is wrong with the answer; null where it was done. */
export function postAnswer(workspace: Workspace, occasion: Occasion, body: Json): AnswerFault | null {
  const original = findAnswer(workspace, occasion, occasion.original);
  if (body.delete_original === true) {
    if (original === undefined) return fault('message_not_found');
    if (original.onlyFor === null) workspace.deleteMessage(original);
    else workspace.deleteEphemeral(original);
    return null;
  }
  const blocks = body.blocks ?? [];
  const blockFault = findBlockFault(blocks, { surface: 'message', isSumLimited: false });
  if (blockFault !== null) return fault('invalid_blocks', blockFault.messages);
  const content = {
    text: (textOf(body, 'text') ?? '').slice(0, MAX_TEXT),
    blocks: completeBlocks(recordsOf(body, 'blocks')),
  };
  if (content.text.trim() === '' && content.blocks.length === 0) return fault('no_text');
  const live = findLive(content, {
    parse: body.parse === 'full' || body.parse === 'none' ? body.parse : 'default',
    linkNames: body.link_names === true || body.link_names === 1,
  });
  if (body.replace_original === true && original !== undefined) {
    const change = {
      ...content,
      ...live,
      editedAt: workspace.settings.now(),
      edits: original.edits + 1,
    };
    if (original.onlyFor === null) workspace.changeMessage(original, change);
    else workspace.changeEphemeral(original, change);
    return null;
  }
  const threadTs = textOf(body, 'thread_ts') ?? null;
  if (threadTs !== null && workspace.findMessage(occasion.channel, threadTs) === undefined)
    return fault('thread_not_found');
  const isPublic = body.response_type === 'in_channel';
  if (!isPublic && !workspace.showsPrivately(occasion.channel, threadTs)) return null;
  const common = {
    channel: occasion.channel,
    threadTs,
    user: workspace.settings.bot.userId,
    isFromApp: true,
    ...content,
    ...live,
    files: [],
    metadata: null,
  };
  const message = isPublic
    ? workspace.addMessage({ ...common, onlyFor: null })
    : workspace.addEphemeral({ ...common, onlyFor: occasion.user });
  occasion.answers.push(message);
  occasion.original ??= message;
  return null;
}

export function findAnswer(
  workspace: Workspace,
  occasion: Occasion,
  answer: Occasion['original'],
): StoredMessage | undefined {
  if (answer === null) return undefined;
  return answer.onlyFor === null
    ? workspace.findMessage(occasion.channel, answer.ts)
    : workspace.findEphemeral(answer.onlyFor, answer.ts);
}
