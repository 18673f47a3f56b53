import type { RequestContext } from '../lifecycle/begin-run.ts';
import { hasRight } from '../policy/authorize.ts';
import { listRules, usableHosts, worksIn } from '../policy/rights.ts';
import { formatHome, type ListedRun } from '../report/views/home.ts';
import type { HomeTab } from '../report/views/view.ts';
import { isSamePerson, type Requester } from '../run/plan.ts';
import type { Run } from '../run/run.ts';
import { recordReads } from './reads.ts';

const RUNS_SHOWN = 8;
/** Of those that have not ended. */
const OPEN_SHOWN = 6;
const RUNS_LOOKED_AT_FIRST = 4 * RUNS_SHOWN;
const RUNS_LOOKED_AT = 128;
/** A run on 10,000 hosts is a megabyte to read, and nobody is answered meanwhile: of such ones fewer are looked at. */
const TARGETS_LOOKED_AT = 50_000;

/** The Home tab of one person: nothing in it but what is theirs to know. */
export async function showHome(context: RequestContext, asker: Requester): Promise<HomeTab> {
  const { allowlist, inventory } = context;
  const usable = usableHosts(allowlist, asker, ['run', 'put', 'get', 'cancel', 'audit', 'trust']);
  const hosts = [...inventory.hosts.values()].filter(({ name }) => usable.has(name.toLowerCase()));
  const groups = [...inventory.groups.values()].filter(
    (group) => group.hosts.length > 0 && group.hosts.every(({ name }) => usable.has(name.toLowerCase())),
  );
  const { mine, others } = await listRecent(context, asker);
  const unended = (await context.store.openRuns())
    .filter((run) => isSamePerson(run.plan.requester, asker) || isListed(context, asker, run))
    .toReversed();
  const open = unended.slice(0, OPEN_SHOWN);
  await recordReads(context, { requester: asker, channelId: '' }, [...open, ...others]);
  const listed = (some: readonly Run[]): readonly ListedRun[] =>
    some.map((run) => ({ run, link: linkOf(context, run) }));
  return formatHome({
    fleet: {
      hosts: hosts.length,
      disabled: hosts.filter(({ enabled }) => !enabled).map(({ name }) => name),
      groups: groups.map(({ name, hosts: members }) => ({ name, hosts: members.length })),
    },
    rights: listRules(
      allowlist,
      asker,
      hosts.map(({ name }) => name),
    ),
    open: listed(open),
    openCount: unended.length,
    mine: listed(mine),
    others: listed(others),
    otherBot: context.otherBot(),
    now: context.now(),
  });
}

const hasEnded = ({ state }: Run): boolean => state === 'finished';

/** Of others' runs mostly the last few hold enough that are listed; further back is looked only where they do not. */
async function listRecent(context: RequestContext, asker: Requester) {
  const { store } = context;
  const own = await store.listRuns(RUNS_LOOKED_AT_FIRST, { by: asker });
  const mine = own.filter(hasEnded).slice(0, RUNS_SHOWN);
  for (let looked = RUNS_LOOKED_AT_FIRST; ; looked = Math.min(looked * 4, RUNS_LOOKED_AT)) {
    const runs = await store.listRuns(looked, { notBy: asker });
    const others = runs.filter((run) => hasEnded(run) && isListed(context, asker, run)).slice(0, RUNS_SHOWN);
    const targets = runs.reduce((sum, { plan }) => sum + plan.targets.length, 0);
    const isEnd = runs.length < looked || looked === RUNS_LOOKED_AT || targets > TARGETS_LOOKED_AT;
    if (isEnd || others.length === RUNS_SHOWN) return { mine, others };
  }
}

/**
 * On the Home tab nobody is in any channel: besides auditors, a run is listed to those whom a rule names
 * together with its very channel. Output stays in the thread, which Slack shows to its members only.
 */
function isListed(
  { allowlist }: Pick<RequestContext, 'allowlist'>,
  asker: Requester,
  { plan }: Run,
): boolean {
  const hosts = plan.targets.map(({ host }) => host);
  return (
    worksIn(allowlist, asker, plan.channelId) ||
    hasRight(allowlist, { requester: asker, channelId: plan.channelId }, 'audit', hosts)
  );
}

function linkOf(context: RequestContext, { plan, rootTs }: Run): string | undefined {
  return rootTs === undefined ? undefined : context.threadLink(plan.channelId, rootTs);
}
