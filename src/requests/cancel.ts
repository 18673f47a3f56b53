import { Refusal } from '../errors.ts';
import type { Call, RequestContext } from '../lifecycle/begin-run.ts';
import { hasRight } from '../policy/authorize.ts';
import { formatNotice } from '../report/answers.ts';
import type { Answer } from '../report/views/view.ts';
import { isSamePerson } from '../run/plan.ts';
import type { Run } from '../run/run.ts';
import { findVisibleRun } from './questions.ts';

export async function cancelRun(context: RequestContext, call: Call, runId: string): Promise<Answer> {
  const { run } = await findStoppableRun(context, call, runId, (id) => `${id} is not yours to cancel.`);
  if (run.state === 'finished') {
    throw new Refusal('not-now', `${run.id} has already finished.`, { remedy: `See /batch show ${run.id}` });
  }
  const { skipped, running } = await context.store.cancelRun(run.id, call.requester);
  context.abort(running);
  return formatNotice(
    `Cancelling ${run.id}: ${skipped} not started any more, ${running.length} being stopped. The thread tells how each ended.`,
  );
}

/** For who asked for it, and for whoever may cancel other people's on all of its hosts. */
export async function findStoppableRun(
  context: RequestContext,
  call: Call,
  runId: string,
  refusal: (id: string) => string,
): Promise<{ readonly run: Run; readonly isOwn: boolean }> {
  const run = await context.store.findRun(runId);
  if (run !== undefined) {
    const isOwn = isSamePerson(run.plan.requester, call.requester);
    const hosts = run.plan.targets.map((target) => target.host);
    if (isOwn || hasRight(context.allowlist, call, 'cancel', hosts)) return { run, isOwn };
  }
  // Who may not see it is not told that there is one.
  const { id } = await findVisibleRun(context, call, runId);
  throw new Refusal('not-allowed', refusal(id), {
    remedy: 'Its requester can, and whoever has the action "cancel" on its hosts in the allowlist.',
  });
}

/** One host of a run: the others go on. */
export async function cancelHost(
  context: RequestContext,
  call: Call,
  run: Run,
  host: string,
): Promise<Answer> {
  const isOwn = isSamePerson(run.plan.requester, call.requester);
  if (!isOwn && !hasRight(context.allowlist, call, 'cancel', [host])) {
    throw new Refusal('not-allowed', `${host} in ${run.id} is not yours to cancel.`, {
      remedy: `Its requester can, and whoever has the action "cancel" on ${host} in the allowlist.`,
    });
  }
  const { skipped, running } = await context.store.cancelHosts(run.id, [host], call.requester);
  if (skipped + running.length === 0) {
    throw new Refusal('not-now', `${host} has already ended in ${run.id}.`, {
      remedy: `See /batch show ${run.id} ${host}`,
    });
  }
  context.abort(running);
  return formatNotice(
    skipped > 0
      ? `${host} will not be started in ${run.id}; its other hosts go on.`
      : `${host} is being stopped in ${run.id}; its other hosts go on${
          run.plan.rollout?.maxFail === undefined ? '' : ', unless that is one failure too many (-maxfail)'
        }. The thread tells how it ended.`,
  );
}
