import { Refusal } from '../errors.ts';
import type { Call, RequestContext } from '../lifecycle/begin-run.ts';
import { formatRefusal } from '../report/answers.ts';
import { formatWindow } from '../report/views/form.ts';
import type { LiveWindow } from '../report/views/view.ts';
import type { Sight } from '../run/live-output.ts';
import type { Job, Run } from '../run/run.ts';
import { formatLiveWindow, formatRunning, LIVE_WINDOW } from '../thread/reply/live.ts';
import { findVisibleRun } from './questions.ts';
import { showHost } from './show-host.ts';

/**
 * A host that runs, in a window that goes on with it. Each time it is looked at it is judged anew whether its person may
 * see it: `standIn` gives the rules of that moment.
 */
export async function watchHost(
  context: RequestContext,
  standIn: () => Promise<RequestContext>,
  call: Call,
  run: Run,
  job: Job,
): Promise<LiveWindow> {
  let last: { readonly sight: Sight; readonly at: number } | undefined;
  const show = async (shown: Job) => {
    if (shown.state !== 'running') return { message: showHost(context.log, run, shown) };
    const sight = await context.sights.ofHost(run.id, shown.host);
    // What was seen before is better than nothing.
    if (sight?.phase === 'unanswered' && last !== undefined)
      return { message: formatRunning(run, shown, last.sight), seenAt: last.at };
    if (sight !== undefined && sight.phase !== 'unanswered') last = { sight, at: context.now() };
    return { message: formatRunning(run, shown, sight) };
  };
  const first = await show(job);
  return {
    view: formatLiveWindow(first.message, job, undefined, first.seenAt),
    instead: first.message,
    async look(end) {
      try {
        await findVisibleRun(await standIn(), call, run.id);
      } catch (error) {
        if (!(error instanceof Refusal) || error.code === 'not-now') throw error;
        const view = formatWindow(formatRefusal(error));
        return { view: { ...view, callback_id: LIVE_WINDOW }, isLast: true };
      }
      const now = (await context.store.findJob(run.id, job.host)) ?? job;
      const why = now.outcome === undefined ? end : 'ended';
      const { message, seenAt } = await show(now);
      return { view: formatLiveWindow(message, now, why, seenAt), isLast: why !== undefined };
    },
  };
}
