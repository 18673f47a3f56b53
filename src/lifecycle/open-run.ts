import { Refusal } from '../errors.ts';
import type { Log } from '../ports/log.ts';
import type { Opener } from '../ports/slack.ts';
import type { Store } from '../ports/store.ts';
import type { Run } from '../run/run.ts';
import { formatRoot } from '../thread/root.ts';
import { formatKey } from '../thread/row.ts';
import { tryAgain } from '../time/again.ts';

/** What a run's thread is opened with. */
export interface OpeningContext {
  readonly store: Store;
  readonly opener: Opener;
  readonly log: Log;
  readonly now: () => number;
}

/** Nothing runs where nobody could read about it: the root message comes first, or the run is given up. */
export async function openRun(context: OpeningContext, run: Run): Promise<void> {
  try {
    await open(context, run, false);
  } catch (error) {
    // That it is given up may not have been put down.
    closeLater(context, () => context.store.findRun(run.id));
    throw error;
  }
}

async function open(context: OpeningContext, run: Run, mayStand: boolean): Promise<void> {
  let ts: string;
  try {
    const message = formatRoot(run, { now: context.now() });
    ts = await context.opener.openThread(
      run.plan.channelId,
      message,
      formatKey({ kind: 'root', runId: run.id }),
      mayStand,
    );
  } catch (error) {
    const reason = error instanceof Refusal ? error.message : 'the root message could not be posted';
    await context.store.abandonRun(run.id, reason);
    throw error;
  }
  try {
    await context.store.releaseRun(run.id, ts);
  } catch (error) {
    await withdraw(context, run, ts);
    throw error;
  }
}

/** Runs that were stored and had not begun when their process ended. */
export async function closeUnopenedRuns(context: OpeningContext): Promise<void> {
  const reason = 'the bot was stopped before this run began; nothing was sent';
  for (const run of await context.store.unopenedRuns()) {
    await closeUnopened(context, run, reason).catch((error: unknown) => {
      context.log.warn(
        { run: run.id, err: error },
        'a run of the last process has no thread: nothing of it ran',
      );
      closeLater(context, () => context.store.findRun(run.id));
    });
  }
}

/**
 * Whoever asked for it is told that it failed, so it must not stay as if it were about to begin. `find`: what the
 * store has of it, once it answers again; it may have nothing.
 */
export function closeLater(context: OpeningContext, find: () => Promise<Run | undefined>): void {
  tryAgain(
    async () => {
      const run = await find();
      if (run?.state !== 'opening') return;
      await closeUnopened(context, run, 'this run could not be begun; nothing was sent');
    },
    (error) => context.log.warn({ err: error }, 'a run that did not begin is closed later'),
  );
}

/**
 * A run that was stored and never released, of a process that is gone or could not go on with it. Whoever asked for
 * it was answered with a failure, or not at all, and may have asked again: it never runs, and its thread says so.
 */
async function closeUnopened(context: OpeningContext, run: Run, reason: string): Promise<void> {
  await giveUp(context, run, reason);
  const given = (await context.store.findRun(run.id)) ?? run;
  // It may have been posted before that could be noted.
  await open(context, given, true);
}

/** The one who asked is about to be told that it failed: so it must not run later, and its root message says so. */
async function withdraw(context: OpeningContext, run: Run, ts: string): Promise<void> {
  try {
    await giveUp(context, run, 'the run could not be released; nothing was sent');
    await context.store.releaseRun(run.id, ts);
  } catch (error) {
    // Where that was not put down it stays `opening`, in which nothing starts.
    context.log.error({ run: run.id, err: error }, 'a run could not be given up');
  }
}

/** Nothing of it can start any more, whatever becomes of its root message. */
async function giveUp(context: OpeningContext, run: Run, reason: string): Promise<void> {
  await context.store.skipJobs(
    run.id,
    run.plan.targets.map(({ host }) => host),
    reason,
  );
}
