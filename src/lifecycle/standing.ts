import { Refusal } from '../errors.ts';
import type { Allowlist } from '../policy/allowlist.ts';
import { admit } from '../policy/authorize.ts';
import { groupsNamed, holdingRules, type Standing } from '../policy/standing.ts';
import type { Directory } from '../ports/slack.ts';
import type { Requester } from '../run/plan.ts';

export interface Rulebook {
  readonly allowlist: Allowlist;
  readonly directory: Directory;
}

/**
 * The rules that hold for this person here, by what Slack says of both now. A `Refusal` where none does: nobody
 * is admitted on what Slack does not tell.
 */
export async function rulesFor(
  { allowlist, directory }: Rulebook,
  requester: Requester,
  channelId: string,
): Promise<Allowlist> {
  const groups = groupsNamed(allowlist);
  const isNamed = allowlist.rules.some(({ users }) => users.has(requester.userId));
  // Of whom no rule can speak, Slack need not be asked: strangers cost no calls.
  if (isNamed || groups.size > 0) {
    const standing = await directory.standingOf(requester, channelId, groups);
    const holding = holdingRules(allowlist, requester, standing);
    if (holding.rules.length > 0) return holding;
    const elsewhere = holdingRules(allowlist, requester, { ...standing, isGuest: false, isShared: false });
    if (elsewhere.rules.length > 0) throw refuseOutsider(standing);
    if (standing.unknownGroups.length > 0) throw refuseUnknown(standing.unknownGroups);
  }
  const nobodys = { rules: [], warnings: [] };
  admit(nobodys, requester);
  return nobodys;
}

function refuseOutsider({ isGuest, isShared }: Standing): Refusal {
  const lacking = [
    ...(isGuest ? ['Slack says that you are a guest, and no rule of yours here has "guests = yes".'] : []),
    ...(isShared
      ? ['This channel is shared with another organisation, and no rule of yours here has "shared = yes".']
      : []),
  ];
  return new Refusal('not-allowed', lacking.join('\n'), {
    about: isShared ? 'channel' : undefined,
  });
}

function refuseUnknown(groups: readonly string[]): Refusal {
  return new Refusal('not-now', `Slack does not tell who is in ${groups.join(', ')}, so nothing was done.`, {
    remedy: 'Try again in a minute; no rule names you but by these user groups, if you are in them.',
  });
}
