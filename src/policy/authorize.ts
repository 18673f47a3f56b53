import { Refusal } from '../errors.ts';
import { formatHostSet, formatTypable } from '../inventory/fold-names.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { shorten } from '../inventory/shorten.ts';
import { filesOf, type Plan, type Requester, type RunWork, type SentFile } from '../run/plan.ts';
import type { Allowlist, RuleAction } from './allowlist.ts';
import type { Approved } from './approved.ts';
import { coversHosts, coversPath, judgeHosts, rulesOf, type Verdict } from './judge.ts';

const MAX_REASONS = 3;
const MAX_CHARS = 300;

/** Whoever no rule names is turned away before a word about hosts, groups or runs is said. */
export function admit(allowlist: Allowlist, requester: Requester): void {
  if (rulesOf(allowlist, requester).length > 0) return;
  throw new Refusal('not-allowed', 'No rule of this bot names you.', {
    remedy: `Ask its administrators to add your Slack id, ${requester.userId}, to a rule of the allowlist.`,
  });
}

/**
 * Lets a plan pass as a whole, or refuses it as a whole: each of its hosts, also those that will be skipped,
 * is judged by itself. The only place where an `Approved` is made.
 */
export function authorize(plan: Plan, allowlist: Allowlist, inventory: Inventory): Approved<Plan> {
  const hosts = plan.targets.map(({ host }) => host);
  const gone = hosts.filter((host) => !inventory.hosts.has(host.toLowerCase()));
  if (gone.length > 0) {
    throw new Refusal('not-allowed', `Not in the inventory any more: ${formatNames(gone)}.`, {
      remedy: 'Send the command again with the hosts that are left.',
      about: 'hosts',
    });
  }
  const verdicts = judgeHosts(allowlist, plan, hosts);
  if (verdicts.some(({ isAllowed }) => !isAllowed)) throw notAllowed(plan, allowlist, verdicts);
  checkShells(plan, inventory);
  checkOrigins(plan, allowlist);
  return plan as Approved<Plan>;
}

/**
 * Whether this person has a right over runs here: `cancel` (other people's), `audit`, `trust`. With `hosts`,
 * over all of these.
 */
export function hasRight(
  allowlist: Allowlist,
  asking: { readonly requester: Requester; readonly channelId: string },
  right: Exclude<RuleAction, 'run' | 'put' | 'get'>,
  hosts: readonly string[] = [],
): boolean {
  return coversHosts(rulesOf(allowlist, asking.requester), right, asking.channelId, hosts);
}

/**
 * Whether this person may say here which keys hosts are known by; a `Refusal` where not. `others`: what the inventory
 * has at the same addresses besides, which is not told by name.
 */
export function authorizeTrust(
  allowlist: Allowlist,
  asking: { readonly requester: Requester; readonly channelId: string },
  hosts: readonly string[],
  others: readonly string[],
): void {
  const mayTrust = (host: string): boolean => hasRight(allowlist, asking, 'trust', [host]);
  const refused = hosts.filter((host) => !mayTrust(host));
  if (refused.length === 0 && others.every(mayTrust)) return;
  throw new Refusal(
    'not-allowed',
    refused.length === 0
      ? 'Another host of the inventory has the address of one of these, and you may not say which keys it is known by.'
      : `You may not say here which keys are to be trusted of ${formatNames(refused)}.`,
    {
      remedy: 'It takes the action "trust" on them in the allowlist; /batch can tells what you may do here.',
      about: 'hosts',
    },
  );
}

/** The option that takes something of ours around the command. */
function oursIn({ sudo, script, stdin, env }: RunWork): string | undefined {
  if (sudo !== undefined) return '-sudo';
  if (script !== undefined) return '-script';
  if (stdin !== undefined) return '-stdin';
  return env === undefined ? undefined : '-env';
}

/** What needs something of ours around the command is refused where nothing of ours is sent. */
function checkShells({ work, targets }: Plan, inventory: Inventory): void {
  if (work.action !== 'run') return;
  const option = oursIn(work);
  if (option === undefined) return;
  const raw = targets
    .map(({ host }) => host)
    .filter((host) => inventory.hosts.get(host.toLowerCase())?.shell === 'raw');
  if (raw.length === 0) return;
  throw new Refusal(
    'usage',
    `Nothing but the command itself is sent to ${formatNames(raw)} (shell = raw in the inventory), so ${option} is not possible there.`,
    { remedy: 'Leave these out with -x.', about: option === '-sudo' ? 'sudo' : 'command' },
  );
}

/**
 * What was fetched from a host is that host's still: who sends it on has to be allowed to fetch it there. What
 * somebody put into Slack is theirs, and of those who see it there: its name in the folder is nobody else's.
 */
function checkOrigins(plan: Plan, allowlist: Allowlist): void {
  for (const file of filesOf(plan.work)) checkOriginsOf(file, plan, allowlist);
}

function checkOriginsOf(
  { origins = [], shared }: SentFile,
  { requester, channelId }: Plan,
  allowlist: Allowlist,
): void {
  for (const origin of origins) {
    if (origin.kind === 'shared') {
      const isNamed = shared?.id === origin.id;
      if (isNamed || origin.by === requester.userId) continue;
      throw new Refusal(
        'not-allowed',
        'This file is from Slack, and not of your uploads as far as is known.',
        {
          remedy:
            'Where you see it in Slack, send it from there: *Send to hosts* in the menu of its message.',
          about: 'local',
        },
      );
    }
    const { host, path } = origin;
    const get = { requester, channelId, work: { action: 'get', local: '', remote: path } } as const;
    if (coversPath(allowlist, get, host, path)) continue;
    throw new Refusal(
      'not-allowed',
      'This file was fetched from a host and path of which no rule of yours allows a get here.',
      { remedy: 'Who may get it there can send it.', about: 'local' },
    );
  }
}

type Refused = Extract<Verdict, { readonly isAllowed: false }>;

/**
 * A run that is repeated or goes on can be of another person, on hosts that this one has no rule for: of those it
 * says how many there are.
 */
function notAllowed(plan: Plan, allowlist: Allowlist, verdicts: readonly Verdict[]): Refusal {
  const { action } = plan.work;
  const rules = rulesOf(allowlist, plan.requester);
  const isKnown = ({ host }: Verdict): boolean => rules.some((rule) => rule.hosts.has(host.toLowerCase()));
  const refused = verdicts.filter((verdict) => !verdict.isAllowed);
  const formatSome = (some: readonly Verdict[]): string => formatKnown(some, isKnown);
  const where =
    refused.length === verdicts.length
      ? formatSome(refused)
      : `${formatSome(refused)} (${refused.length} of ${verdicts.length} hosts)`;
  const reasons = Map.groupBy(refused, ({ nearest, why }) => `${nearest}\n${why}`);
  const sentences = Array.from(reasons.values(), (same) =>
    reasons.size > 1 ? `${formatSome(same)}: ${formatReason(same)}` : formatReason(same),
  );
  const more = sentences.length > MAX_REASONS ? [`… and ${sentences.length - MAX_REASONS} more reasons`] : [];
  const canBeLeftOut = refused.length < verdicts.length && refused.every(isKnown);
  const set = canBeLeftOut ? formatTypable(refused.map(({ host }) => host)) : undefined;
  return new Refusal(
    'not-allowed',
    [`You may not ${action} this here on ${where}.`, ...sentences.slice(0, MAX_REASONS), ...more].join('\n'),
    {
      remedy:
        set === undefined
          ? '/batch can tells what you may do here.'
          : `Leave them out with -x ${set}; /batch can tells what you may do here.`,
      about: refused[0]?.about,
    },
  );
}

function formatReason([first]: readonly Refused[]): string {
  const rule = first?.nearest === undefined ? '' : `Rule [${first.nearest}] came nearest, but `;
  return `${rule}${shorten(first?.why ?? '', MAX_CHARS)}.`;
}

/** Their names as far as they are this person's to know. */
function formatKnown(some: readonly Verdict[], isKnown: (verdict: Verdict) => boolean): string {
  const names = some.filter(isKnown).map(({ host }) => host);
  const others = some.length - names.length;
  if (others === 0) return formatNames(names);
  const unnamed = `${others} ${others === 1 ? 'host' : 'hosts'} that no rule of yours is for`;
  return names.length === 0 ? unnamed : `${formatNames(names)} and ${unnamed}`;
}

function formatNames(names: readonly string[]): string {
  const set = formatHostSet(names);
  if (set.length <= MAX_CHARS) return set;
  const shown = names.slice(0, 10);
  return `${shorten(formatHostSet(shown), MAX_CHARS)} and ${names.length - shown.length} more`;
}
