import { Refusal } from '../errors.ts';
import { type Resolved, resolveTargets, type Terms } from '../inventory/expression.ts';
import { formatTypable } from '../inventory/fold-names.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Requester } from '../run/plan.ts';
import type { Allowlist, Rule, RuleAction } from './allowlist.ts';
import { formatPatterns } from './command-pattern.ts';
import { isInChannel, rulesOf } from './judge.ts';
import { formatPaths } from './path-pattern.ts';

/** What one rule lets one person do from one channel on some hosts; no actions: nothing, and why. */
export interface Right {
  readonly hosts: readonly string[];
  readonly actions: readonly string[];
  /** Empty where no rule of this person is for these hosts. */
  readonly rule: string;
  /** What narrows it (`commands df **, uptime`), or why it does not hold here. */
  readonly limits?: string;
}

/** The rights of a person here on these hosts: each rule that grants some, then the hosts without any. */
export function explainRights(
  allowlist: Allowlist,
  asking: { readonly requester: Requester; readonly channelId: string },
  hosts: readonly string[],
): readonly Right[] {
  const rules = rulesOf(allowlist, asking.requester);
  const here = rules.filter((rule) => isInChannel(rule, asking.channelId));
  const elsewhere = rules.filter((rule) => !here.includes(rule));
  const left = new Set(hosts);
  const claim = (rule: Rule, from: Iterable<string>): readonly string[] => {
    const names = Array.from(from).filter((host) => rule.hosts.has(host.toLowerCase()));
    for (const name of names) left.delete(name);
    return names;
  };

  const granted = here.map((rule) => {
    const limits = formatLimits(rule);
    const row = { hosts: claim(rule, hosts), actions: [...rule.actions], rule: rule.name };
    return limits === '' ? row : { ...row, limits };
  });
  const refused = elsewhere.map((rule) => ({
    // A host stands below the first rule that would be for it.
    hosts: claim(rule, [...left]),
    actions: [],
    rule: rule.name,
    limits: 'it is for other channels',
  }));
  const rows = [...granted, ...refused].filter((row) => row.hosts.length > 0);
  return left.size === 0 ? rows : [...rows, { hosts: [...left], actions: [], rule: '' }];
}

/** Hosts that some rule of this person is for, to run on or to copy to or from, in whatever channel. */
export function usableHosts(
  allowlist: Allowlist,
  requester: Requester,
  actions: readonly RuleAction[],
): ReadonlySet<string> {
  const rules = rulesOf(allowlist, requester).filter((rule) => actions.some((one) => rule.actions.has(one)));
  return new Set(rules.flatMap((rule) => [...rule.hosts]));
}

/**
 * The inventory as far as it is this person's to know: the hosts that some rule of theirs is for, and of groups
 * only these. For telling of hosts; what is run is `resolveKnown`, so that no group is silently less.
 */
export function knownTo(allowlist: Allowlist, requester: Requester, inventory: Inventory): Inventory {
  const own = new Set(rulesOf(allowlist, requester).flatMap((rule) => [...rule.hosts]));
  if (Array.from(inventory.hosts.keys()).every((key) => own.has(key))) return inventory;
  const isOwn = (name: string): boolean => own.has(name.toLowerCase());
  const groups = Array.from(inventory.groups, ([key, group]) => {
    const hosts = group.hosts.filter(({ name }) => isOwn(name));
    return [key, { ...group, hosts, left: group.left.filter(isOwn) }] as const;
  });
  return {
    ...inventory,
    hosts: new Map(Array.from(inventory.hosts).filter(([key]) => own.has(key))),
    groups: new Map(groups.filter(([, { hosts }]) => hosts.length > 0)),
    isPart: true,
  };
}

/**
 * The hosts that a person's words stand for. They are looked up among those that are theirs to know first: a host
 * that is not there and one that no rule of theirs is for get the same answer. Where the words stand for others
 * besides (`all`, a group, a pattern), they are not taken for less than they say: a `Refusal` tells how many are
 * theirs, and nothing of the others.
 */
export function resolveKnown(
  allowlist: Allowlist,
  requester: Requester,
  inventory: Inventory,
  terms: Terms,
): Resolved {
  const known = knownTo(allowlist, requester, inventory);
  const effort = { steps: 0 };
  const own = resolveTargets(known, terms, effort);
  if (known === inventory) return own;
  const meant = resolveTargets(inventory, terms, effort);
  if (meant.hosts.length === own.hosts.length) return own;
  const count = own.hosts.length;
  const set = formatTypable(own.hosts.map(({ name }) => name));
  throw new Refusal(
    'not-allowed',
    `This stands for hosts that no rule of yours is for; ${count} of them ${count === 1 ? 'is' : 'are'} yours.`,
    {
      remedy:
        set === undefined
          ? 'Nothing runs on a part of what was asked: name fewer at a time; /batch hosts lists those that are yours.'
          : `Nothing runs on a part of what was asked: write -h ${set} for what is yours.`,
      about: 'hosts',
    },
  );
}

/** The rules that name this person, in words; hosts in the order given. */
export function listRules(
  allowlist: Allowlist,
  requester: Requester,
  hosts: readonly string[],
): readonly OwnRule[] {
  return rulesOf(allowlist, requester).map((rule) => ({
    rule: rule.name,
    actions: [...rule.actions],
    hosts: hosts.filter((host) => rule.hosts.has(host.toLowerCase())),
    channels: rule.channels === '*' ? '*' : [...rule.channels],
    limits: formatLimits(rule),
  }));
}

export interface OwnRule {
  readonly rule: string;
  readonly actions: readonly string[];
  readonly hosts: readonly string[];
  readonly channels: '*' | readonly string[];
  /** Empty where nothing narrows it. */
  readonly limits: string;
}

/** Whether a rule of this person speaks of this very channel; `*` names none. */
export function worksIn(allowlist: Allowlist, requester: Requester, channelId: string): boolean {
  return rulesOf(allowlist, requester).some((rule) => rule.channels !== '*' && rule.channels.has(channelId));
}

function formatLimits({ actions, commands, paths }: Rule): string {
  const isCopy = actions.has('put') || actions.has('get');
  return [
    ...(actions.has('run') && commands !== '*' ? [`commands ${formatPatterns(commands)}`] : []),
    ...(isCopy && paths !== '*' ? [`paths ${formatPaths(paths)}`] : []),
  ].join('; ');
}
