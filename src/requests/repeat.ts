import type { RetryOf } from '../command/verbs.ts';
import { Refusal } from '../errors.ts';
import { openFilling } from '../inventory/fill.ts';
import type { Host, Inventory } from '../inventory/inventory.ts';
import { type Call, type RequestContext, startRun } from '../lifecycle/begin-run.ts';
import { fixWork } from '../lifecycle/bring-files.ts';
import { authorize } from '../policy/authorize.ts';
import { knownTo } from '../policy/rights.ts';
import { formatHostNames } from '../report/text/host-names.ts';
import { plural } from '../report/text/wording.ts';
import type { Answer } from '../report/views/view.ts';
import { filesOf, fillable, type Work } from '../run/plan.ts';
import { chooseRetryHosts, planRetry } from '../run/planning.ts';
import type { Run } from '../run/run.ts';
import { findVisibleRun } from './questions.ts';

/** A finished run again, on some of its hosts: judged anew, for whoever asks now. */
export async function repeatRun(
  context: RequestContext,
  call: Call,
  runId: string,
  which: RetryOf,
): Promise<Answer | undefined> {
  const run = await findVisibleRun(context, call, runId);
  if (run.state !== 'finished') {
    throw new Refusal('not-now', `${run.id} is still going on.`, {
      remedy: `Wait for its summary, or stop it: /batch cancel ${run.id}`,
    });
  }
  if (run.isTampered === true) {
    throw new Refusal(
      'not-now',
      `What is stored of ${run.id} is not what was asked for: it was changed since.`,
      {
        remedy:
          'It cannot be repeated: type it again, and have an administrator run `npm run audit -- verify`.',
      },
    );
  }
  if (run.plan.sealed !== undefined) {
    throw new Refusal(
      'not-now',
      `What ${run.id} was asked to do holds a secret, which was not kept once it had ended: it cannot be repeated.`,
      { remedy: `Type it again; /batch show ${run.id} tells on which hosts it did not end well.` },
    );
  }
  const { hosts: names, maybeRan } = chooseRetryHosts(await context.store.listJobs(run.id), which);
  const leftOut =
    maybeRan === 0
      ? []
      : [
          `${maybeRan} left out: whether the command ran there is not known. ` +
            `To run it there (again): /batch retry ${run.id} lost`,
        ];
  const known = knownTo(context.allowlist, call.requester, context.inventory);
  const hosts = findStoredHosts(known, run, names);
  const [first, ...rest] = hosts;
  if (first === undefined) {
    throw new Refusal('not-now', `${run.id} has no host to repeat for "${which}".`, {
      remedy: leftOut[0] ?? `/batch show ${run.id} tells how each host ended.`,
    });
  }
  const asking = { requester: call.requester, channelId: call.channelId, typed: call.typed };
  const filling = openFilling(fillable(run.plan.work), hosts, { inventory: context.inventory, groups: [] });
  const draft = planRetry(run.id, run.plan, [first, ...rest], run.plan.work, asking, filling);
  authorize(draft, context.allowlist, context.inventory);
  const work = await fixWork(context, run.plan.work);
  checkSameFile(run, work);
  return await startRun(context, call, { ...draft, work }, leftOut);
}

/** Half of the hosts with one file and half with another, under one name, is not what "again" means. */
function checkSameFile(run: Run, work: Work): void {
  const before = filesOf(run.plan.work);
  const other = filesOf(work).find(({ source }, i) => source.sha256 !== before[i]?.source.sha256);
  if (other === undefined) return;
  throw new Refusal('not-now', `${other.local} is not the file any more that ${run.id} sent.`, {
    remedy: 'Put the old one back, or send the new one with a command of its own.',
  });
}

/** By today's inventory, as far as it is theirs to know: one that is gone and one that is not theirs are the same. */
function findStoredHosts(known: Inventory, run: Run, names: readonly string[]): readonly Host[] {
  const hosts = names.map((name) => known.hosts.get(name.toLowerCase())).filter((host) => host !== undefined);
  const missing = names.length - hosts.length;
  if (missing === 0) return hosts;
  if (known.isPart === true) {
    throw new Refusal(
      'not-allowed',
      `You may not ${run.plan.work.action} this here on ${missing} of the ${plural(names.length, 'host')} of ${run.id}: ` +
        `no rule of yours is for ${missing === 1 ? 'it' : 'them'} (any more).`,
      { remedy: '/batch can tells what you may do here.' },
    );
  }
  const gone = names.filter((name) => !known.hosts.has(name.toLowerCase()));
  throw new Refusal(
    'unknown-name',
    `${formatHostNames(gone, 300)} of ${run.id} is not in the inventory any more.`,
    {
      remedy: 'Send the command again with the hosts that are left.',
    },
  );
}
