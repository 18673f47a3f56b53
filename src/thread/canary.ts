import { canaryButtons } from '../report/buttons.ts';
import { type Message, section } from '../report/message.ts';
import { escapeMrkdwn, escapeShort, mention } from '../report/text/escape.ts';
import { cleanOutput } from '../report/text/plain.ts';
import { formatPaused, isPaused } from '../report/text/rollout.ts';
import { capitalize } from '../report/text/wording.ts';
import { ANSWER_WITHIN_HOURS } from '../run/rollout/words.ts';
import type { Run } from '../run/run.ts';

function sequel({ rollout, cancelledBy, plan }: Run): string {
  if (rollout?.phase === 'stopped' && rollout.answerBy !== undefined) {
    return `${mention(plan.requester.userId)} did not answer within ${ANSWER_WITHIN_HOURS} h, nor did anybody else: the other hosts were skipped`;
  }
  if (rollout?.phase !== 'paused') return 'it went on';
  if (cancelledBy === undefined) return 'no other host waits any more';
  return `it was stopped there by ${mention(cancelledBy.userId)}`;
}

/**
 * A message of its own, as an edit of the root message reaches nobody: who asked for the run is called to look at what
 * came of its canary. Once somebody has said what is to become of it, it asks for nothing any more.
 */
export function formatCanary(run: Run): Message | undefined {
  const { plan, rollout } = run;
  if (rollout === undefined) return undefined;
  const id = escapeMrkdwn(run.id);
  if (!isPaused(run)) {
    const then = `The canary of ${id} has ended, and ${sequel(run)}.`;
    return { text: then, blocks: [section(then)] };
  }
  const tally = escapeShort(cleanOutput(capitalize(run.held ?? '')), 300);
  const waits = formatPaused(run, ` of ${id}`);
  const text = `${mention(plan.requester.userId)} *${tally}.* ${waits}.`;
  return { text, blocks: [section(text), ...canaryButtons(run)] };
}
