import { withUsage } from '../command/parse-command.ts';
import type { FleetRequest } from '../command/request.ts';
import type { TextReading } from '../command/slash-text.ts';
import { Refusal } from '../errors.ts';
import type { Resolved } from '../inventory/expression.ts';
import { openFilling } from '../inventory/fill.ts';
import type { Approved } from '../policy/approved.ts';
import { authorize } from '../policy/authorize.ts';
import { resolveKnown } from '../policy/rights.ts';
import { checkShares, foreseeWait, type Shares } from '../policy/shares.ts';
import type { HostKeyring } from '../ports/hosts.ts';
import type { Meters } from '../ports/meters.ts';
import type { SharedFiles } from '../ports/slack.ts';
import { formatNotice, formatPreview } from '../report/answers.ts';
import { noteRollout } from '../report/text/rollout.ts';
import { describeFilling, formatCount, formatDuration } from '../report/text/wording.ts';
import type { Answer } from '../report/views/view.ts';
import { canonicalPlan, fillable, type Plan } from '../run/plan.ts';
import { type Asking, planRun } from '../run/planning.ts';
import { newSeed } from '../run/rollout/order.ts';
import { type BegunRun, type Click, isGivenUp, type Job } from '../run/run.ts';
import { breathe } from '../time/breathe.ts';
import { bringWork, draftWork } from './bring-files.ts';
import type { RunContext } from './execution.ts';
import type { LiveOutputs } from './live/live-outputs.ts';
import { closeLater, type OpeningContext, openRun } from './open-run.ts';
import { recordRefusal } from './refusals.ts';

export interface RequestContext extends RunContext, OpeningContext {
  readonly sharedFiles: SharedFiles;
  readonly keyring: HostKeyring;
  /** Where a thread is read; undefined where that is not known. */
  readonly threadLink: (channelId: string, ts: string) => string | undefined;
  /** Another process that writes with our token; undefined where none was noticed. */
  readonly otherBot: () => { readonly wroteAt: number; readonly channelId: string } | undefined;
  readonly limits: Limits;
  /** What the commands of this process say. */
  readonly live: Pick<LiveOutputs, 'of'>;
  readonly meters: Meters;
  /** How Slack writes `& < >` in commands: said, or asked (`auto`). */
  readonly slashText: 'auto' | TextReading;
  /** Of this release. */
  readonly version: string;
  /** Stops jobs on the wire; the store has already been told. */
  readonly abort: (jobs: readonly Job[]) => void;
  /** False once the process is stopping: nothing new is begun then. */
  readonly isOpen: () => boolean;
}

export interface Limits {
  readonly maxFanOut: number;
  readonly fanOut: number;
  readonly maxTimeLimitMs: number;
  readonly timeLimitMs: number;
  /** Set where there are too few files for as many jobs: what is asked for is lowered, and said to be. */
  readonly room?: { readonly jobs: number; readonly openFiles: number };
  /** Of one person. */
  readonly person: Shares;
}

/** One request as it came in: who, where, the words, and a key that a second delivery shares. */
export interface Call extends Asking {
  readonly requestKey: string;
  /** Where a button was clicked that can be clicked again, epoch ms by Slack's clock; the key is then the button's. */
  readonly clickedAt?: number;
  /** The key that it was noted under as it came in, where it is another one. */
  readonly receivedAs?: string;
  /** `typed` is our name for it, and nothing that its person wrote. */
  readonly isClick?: true;
}

/**
 * The story of one command: parse → known caller? → resolve → plan → authorize each host → store and audit in
 * one transaction → root message → release. What follows (queue, SSH, outcome, thread, summary, audit) the
 * release sets off; nobody waits for it here.
 */
export async function beginRun(
  context: RequestContext,
  call: Call,
  request: FleetRequest,
): Promise<Answer | undefined> {
  if (request.preview) return await previewRun(context, call, request);
  const { plan, notes } = draftRun(context, call, request);
  // Each of these is tens of milliseconds where there are ten thousand hosts.
  await breathe();
  authorize(plan, context.allowlist, context.inventory);
  const work = await bringWork(context, call, request.work);
  await breathe();
  return await startRun(context, call, { ...plan, work }, notes);
}

/** The same up to the verdict: what would be run, and nothing of it. */
async function previewRun(context: RequestContext, call: Call, request: FleetRequest): Promise<Answer> {
  const { plan: draft, notes: said } = draftRun(context, call, request);
  const notes = draft.order === 'random' ? [...said, DRAWN_ANEW] : said;
  let plan = draft;
  try {
    authorize(draft, context.allowlist, context.inventory);
    plan = { ...draft, work: await bringWork(context, call, request.work) };
    // What lies in the folder may be of a host that is not theirs.
    authorize(plan, context.allowlist, context.inventory);
    return formatPreview(plan, undefined, [...(await foreseeShares(context, plan)), ...notes]);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await recordRefusal(context, call, error);
    return formatPreview(plan, error, notes);
  }
}

const DRAWN_ANEW = 'The order is by chance: a run draws it anew. The form runs the one that it shows.';

/** What this person's limits would make wait, in words; a `Refusal` where they would let none of it begin. */
export async function foreseeShares(context: RequestContext, plan: Plan): Promise<readonly string[]> {
  const { person } = context.limits;
  const unfinished = await context.store.unfinishedOf(plan.requester);
  checkShares(person, unfinished, plan);
  const waits = foreseeWait(person, unfinished, plan);
  return waits === undefined ? [] : [waits];
}

/**
 * Words → the hosts and the plan that they stand for; of a file to send nothing is known yet. `seed`: of an order by
 * chance that was shown, to be the same again.
 */
export function draftRun(
  context: RequestContext,
  call: Call,
  request: FleetRequest,
  seed = newSeed(),
): Drafted {
  const { hosts, notes } = understand(context, call, request);
  const asking = { requester: call.requester, channelId: call.channelId, typed: call.typed };
  // The words are judged before the disk is looked at: who may not copy need not learn which files there are.
  const work = draftWork(request.work, call.channelId);
  const groups = [...request.groups, ...request.hosts.filter((term) => term.startsWith('@'))];
  const filling = openFilling(fillable(work), hosts, { inventory: context.inventory, groups });
  const plan = planRun(request, hosts, work, asking, context.limits, seed, filling);
  checkFollow(plan, context.store);
  return {
    plan,
    notes: [
      ...describeFilling(plan),
      ...request.notes,
      ...notes,
      ...noteRollout(plan, request.rollout ?? {}),
    ],
  };
}

/** Edits of replies have one budget for the workspace. */
function checkFollow({ follow, targets }: Plan, { crew }: Pick<RequestContext['store'], 'crew'>): void {
  if (follow !== true) return;
  if (crew?.has('bot') === true) {
    throw new Refusal(
      'usage',
      '-follow is not to be had here: workers run commands, and what they say comes as they end.',
      {
        remedy: 'Leave -follow out.',
      },
    );
  }
  if (targets.length === 1) return;
  throw new Refusal('usage', `-follow is for one host, and these are ${formatCount(targets.length)}.`, {
    remedy: 'Leave -follow out: “Show host…” below the run shows what each of them says while it runs.',
    about: 'hosts',
  });
}

/** What the words alone decide; where they name nothing, or ask for too much, the line of use helps. */
function understand(context: RequestContext, { requester }: Call, request: FleetRequest): Resolved {
  try {
    checkLimits(request, context.limits);
    return resolveKnown(context.allowlist, requester, context.inventory, request);
  } catch (error) {
    throw withUsage(error, COMMANDS[request.work.action]);
  }
}

const COMMANDS = { run: '/batch_run', put: '/batch_scp', get: '/batch_scp', ping: '/batch' } as const;

export interface Drafted {
  readonly plan: Plan;
  readonly notes: readonly string[];
}

export async function startRun(
  context: RequestContext,
  call: Call,
  plan: Plan,
  notes: readonly string[],
): Promise<Answer | undefined> {
  const approved = authorize(plan, context.allowlist, context.inventory);
  const { run, isNew } = await putDown(context, call, approved).catch((error: unknown) => {
    // Its commit may have been answered by nobody.
    if (!(error instanceof Refusal)) closeLater(context, () => findBegun(context.store, call));
    throw error;
  });
  if (!isNew) {
    // Slack delivers a request again where it missed our ack: the first delivery is the run.
    if (call.clickedAt === undefined) {
      // A window that did not close, as its ack was lost, may have been filled in anew since.
      const isSame = canonicalPlan(run.plan) === canonicalPlan(plan);
      if (isSame || isGivenUp(run)) return undefined;
      return formatNotice(`This has begun ${run.id} already, as it was sent first: nothing more was run.`);
    }
    return formatNotice(`This click has already begun ${run.id}: nothing more was run.`);
  }
  await openRun(context, run);
  return notes.length === 0 ? undefined : formatNotice([`${run.id} has begun.`, ...notes].join('\n'));
}

/** A click so soon after the one before is the same one, made twice by a nervous finger. */
const SAME_CLICK_MS = 10_000;

/** The run that this request begins, or has begun. */
async function putDown({ store, now }: RequestContext, call: Call, approved: Approved<Plan>) {
  const { requestKey, clickedAt, receivedAs } = call;
  if (clickedAt === undefined) return await store.createRun(approved, requestKey, undefined, receivedAs);
  // The runs' times are by our clock: where it is behind Slack's, a click would seem to come long after them.
  const madeAt = Math.min(clickedAt, now());
  const click: Click = { id: clickedAt, isSame: (newest) => madeAt <= sameClickUntil(newest) };
  return await store.createRun(approved, requestKey, click, receivedAs);
}

async function findBegun(
  store: RequestContext['store'],
  { requestKey, clickedAt }: Call,
): ReturnType<RequestContext['store']['findRun']> {
  const id = await store.runOfRequest(requestKey, clickedAt);
  return id === undefined ? undefined : await store.findRun(id);
}

/** A click up to then is the one that began this run; one made after it is meant as another. Epoch ms. */
function sameClickUntil(run: BegunRun): number {
  const endedAt = run.finishedAt ?? Number.POSITIVE_INFINITY;
  // Whoever was told that nothing was run may click again at once.
  return isGivenUp(run) ? endedAt : Math.max(endedAt, run.createdAt + SAME_CLICK_MS);
}

function checkLimits(request: FleetRequest, limits: Limits): void {
  if (request.fanOut !== undefined && request.fanOut > limits.maxFanOut) {
    throw new Refusal('usage', `-c ${request.fanOut} is more than this bot's total of ${limits.maxFanOut}.`, {
      remedy: `Ask for ${limits.maxFanOut} or less; BATCHOPS_CONCURRENCY sets the total.`,
      about: 'fan-out',
    });
  }
  const waitMs = request.rollout?.waitMs;
  if (waitMs !== undefined && waitMs > limits.maxTimeLimitMs) {
    throw new Refusal('usage', `-wait is longer than ${formatDuration(limits.maxTimeLimitMs)}.`, {
      remedy: 'Run the batches by themselves. The administrator sets the limit: BATCHOPS_MAX_TIME.',
      about: 'wait',
    });
  }
  if (request.timeLimitMs !== undefined && request.timeLimitMs > limits.maxTimeLimitMs) {
    throw new Refusal('usage', `-t is longer than ${formatDuration(limits.maxTimeLimitMs)}.`, {
      remedy:
        'For longer work start it in the background on the host, and look at it with another run. ' +
        'The administrator sets the limit: BATCHOPS_MAX_TIME.',
      about: 'time-limit',
    });
  }
}
