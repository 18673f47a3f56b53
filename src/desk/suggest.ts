import type { World } from '../app.ts';
import { Refusal } from '../errors.ts';
import { admit } from '../policy/authorize.ts';
import { usableHosts } from '../policy/rights.ts';
import type { SuggestQuery } from '../ports.ts';
import { CANCEL_HOST_ACTION, runOfBlock, SHOW_HOST_ACTION } from '../report/buttons.ts';
import { plain } from '../report/message.ts';
import { cleanOutput, shortLine } from '../report/text/plain.ts';
import { plural } from '../report/text/wording.ts';
import { HOSTS_ACTION } from '../report/views/form.ts';
import type { Option, OptionGroup } from '../report/views/view.ts';
import { outcomeWords } from '../run/outcome.ts';
import type { Job } from '../run/run.ts';
import { findVisibleRun } from './questions.ts';

/** What Slack takes in one answer, and in one option. */
const MAX_OPTIONS = 100;
const MAX_OPTION_CHARS = 75;

/** Options for whoever may see them; to anyone else every select is empty. */
export async function suggestOptions(world: World, query: SuggestQuery): Promise<readonly OptionGroup[]> {
  try {
    admit(world.allowlist, query.requester);
    switch (query.actionId) {
      case HOSTS_ACTION:
        return suggestTargets(world, query);
      case SHOW_HOST_ACTION:
        return await suggestHosts(world, query, () => true);
      case CANCEL_HOST_ACTION:
        return await suggestHosts(world, query, (job) => job.outcome === undefined);
      default:
        return [];
    }
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}

/** Hosts and groups for the form: only those that some rule of this person is for. */
function suggestTargets({ inventory, allowlist }: World, query: SuggestQuery): readonly OptionGroup[] {
  const usable = usableHosts(allowlist, query.requester, ['run', 'put', 'get']);
  const wanted = query.text.trim().toLowerCase().replace(/^@/, '');
  const groups = [...inventory.groups.values()]
    // A group of which a part is not theirs would be refused as a whole.
    .filter(({ hosts }) => hosts.length > 0 && hosts.every(({ name }) => usable.has(name.toLowerCase())))
    .map(({ name, hosts }) => ({
      name,
      option: optionOf(`@${name} (${plural(hosts.length, 'host')})`, `@${name}`),
    }));
  const hosts = [...inventory.hosts.values()]
    .filter(({ name }) => usable.has(name.toLowerCase()))
    .map(({ name, enabled }) => ({
      name,
      option: optionOf(enabled ? name : `${name} (disabled)`, name),
    }));
  const shownGroups = query.text.trim().startsWith('@') ? MAX_OPTIONS : MAX_OPTIONS / 2;
  const chosenGroups = choose(groups, wanted, shownGroups);
  const chosenHosts = query.text.trim().startsWith('@')
    ? []
    : choose(hosts, wanted, MAX_OPTIONS - chosenGroups.length);
  return [
    { label: plain('Groups'), options: chosenGroups },
    { label: plain('Hosts'), options: chosenHosts },
  ].filter(({ options }) => options.length > 0);
}

/** The hosts of one run, by name or by how they ended; trouble first where nothing is typed. */
async function suggestHosts(
  world: World,
  query: SuggestQuery,
  isOffered: (job: Job) => boolean,
): Promise<readonly OptionGroup[]> {
  const runId = runOfBlock(query.blockId);
  if (runId === undefined) return [];
  const asking = { requester: query.requester, channelId: query.channelId, typed: '' };
  const run = await findVisibleRun(world, asking, runId);
  const jobs = await world.store.listJobs(run.id);
  const places = new Map(run.plan.targets.map(({ host }, place) => [host, place]));
  const wanted = query.text.trim().toLowerCase();
  const found = jobs.filter(isOffered).map((job) => {
    const state = standingOf(job);
    return {
      name: `${job.host} ${state}`,
      option: optionOf(job.host, String(places.get(job.host)), state),
      job,
    };
  });
  const ordered =
    wanted === ''
      ? found.toSorted((a, b) => Number(a.job.outcome?.kind === 'ok') - Number(b.job.outcome?.kind === 'ok'))
      : found;
  const options = choose(ordered, wanted, MAX_OPTIONS);
  return options.length === 0 ? [] : [{ label: plain(run.id), options }];
}

function standingOf({ outcome, state }: Job): string {
  if (outcome === undefined) return state === 'running' ? 'running' : 'waiting';
  return outcome.exitCode === null || outcome.kind === 'ok'
    ? outcomeWords(outcome.kind)
    : `${outcomeWords(outcome.kind)}, exit ${outcome.exitCode}`;
}

/** Those that hold the letters; those that begin with them first. */
function choose(
  from: readonly { readonly name: string; readonly option: Option | undefined }[],
  wanted: string,
  count: number,
): readonly Option[] {
  const found = from.flatMap(({ name, option }) => {
    const at = name.toLowerCase().indexOf(wanted);
    return at < 0 || option === undefined ? [] : [{ option, isFirst: at === 0 }];
  });
  return found
    .toSorted((a, b) => Number(b.isFirst) - Number(a.isFirst))
    .slice(0, count)
    .map(({ option }) => option);
}

/** Undefined where the value is longer than Slack takes: such a name can still be typed. */
function optionOf(text: string, value: string, state?: string): Option | undefined {
  if (value.length > MAX_OPTION_CHARS) return undefined;
  const ending = state === undefined ? '' : ` · ${state}`;
  const name = shortLine(cleanOutput(text), MAX_OPTION_CHARS - ending.length);
  return { text: plain(`${name}${ending}`), value };
}
