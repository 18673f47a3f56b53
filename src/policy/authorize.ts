import { Refusal } from '../errors.ts';
import { formatHostSet } from '../inventory/fold-names.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Plan, Requester } from '../run/plan.ts';
import type { Allowlist, RuleAction } from './allowlist.ts';
import type { Approved } from './approved.ts';
import { coversHosts, coversPath, judgeHosts, rulesOf, type Verdict } from './judge.ts';

const MAX_REASONS = 3;
const MAX_CHARS = 300;
/** A bracket takes no more names, so a longer -x could not be sent. */
const MAX_TYPED_HOSTS = 1_000;

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
    throw new Refusal('not-allowed', `Not in the inventory any more: ${formatSome(gone)}.`, {
      remedy: 'Send the command again with the hosts that are left.',
      about: 'hosts',
    });
  }
  const verdicts = judgeHosts(allowlist, plan, hosts);
  const refused = verdicts.filter((verdict) => !verdict.isAllowed);
  if (refused.length === 0) {
    checkOrigins(plan, allowlist);
    return plan as Approved<Plan>;
  }
  throw notAllowed(plan, verdicts.length, refused);
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
      : `You may not say here which keys are to be trusted of ${formatSome(refused)}.`,
    {
      remedy: 'It takes the action "trust" on them in the allowlist; /batch can tells what you may do here.',
      about: 'hosts',
    },
  );
}

/** What was fetched from a host is that host's still: who sends it on has to be allowed to fetch it there. */
function checkOrigins({ work, requester, channelId }: Plan, allowlist: Allowlist): void {
  const origins = work.action === 'put' ? (work.origins ?? []) : [];
  for (const origin of origins) {
    if (origin.kind !== 'fetched') continue;
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

function notAllowed(plan: Plan, total: number, refused: readonly Refused[]): Refusal {
  const { action } = plan.work;
  const names = refused.map(({ host }) => host);
  const where =
    refused.length === total
      ? formatSome(names)
      : `${formatSome(names)} (${refused.length} of ${total} hosts)`;
  const reasons = Map.groupBy(refused, ({ nearest, why }) => `${nearest}\n${why}`);
  const sentences = Array.from(reasons.values(), (same) => formatReason(same, reasons.size > 1));
  const more = sentences.length > MAX_REASONS ? [`… and ${sentences.length - MAX_REASONS} more reasons`] : [];
  const set = formatHostSet(names);
  return new Refusal(
    'not-allowed',
    [`You may not ${action} this here on ${where}.`, ...sentences.slice(0, MAX_REASONS), ...more].join('\n'),
    {
      remedy:
        refused.length < total && set.length <= MAX_CHARS && refused.length <= MAX_TYPED_HOSTS
          ? `Leave them out with -x ${set}; /batch can tells what you may do here.`
          : '/batch can tells what you may do here.',
      about: refused[0]?.about,
    },
  );
}

function formatReason(same: readonly Refused[], isOneOfMany: boolean): string {
  const [first] = same;
  const where = isOneOfMany ? `${formatSome(same.map(({ host }) => host))}: ` : '';
  const rule = first?.nearest === undefined ? '' : `rule [${first.nearest}] came nearest, but `;
  return `${where}${rule}${shorten(first?.why ?? '')}.`;
}

function formatSome(names: readonly string[]): string {
  const set = formatHostSet(names);
  if (set.length <= MAX_CHARS) return set;
  const shown = names.slice(0, 10);
  return `${shorten(formatHostSet(shown))} and ${names.length - shown.length} more`;
}

function shorten(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`;
}
