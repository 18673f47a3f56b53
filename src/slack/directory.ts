import { Refusal, type Subject } from '../errors.ts';
import type { Standing } from '../policy/standing.ts';
import type { Log } from '../ports/log.ts';
import type { Directory } from '../ports/slack.ts';
import { Asked } from './asked.ts';
import { classify } from './outgoing/failure.ts';
import type { Person } from './people.ts';
import type { Workspace } from './workspace.ts';

/** Asked again when older than this. */
const FRESH_MS = { channel: 2 * 60_000, group: 50_000 } as const;

/**
 * Who people are, by Slack's own word: `users.info`, `conversations.info` and, for groups that rules name,
 * `usergroups.users.list`. Fails closed: what Slack does not tell is a refusal that says so.
 */
export function createDirectory(
  workspace: Workspace,
  log: Log,
  now: () => number = () => performance.now(),
): Directory {
  const { answers: slack, people } = workspace;

  const channels = new Asked<'own' | 'shared'>(
    async (channel) => {
      const { channel: found } = await slack.conversations.info({ channel });
      if (found === undefined) throw new Error('conversations.info answered without a channel');
      return found.is_ext_shared === true || found.is_pending_ext_shared === true ? 'shared' : 'own';
    },
    FRESH_MS.channel,
    now,
  );
  const groups = new Asked<ReadonlySet<string>>(
    async (usergroup) => {
      const { users = [] } = await slack.usergroups.users.list({ usergroup, include_disabled: false });
      return new Set(users);
    },
    FRESH_MS.group,
    now,
  );

  function unknown(what: string, id: string, error: unknown, about?: Subject): Refusal {
    const { kind, code } = classify(error);
    log.warn({ id, error: code }, `Slack does not tell ${what}`);
    return new Refusal('not-now', `Slack does not tell ${what}, so nothing was done.`, {
      about,
      remedy:
        code === 'missing_scope'
          ? 'The app lacks a scope: its administrators find it in manifest.yml.'
          : kind === 'place'
            ? `The bot has to be in this channel: \`/invite @${workspace.botName}\`.`
            : 'Try again in a minute.',
    });
  }

  return {
    async standingOf({ userId }, channelId, named): Promise<Standing> {
      const [person, channel] = await Promise.all([
        people.of(userId).catch((error: unknown) => Promise.reject(unknown('who you are', userId, error))),
        channelId === ''
          ? 'own'
          : channels
              .of(channelId)
              .catch((error: unknown) =>
                Promise.reject(
                  unknown('whether this channel is shared with others', channelId, error, 'channel'),
                ),
              ),
      ]);
      if (person.kind !== 'member' && person.kind !== 'guest') throw refuseOutsider(person.kind);
      const memberships = await Promise.all(
        Array.from(named, async (group) => {
          try {
            return (await groups.of(group)).has(userId) ? { group, isIn: true } : { group, isIn: false };
          } catch (error) {
            log.warn({ group, error: classify(error).code }, 'Slack does not tell who is in a user group');
            return { group, isIn: undefined };
          }
        }),
      );
      return {
        isGuest: person.kind === 'guest',
        isShared: channel === 'shared',
        groups: new Set(memberships.flatMap(({ group, isIn }) => (isIn === true ? [group] : []))),
        unknownGroups: memberships.flatMap(({ group, isIn }) => (isIn === undefined ? [group] : [])),
      };
    },
  };
}

function refuseOutsider(person: Exclude<Person['kind'], 'member' | 'guest'>): Refusal {
  const why = {
    deactivated: 'Slack says that this account is deactivated.',
    bot: 'Slack says that this is a bot: commands come from people.',
    stranger: 'Slack says that this account belongs to another organisation.',
  }[person];
  return new Refusal('not-allowed', why);
}
