import type { RequestContext } from '../lifecycle/begin-run.ts';
import { usableHosts } from '../policy/rights.ts';
import { CANCEL_HOST_ACTION, runOfBlock, SHOW_HOST_ACTION } from '../report/buttons.ts';
import { plain } from '../report/message.ts';
import { cleanOutput, shortLine } from '../report/text/plain.ts';
import { plural } from '../report/text/wording.ts';
import { HOSTS_ACTION } from '../report/views/form.ts';
import type { Option, OptionGroup } from '../report/views/view.ts';
import { outcomeWords } from '../run/outcome.ts';
import type { SuggestQuery } from './calls.ts';
import { readRun } from './questions.ts';

/** What Slack takes in one answer, and in one option. */
const MAX_OPTIONS = 100;
const MAX_OPTION_CHARS = 75;

/** Options for whoever may see them; a `Refusal`, or none, to anyone else. */
export async function suggestOptions(
  context: RequestContext,
  query: SuggestQuery,
): Promise<readonly OptionGroup[]> {
  switch (query.actionId) {
    case HOSTS_ACTION:
      return suggestTargets(context, query);
    case SHOW_HOST_ACTION:
      return await suggestHosts(context, query, (runId) => listShown(context, runId));
    case CANCEL_HOST_ACTION:
      return await suggestHosts(context, query, (runId) => listUnended(context, runId));
    default:
      return [];
  }
}

/** Hosts and groups for the form: only those that some rule of this person is for. */
function suggestTargets(
  { inventory, allowlist }: RequestContext,
  query: SuggestQuery,
): readonly OptionGroup[] {
  const usable = usableHosts(allowlist, query.requester, ['run', 'put', 'get']);
  const wanted = query.text.trim().toLowerCase().replace(/^@/, '');
  const groups = [...inventory.groups.values()]
    // A group of which a part is not theirs would be refused as a whole.
    .filter(({ hosts }) => hosts.length > 0 && hosts.every(({ name }) => usable.has(name.toLowerCase())))
    .map(({ name, hosts }) => ({
      name,
      open: () => optionOf(`@${name} (${plural(hosts.length, 'host')})`, `@${name}`),
    }));
  const hosts = [...inventory.hosts.values()]
    .filter(({ name }) => usable.has(name.toLowerCase()))
    .map(({ name, enabled }) => ({
      name,
      open: () => optionOf(enabled ? name : `${name} (disabled)`, name),
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

interface Standing {
  readonly host: string;
  readonly state: string;
  readonly isOk: boolean;
}

/** The hosts of one run, by name or by how they ended; trouble first where nothing is typed. */
async function suggestHosts(
  context: RequestContext,
  query: SuggestQuery,
  list: (runId: string) => Promise<readonly Standing[]>,
): Promise<readonly OptionGroup[]> {
  const runId = runOfBlock(query.blockId);
  if (runId === undefined) return [];
  const asking = { requester: query.requester, channelId: query.channelId, typed: '' };
  const run = await readRun(context, asking, runId);
  const places = new Map(run.plan.targets.map(({ host }, place) => [host, place]));
  const wanted = query.text.trim().toLowerCase();
  const all = await list(run.id);
  const ordered = wanted === '' ? all.toSorted((a, b) => Number(a.isOk) - Number(b.isOk)) : all;
  const found = ordered.map(({ host, state }) => ({
    name: `${host} ${state}`,
    open: () => optionOf(host, String(places.get(host)), state),
  }));
  const options = choose(found, wanted, MAX_OPTIONS);
  return options.length === 0 ? [] : [{ label: plain(run.id), options }];
}

/** What runs first: it may be looked at while it does. */
async function listShown(context: RequestContext, runId: string): Promise<readonly Standing[]> {
  const unended = await listUnended(context, runId);
  const running = unended.filter(({ state }) => state === 'running');
  return [...running.map((one) => ({ ...one, isOk: false })), ...(await listEnded(context, runId))];
}

async function listEnded({ store }: RequestContext, runId: string): Promise<readonly Standing[]> {
  return (await store.listFoldRows(runId)).map(({ host, kind, exitCode }) => ({
    host,
    state:
      exitCode === null || kind === 'ok' ? outcomeWords(kind) : `${outcomeWords(kind)}, exit ${exitCode}`,
    isOk: kind === 'ok',
  }));
}

async function listUnended({ store }: RequestContext, runId: string): Promise<readonly Standing[]> {
  return (await store.listJobs(runId))
    .filter(({ outcome }) => outcome === undefined)
    .map(({ host, state }) => ({ host, state: state === 'running' ? state : 'waiting', isOk: true }));
}

/** Those that hold the letters; those that begin with them first. */
function choose(
  from: readonly { readonly name: string; open(): Option | undefined }[],
  wanted: string,
  count: number,
): readonly Option[] {
  const first: (Option | undefined)[] = [];
  const later: (Option | undefined)[] = [];
  // Of ten thousand only those that are shown are made into options.
  for (const { name, open } of from) {
    if (first.length >= count) break;
    const at = name.toLowerCase().indexOf(wanted);
    if (at === 0) first.push(open());
    else if (at > 0 && later.length < count) later.push(open());
  }
  return [...first, ...later].filter((option) => option !== undefined).slice(0, count);
}

/** Undefined where the value is longer than Slack takes: such a name can still be typed. */
function optionOf(text: string, value: string, state?: string): Option | undefined {
  if (value.length > MAX_OPTION_CHARS) return undefined;
  const ending = state === undefined ? '' : ` · ${state}`;
  const name = shortLine(cleanOutput(text), MAX_OPTION_CHARS - ending.length);
  return { text: plain(`${name}${ending}`), value };
}
