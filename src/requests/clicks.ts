import type { RetryOf } from '../command/verbs.ts';
import { Refusal } from '../errors.ts';
import { foldResults, generalize } from '../gather/fold.ts';
import type { Call, RequestContext } from '../lifecycle/begin-run.ts';
import {
  AGAIN_ACTION,
  CANCEL_ACTION,
  CANCEL_HOST_ACTION,
  CONTINUE_ACTION,
  ERRORS_ACTION,
  LOG_ACTION,
  RESUME_ACTION,
  RETRY_ACTION,
  runOfBlock,
  SHOW_HOST_ACTION,
} from '../report/buttons.ts';
import { formatErrors, formatLogPointer, MAX_TROUBLES, type Trouble } from '../report/click-answers.ts';
import { ASK_TEXT_ACTION } from '../report/doubts.ts';
import { TRUST_ACTION } from '../report/keys/look.ts';
import { formatDay } from '../report/text/wording.ts';
import { HOME_COPY_ACTION, HOME_RUN_ACTION } from '../report/views/home.ts';
import type { Answer } from '../report/views/view.ts';
import { findTarget } from '../run/plan.ts';
import { isGivenUp, type Run } from '../run/run.ts';
import type { ButtonClick } from './calls.ts';
import { cancelHost, cancelRun } from './cancel.ts';
import { refuseLate } from './doubts/presses.ts';
import { askAgain } from './doubts/readings.ts';
import { openForm } from './form.ts';
import type { KeyOffers } from './key-offers.ts';
import { findVisibleRun, readRun } from './questions.ts';
import { repeatRun } from './repeat.ts';
import { continueRun, resumeRun } from './resume.ts';
import { showHost } from './show-host.ts';
import { trustKeys } from './trust.ts';
import { watchHost } from './watch-host.ts';

/**
 * What a button means. Nothing is believed of it but who clicked, where, and the id of a run (or of keys that
 * were shown): what that is and what may be done with it comes from the store and the rules of today. `standIn`: the
 * context by the rules of a later moment.
 */
export async function answerClick(
  context: RequestContext,
  call: Call,
  click: ButtonClick,
  offers: KeyOffers,
  standIn: () => Promise<RequestContext>,
): Promise<Answer | undefined> {
  const { actionId, value } = click;
  switch (actionId) {
    case CANCEL_ACTION:
      return await cancelRun(context, call, value);
    case CANCEL_HOST_ACTION: {
      const run = await findVisibleRun(context, call, runIdOf(click));
      return await cancelHost(context, call, run, hostOf(run, value));
    }
    case ERRORS_ACTION:
      return await answerWithErrors(context, await readRun(context, call, value));
    case SHOW_HOST_ACTION: {
      const run = await readRun(context, call, runIdOf(click));
      const job = await context.store.findJob(run.id, hostOf(run, value));
      if (job === undefined) throw strange();
      return job.state === 'running'
        ? await watchHost(context, standIn, call, run, job)
        : showHost(context.log, run, job);
    }
    case LOG_ACTION:
      return await answerWithLog(context, await readRun(context, call, value));
    case RESUME_ACTION:
      return await resumeRun(context, call, value, click);
    case CONTINUE_ACTION:
      return await continueRun(context, call, value, click);
    case RETRY_ACTION:
      return await repeatOnce(context, call, click, 'failed');
    case AGAIN_ACTION:
      return await repeatOnce(context, call, click, 'all');
    case TRUST_ACTION:
      refuseLate(click);
      return await trustKeys(context, call, value, offers);
    case HOME_RUN_ACTION:
      return openForm('run', call);
    case HOME_COPY_ACTION:
      return openForm('copy', call);
    default:
      if (actionId.startsWith(`${ASK_TEXT_ACTION}:`)) return await askAgain(context, call, value);
      throw strange();
  }
}

/** The run that a click is to stop; undefined where it is to stop none. */
export function stoppedBy({ actionId, value, blockId }: ButtonClick): string | undefined {
  if (actionId === CANCEL_ACTION) return value;
  return actionId === CANCEL_HOST_ACTION ? runOfBlock(blockId) : undefined;
}

function strange(): Refusal {
  return new Refusal('usage', 'This button does nothing (any more).', {
    remedy: 'Use the commands instead: `/batch help`.',
  });
}

/** A select carries what was chosen; which run it is about stands in its block. */
function runIdOf({ blockId }: ButtonClick): string {
  const runId = runOfBlock(blockId);
  if (runId === undefined) throw strange();
  return runId;
}

/** An option's value is the host's place in the plan, since a name may be longer than Slack takes. */
function hostOf(run: Run, value: string): string {
  const target = /^\d{1,6}$/.test(value) ? run.plan.targets[Number(value)] : undefined;
  if (target === undefined) throw strange();
  return target.host;
}

async function repeatOnce(
  context: RequestContext,
  call: Call,
  click: ButtonClick,
  which: RetryOf,
): Promise<Answer | undefined> {
  const once = onceForClicks(call, click);
  // The first delivery, to an earlier process, is the run.
  if (click.isLate && (await context.store.runOfRequest(once.requestKey, click.clickedAt)) !== undefined)
    return undefined;
  refuseLate(click);
  return await repeatRun(context, once, click.value, which);
}

/** Every click of one person on one button has the button's key: `Call.clickedAt` tells which of them are one. */
function onceForClicks(call: Call, { actionId, value, requester, clickedAt }: ButtonClick): Call {
  return {
    ...call,
    typed: `${call.typed}, click ${clickedAt}`,
    receivedAs: call.requestKey,
    requestKey: `click:${requester.teamId}:${requester.userId}:${actionId}:${value}`,
    clickedAt,
  };
}

/** What did not end ok, folded; only as many outputs are read as one message can show. */
async function answerWithErrors(context: RequestContext, run: Run): Promise<Answer> {
  const rows = await context.store.listFoldRows(run.id);
  const bundles = foldResults(rows.filter(({ kind }) => kind !== 'ok'));
  const troubles: Trouble[] = [];
  for (const { hosts } of bundles.slice(0, MAX_TROUBLES)) {
    const [first] = hosts;
    const outcome = (await context.store.findJob(run.id, first))?.outcome;
    const target = findTarget(run.plan, first);
    if (outcome === undefined || target === undefined) continue;
    // What stands for several hosts names none of them.
    const isShared = hosts.length > 1;
    troubles.push({
      hosts,
      outcome: isShared ? generalize(outcome, target, run.plan.fold ?? 'exact') : outcome,
    });
  }
  return formatErrors(run, troubles, bundles.slice(MAX_TROUBLES));
}

/** The whole log is a file in the thread: the first who asks has it put there, the others are shown to it. */
async function answerWithLog(context: RequestContext, run: Run): Promise<Answer> {
  if (isGivenUp(run)) {
    throw new Refusal('not-now', `${run.id} has no thread, and nothing of it ran.`);
  }
  if (run.state !== 'finished') {
    throw new Refusal('not-now', `${run.id} is still going on: its log comes when it has ended.`);
  }
  if (run.outputGoneAt !== undefined) {
    throw new Refusal(
      'not-now',
      `What the hosts of ${run.id} said was kept until ${formatDay(run.outputGoneAt)}.`,
      {
        remedy: `What its thread showed still stands there; /batch show ${run.id} tells how each host ended.`,
      },
    );
  }
  if (run.rootTs === undefined) {
    throw new Refusal('not-now', `The thread of ${run.id} is being posted anew.`, {
      remedy: 'Press again in a moment.',
    });
  }
  const isThere = await context.store.postLog(run.id);
  return formatLogPointer(run, isThere, context.threadLink(run.plan.channelId, run.rootTs));
}
