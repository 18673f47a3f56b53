import { canaryButtons } from '../report/buttons.ts';
import { type Message, section } from '../report/message.ts';
import { escapeMrkdwn, escapeShort, mention } from '../report/text/escape.ts';
import { cleanOutput } from '../report/text/plain.ts';
import { isPaused } from '../report/text/rollout.ts';
import { capitalize, plural } from '../report/text/wording.ts';
import type { Run } from '../run/run.ts';

/**
 * A message of its own, as an edit of the root message reaches nobody: who asked for the run is called to look at what
 * came of its canary. Once somebody has said what is to become of it, it asks for nothing any more.
 */
export function formatCanary(run: Run): Message | undefined {
  const { plan, rollout, cancelledBy } = run;
  if (rollout === undefined) return undefined;
  const id = escapeMrkdwn(run.id);
  if (!isPaused(run)) {
    const then = `The canary of ${id} has ended, and ${
      rollout.phase !== 'paused'
        ? 'it went on'
        : cancelledBy === undefined
          ? 'no other host waits any more'
          : `it was stopped there by ${mention(cancelledBy.userId)}`
    }.`;
    return { text: then, blocks: [section(then)] };
  }
  const tally = escapeShort(cleanOutput(capitalize(run.held ?? '')), 300);
  const { queued } = run.progress;
  const waits = `${plural(queued, 'host')} of ${id} ${queued === 1 ? 'waits' : 'wait'} for _Continue_`;
  const text = `${mention(plan.requester.userId)} *${tally}.* ${waits}.`;
  return { text, blocks: [section(text), ...canaryButtons(run)] };
}
