import { parseCommand, withUsage } from './command/parse-command.ts';
import type { FleetRequest, Request, RequestedWork, RetryOf } from './command/request.ts';
import { HELP } from './command/usage.ts';
import { Refusal } from './errors.ts';
import type { Ground } from './execution.ts';
import { type Resolved, resolveTargets } from './inventory/expression.ts';
import type { Host, Inventory } from './inventory/inventory.ts';
import { admit, authorize, hasRight } from './policy/authorize.ts';
import type { Answer, ButtonClick, Desk, Log, Opener, SlashCall } from './ports.ts';
import { answerQuestion, findVisibleRun, type Records } from './questions.ts';
import { formatHelp, formatNotice, formatPreview, formatRefusal } from './report/answers.ts';
import { CANCEL_ACTION, formatRoot } from './report/root.ts';
import type { Plan, Work } from './run/plan.ts';
import { type Asking, chooseRetryHosts, planRetry, planRun } from './run/planning.ts';
import type { Job, Run } from './run/run.ts';

export interface World extends Records, Ground {
  readonly opener: Opener;
  readonly limits: Limits;
  /** Stops jobs on the wire; the store has already been told. */
  readonly abort: (jobs: readonly Job[]) => void;
  /** False once the process is on its way out: nothing new is begun then. */
  readonly isOpen: () => boolean;
  readonly log: Log;
}

export interface Limits {
  readonly maxFanOut: number;
  readonly fanOut: number;
  readonly maxTimeLimitMs: number;
  readonly timeLimitMs: number;
}

/** One request as it came in: who, where, the words, and a key that a second delivery shares. */
export interface Call extends Asking {
  readonly requestKey: string;
}

/**
 * The story of one command: parse → known caller? → resolve → plan → authorize each host → store and audit in
 * one transaction → root message → release. What follows (queue, SSH, outcome, thread, summary, audit) the
 * release sets off; nobody waits for it here.
 */
export function createDesk(world: World): Desk {
  return {
    command: (slash: SlashCall) => {
      const call = describeCall(slash, `${slash.command} ${slash.text}`.trim());
      return answerOrRefuse(world, call, () => attend(world, call, parseCommand(slash.command, slash.text)));
    },
    press: (click: ButtonClick) => {
      const call = describeCall(click, `button ${click.actionId} ${click.value}`);
      return answerOrRefuse(world, call, async () => {
        if (click.actionId === CANCEL_ACTION) return await cancelRun(world, call, click.value);
        throw new Refusal('usage', 'This button is from another version of Batchops.', {
          remedy: 'Type the command: /batch help lists them.',
        });
      });
    },
  };
}

function describeCall(from: SlashCall | ButtonClick, typed: string): Call {
  const { requester, channelId, requestKey } = from;
  return { requester, channelId, requestKey, typed };
}

/** Every no is written down before it is said. A no that cannot be written down is still a no. */
async function answerOrRefuse(
  world: World,
  call: Call,
  attempt: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  try {
    if (!world.isOpen()) {
      throw new Refusal('not-now', 'Batchops is restarting; nothing was run.', {
        remedy: 'Send it again in a moment.',
      });
    }
    return await attempt();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await recordRefusal(world, call, error);
    return formatRefusal(error, call.typed);
  }
}

async function recordRefusal(world: World, call: Call, refusal: Refusal): Promise<void> {
  // The run that could not be posted was given up, and that is in the audit already.
  if (refusal.code === 'cannot-post') return;
  const { requester, channelId, typed } = call;
  try {
    await world.store.recordRefusal({
      requester,
      channelId,
      typed,
      code: refusal.code,
      reason: refusal.message,
    });
  } catch (error) {
    world.log.error({ err: error }, 'a refusal could not be written to the audit');
  }
}

async function attend(world: World, call: Call, request: Request): Promise<Answer | undefined> {
  if (request.kind === 'help') return formatHelp(HELP);
  admit(world.allowlist, call.requester);
  switch (request.kind) {
    case 'fleet':
      return await beginRun(world, call, request);
    case 'retry':
      return await repeatRun(world, call, request.run, request.which);
    case 'cancel':
      return await cancelRun(world, call, request.run);
    default:
      return await answerQuestion(world, call, request);
  }
}

async function beginRun(world: World, call: Call, request: FleetRequest): Promise<Answer | undefined> {
  const { hosts, notes } = understand(world, request);
  const asking = { requester: call.requester, channelId: call.channelId, typed: call.typed };
  const planFor = (work: Work): Plan => planRun(request, hosts, work, asking, world.limits);
  const allNotes = [...request.notes, ...notes];

  // The words are judged before the disk is looked at: who may not copy need not learn which files there are.
  const draft = planFor(draftWork(request.work));
  if (!request.preview) authorize(draft, world.allowlist, world.inventory);
  const refusal = request.preview ? judgeQuietly(world, draft) : undefined;
  if (refusal !== undefined) return formatPreview(draft, refusal, allNotes);

  const plan = planFor(await fixWork(world, request.work));
  if (request.preview) return formatPreview(plan, undefined, allNotes);
  return await startRun(world, call, plan, allNotes);
}

/** What the words alone decide; where they name nothing, or ask for too much, the line of use helps. */
function understand(world: World, request: FleetRequest): Resolved {
  try {
    checkLimits(request, world.limits);
    return resolveTargets(world.inventory, request);
  } catch (error) {
    throw withUsage(error, request.work.action === 'run' ? '/batch_run' : '/batch_scp');
  }
}

async function repeatRun(
  world: World,
  call: Call,
  runId: string,
  which: RetryOf,
): Promise<Answer | undefined> {
  const run = await findVisibleRun(world, call, runId);
  if (run.state !== 'finished') {
    throw new Refusal('not-now', `${run.id} is still going on.`, {
      remedy: `Wait for its summary, or stop it: /batch cancel ${run.id}`,
    });
  }
  const { hosts: names, maybeRan } = chooseRetryHosts(await world.store.listJobs(run.id), which);
  const leftOut =
    maybeRan === 0
      ? []
      : [
          `${maybeRan} left out: whether the command ran there is not known. ` +
            `To run it there (again): /batch retry ${run.id} lost`,
        ];
  const hosts = names.map((name) => findStoredHost(world.inventory, run, name));
  const [first, ...rest] = hosts;
  if (first === undefined) {
    throw new Refusal('not-now', `${run.id} has no host to repeat for "${which}".`, {
      remedy: leftOut[0] ?? `/batch show ${run.id} tells how each host ended.`,
    });
  }
  const asking = { requester: call.requester, channelId: call.channelId, typed: call.typed };
  const draft = planRetry(run.id, run.plan, [first, ...rest], run.plan.work, asking);
  authorize(draft, world.allowlist, world.inventory);
  const work = await fixWork(world, run.plan.work);
  checkSameFile(run, work);
  const plan = { ...draft, work };
  return await startRun(world, call, plan, leftOut);
}

/** Half of the hosts with one file and half with another, under one name, is not what "again" means. */
function checkSameFile(run: Run, work: Work): void {
  const before = run.plan.work;
  if (before.action !== 'put' || work.action !== 'put') return;
  if (before.source.sha256 === work.source.sha256) return;
  throw new Refusal('not-now', `${work.local} is not the file any more that ${run.id} sent.`, {
    remedy: 'Put the old one back, or send the new one with /batch_scp.',
  });
}

async function startRun(
  world: World,
  call: Call,
  plan: Plan,
  notes: readonly string[],
): Promise<Answer | undefined> {
  const approved = authorize(plan, world.allowlist, world.inventory);
  const { run, isNew } = await world.store.createRun(approved, call.requestKey);
  // Slack delivers a request again where it missed our ack: the first delivery is the run.
  if (!isNew) return undefined;
  await openRun(world, run);
  return notes.length === 0 ? undefined : formatNotice([`${run.id} has begun.`, ...notes].join('\n'));
}

/** Nothing runs where nobody could read about it: the root message comes first, or the run is given up. */
export async function openRun(world: World, run: Run, mayStand = false): Promise<void> {
  let ts: string;
  try {
    const message = formatRoot(run, { now: world.now() });
    ts = await world.opener.openThread(run.plan.channelId, message, `root:${run.id}`, mayStand);
  } catch (error) {
    const reason = error instanceof Refusal ? error.message : 'the root message could not be posted';
    await world.store.abandonRun(run.id, reason);
    throw error;
  }
  await world.store.releaseRun(run.id, ts);
}

async function cancelRun(world: World, call: Call, runId: string): Promise<Answer> {
  const run = await world.store.findRun(runId);
  const isOwn = run?.plan.requester.userId === call.requester.userId;
  if (run === undefined || !(isOwn || mayCancel(world, call, run))) {
    admit(world.allowlist, call.requester);
    if (run === undefined) {
      throw new Refusal('unknown-name', `There is no run ${runId}.`, { remedy: '/batch runs lists them.' });
    }
    throw new Refusal('not-allowed', `${run.id} is not yours to cancel.`, {
      remedy: 'Its requester can, and whoever has the action "cancel" on its hosts in the allowlist.',
    });
  }
  if (run.state === 'finished') {
    throw new Refusal('not-now', `${run.id} has already finished.`, { remedy: `See /batch show ${run.id}` });
  }
  const { skipped, running } = await world.store.cancelRun(run.id, call.requester);
  world.abort(running);
  return formatNotice(
    `Cancelling ${run.id}: ${skipped} not started any more, ${running.length} being stopped. The thread tells how each ended.`,
  );
}

function mayCancel(world: World, call: Call, run: Run): boolean {
  const hosts = run.plan.targets.map((target) => target.host);
  return hasRight(world.allowlist, call, 'cancel', hosts);
}

function checkLimits(request: FleetRequest, limits: Limits): void {
  if (request.fanOut !== undefined && request.fanOut > limits.maxFanOut) {
    throw new Refusal('usage', `-c ${request.fanOut} is more than this bot's total of ${limits.maxFanOut}.`, {
      remedy: `Ask for ${limits.maxFanOut} or less; BATCHOPS_CONCURRENCY sets the total.`,
    });
  }
  if (request.timeLimitMs !== undefined && request.timeLimitMs > limits.maxTimeLimitMs) {
    throw new Refusal('usage', `-t is longer than ${limits.maxTimeLimitMs / 3_600_000} h.`, {
      remedy: 'For longer work start it in the background on the host, and look at it with another run.',
    });
  }
}

/** The work before the disk was asked: good for judging, not for sending. */
function draftWork(work: RequestedWork | Work): Work {
  return work.action === 'put' ? { ...work, source: { bytes: 0, sha256: '' } } : work;
}

async function fixWork(world: World, work: RequestedWork | Work): Promise<Work> {
  switch (work.action) {
    case 'put':
      return { ...work, source: await world.transfers.digestSource(work.local) };
    case 'get':
      await world.transfers.checkDestination(work.local);
      return work;
    default:
      return work;
  }
}

function judgeQuietly(world: World, plan: Plan): Refusal | undefined {
  try {
    authorize(plan, world.allowlist, world.inventory);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function findStoredHost(inventory: Inventory, run: Run, name: string): Host {
  const host = inventory.hosts.get(name.toLowerCase());
  if (host !== undefined) return host;
  throw new Refusal('unknown-name', `${name} of ${run.id} is not in the inventory any more.`, {
    remedy: 'Send the command again with the hosts that are left.',
  });
}
