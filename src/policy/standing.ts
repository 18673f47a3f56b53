import type { Requester } from '../run/plan.ts';
import type { Allowlist } from './allowlist.ts';

/** What Slack says of a person and of where they ask, as far as rules depend on it. */
export interface Standing {
  /** Single- or multi-channel guest. */
  readonly isGuest: boolean;
  /** The channel is shared with another organisation. */
  readonly isShared: boolean;
  /** The user groups (`S…`) that they are in, of those that rules name. */
  readonly groups: ReadonlySet<string>;
  /** Those of which Slack does not tell who is in them. */
  readonly unknownGroups: readonly string[];
}

/**
 * The rules that hold for this person here. A group's member is named by its rules; a guest, and whoever asks
 * from a shared channel, has only those that say so. What is asked of the result is asked of this person alone.
 */
export function holdingRules(allowlist: Allowlist, { userId }: Requester, standing: Standing): Allowlist {
  const rules = allowlist.rules.flatMap((rule) => {
    const isNamed =
      rule.users.has(userId) || Array.from(rule.groups).some((group) => standing.groups.has(group));
    if (!isNamed || (standing.isGuest && !rule.guests) || (standing.isShared && !rule.shared)) return [];
    return [{ ...rule, users: new Set([userId]) }];
  });
  return { rules, warnings: [] };
}

/** The user groups that rules name: whose members have to be known. */
export function groupsNamed(allowlist: Allowlist): ReadonlySet<string> {
  return new Set(allowlist.rules.flatMap(({ groups }) => [...groups]));
}
