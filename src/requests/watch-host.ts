import { Refusal } from '../errors.ts';
import type { Call, RequestContext } from '../lifecycle/begin-run.ts';
import { formatRefusal } from '../report/answers.ts';
import { formatWindow } from '../report/views/form.ts';
import type { LiveWindow } from '../report/views/view.ts';
import type { Job, Run } from '../run/run.ts';
import { formatLiveWindow, formatRunning, LIVE_WINDOW } from '../thread/reply/live.ts';
import { findVisibleRun } from './questions.ts';
import { showHost } from './show-host.ts';

/**
 * A host that runs, in a window that goes on with it. Each time it is looked at it is judged anew whether its person may
 * see it: `standIn` gives the rules of that moment.
 */
export function watchHost(
  context: RequestContext,
  standIn: () => Promise<RequestContext>,
  call: Call,
  run: Run,
  job: Job,
): LiveWindow {
  const show = (shown: Job) =>
    shown.state === 'running'
      ? formatRunning(run, shown, context.live.of(run.id, shown.host))
      : showHost(context.log, run, shown);
  const first = show(job);
  return {
    view: formatLiveWindow(first, job),
    instead: first,
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
      return { view: formatLiveWindow(show(now), now, why), isLast: why !== undefined };
    },
  };
}
