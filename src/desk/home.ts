import type { World } from '../app.ts';
import { hasRight } from '../policy/authorize.ts';
import { listRules, usableHosts, worksIn } from '../policy/rights.ts';
import { formatHome, type ListedRun } from '../report/views/home.ts';
import type { HomeTab } from '../report/views/view.ts';
import type { Requester } from '../run/plan.ts';
import type { Run } from '../run/run.ts';

const RUNS_LOOKED_AT = 500;
const RUNS_SHOWN = 8;

/** The Home tab of one person: nothing in it but what is theirs to know. */
export async function showHome(world: World, asker: Requester): Promise<HomeTab> {
  const { allowlist, inventory } = world;
  const usable = usableHosts(allowlist, asker, ['run', 'put', 'get', 'cancel', 'audit', 'trust']);
  const isNamed = allowlist.rules.some((rule) => rule.users.has(asker.userId));
  const hosts = [...inventory.hosts.values()].filter(({ name }) => usable.has(name.toLowerCase()));
  const groups = [...inventory.groups.values()].filter(
    (group) => group.hosts.length > 0 && group.hosts.every(({ name }) => usable.has(name.toLowerCase())),
  );
  const runs = isNamed ? await world.store.listRuns(RUNS_LOOKED_AT) : [];
  const isMine = (run: Run): boolean => run.plan.requester.userId === asker.userId;
  const listed = (some: readonly Run[]): readonly ListedRun[] =>
    some.slice(0, RUNS_SHOWN).map((run) => ({ run, link: linkOf(world, run) }));
  return formatHome({
    fleet: isNamed
      ? {
          hosts: hosts.length,
          disabled: hosts.filter(({ enabled }) => !enabled).map(({ name }) => name),
          groups: groups.map(({ name, hosts: members }) => ({ name, hosts: members.length })),
        }
      : undefined,
    rights: listRules(
      allowlist,
      asker,
      hosts.map(({ name }) => name),
    ),
    mine: listed(runs.filter(isMine)),
    others: listed(runs.filter((run) => !isMine(run) && isListed(world, asker, run))),
    now: world.now(),
  });
}

/**
 * On the Home tab nobody is in any channel: besides auditors, a run is listed to those whom a rule names
 * together with its very channel. Output stays in the thread, which Slack shows to its members only.
 */
function isListed({ allowlist }: World, asker: Requester, { plan }: Run): boolean {
  const hosts = plan.targets.map(({ host }) => host);
  return (
    worksIn(allowlist, asker, plan.channelId) ||
    hasRight(allowlist, { requester: asker, channelId: plan.channelId }, 'audit', hosts)
  );
}

function linkOf(world: World, { plan, rootTs }: Run): string | undefined {
  return rootTs === undefined ? undefined : world.threadLink(plan.channelId, rootTs);
}
