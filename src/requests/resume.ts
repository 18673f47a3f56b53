import { Refusal } from '../errors.ts';
import type { Call, RequestContext } from '../lifecycle/begin-run.ts';
import { authorizeHosts } from '../lifecycle/execution.ts';
import { formatNotice } from '../report/answers.ts';
import { isPaused } from '../report/text/rollout.ts';
import { plural } from '../report/text/wording.ts';
import type { Answer } from '../report/views/view.ts';
import type { ButtonClick } from './calls.ts';
import { findStoppableRun } from './cancel.ts';
import { refuseLate } from './doubts/presses.ts';
import { findVisibleRun } from './questions.ts';

/**
 * What is held of a run goes on: judged anew for whoever lets it go, on the hosts that wait. As every start is,
 * it is asked again for the one who asked for the run.
 */
export async function resumeRun(
  context: RequestContext,
  call: Call,
  runId: string,
  click: Pick<ButtonClick, 'isLate'>,
): Promise<Answer> {
  const run = await findVisibleRun(context, call, runId);
  if (run.held === undefined || isPaused(run) || run.state !== 'open' || run.cancelledBy !== undefined)
    throw nothingHeld(run.id);
  const waiting = (await context.store.listJobs(run.id)).filter(({ state }) => state === 'queued');
  if (waiting.length === 0) throw nothingHeld(run.id);
  // Where its first delivery let it go, that is said before.
  refuseLate(click);
  const { requester, channelId } = call;
  authorizeHosts(
    context,
    { ...run.plan, requester, channelId },
    waiting.map(({ host }) => host),
  );
  const count = await context.store.resumeRun(run.id, requester);
  if (count === undefined) throw nothingHeld(run.id);
  return formatNotice(`${run.id} goes on: ${plural(count, 'host')}. The thread tells how each ends.`);
}

function nothingHeld(runId: string): Refusal {
  return new Refusal('not-now', `Nothing of ${runId} is held (any more).`, {
    remedy: `/batch show ${runId} tells how far it is.`,
  });
}

/**
 * The canary is well enough: for who asked for the run, if they may still do it on the hosts that wait, and for whoever
 * may stop it. As every start is, it is asked again for the one who asked for the run.
 */
export async function continueRun(
  context: RequestContext,
  call: Call,
  runId: string,
  click: Pick<ButtonClick, 'isLate'>,
): Promise<Answer> {
  const words = (id: string) => `Whether ${id} continues is not yours to say.`;
  const { run, isOwn } = await findStoppableRun(context, call, runId, words);
  if (!isPaused(run)) throw notPaused(run.id);
  refuseLate(click);
  if (isOwn) {
    const waiting = (await context.store.listJobs(run.id)).filter(({ state }) => state === 'queued');
    authorizeHosts(
      context,
      { ...run.plan, channelId: call.channelId },
      waiting.map(({ host }) => host),
    );
  }
  const count = await context.store.continueRun(run.id, call.requester);
  if (count === undefined) throw notPaused(run.id);
  return formatNotice(`${run.id} continues: ${plural(count, 'host')}. The thread tells how each ends.`);
}

function notPaused(runId: string): Refusal {
  return new Refusal('not-now', `${runId} does not wait for Continue (any more).`, {
    remedy: `/batch show ${runId} tells how far it is.`,
  });
}
