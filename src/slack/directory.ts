import { Refusal, type Subject } from '../errors.ts';
import type { Standing } from '../policy/standing.ts';
import type { Directory, Log } from '../ports.ts';
import { classify } from './outgoing/failure.ts';
import type { Workspace } from './workspace.ts';

/** What Slack said of somebody holds this long where it says nothing since, and no longer. */
const HOLDS_MS = 10 * 60_000;
/** Asked again when older than this. */
const FRESH_MS = { person: 2 * 60_000, channel: 2 * 60_000, group: 50_000 } as const;
const MAX_KEPT = 5_000;

interface Known<T> {
  readonly value: T;
  /** By the monotonic clock. */
  readonly at: number;
}

/** What Slack was asked, and when: at most ten minutes old, or not known. */
class Answers<T> {
  readonly #known = new Map<string, Known<T>>();
  readonly #asked = new Map<string, Promise<T>>();
  readonly #ask: (id: string) => Promise<T>;
  readonly #freshMs: number;
  readonly #now: () => number;

  constructor(ask: (id: string) => Promise<T>, freshMs: number, now: () => number) {
    this.#ask = ask;
    this.#freshMs = freshMs;
    this.#now = now;
  }

  /** Rejects with what Slack's silence came to where nothing is known that still holds. */
  async of(id: string): Promise<T> {
    const known = this.#known.get(id);
    if (known !== undefined && this.#now() - known.at < this.#freshMs) return known.value;
    try {
      return await this.#askOnce(id);
    } catch (error) {
      if (known !== undefined && this.#now() - known.at < HOLDS_MS) return known.value;
      throw error;
    }
  }

  #askOnce(id: string): Promise<T> {
    const asked = this.#asked.get(id);
    if (asked !== undefined) return asked;
    const at = this.#now();
    const answer = this.#ask(id)
      .then((value) => {
        this.#known.delete(id);
        this.#known.set(id, { value, at });
        const [oldest] = this.#known.keys();
        if (oldest !== undefined && this.#known.size > MAX_KEPT) this.#known.delete(oldest);
        return value;
      })
      .finally(() => this.#asked.delete(id));
    this.#asked.set(id, answer);
    return answer;
  }
}

type Person = 'member' | 'guest' | 'deactivated' | 'bot' | 'stranger';

/**
 * Who people are, by Slack's own word: `users.info`, `conversations.info` and, for groups that rules name,
 * `usergroups.users.list`. Fails closed: what Slack does not tell is a refusal that says so.
 */
export function createDirectory(
  workspace: Workspace,
  log: Log,
  now: () => number = () => performance.now(),
): Directory {
  const { answers: slack, teamId } = workspace;

  const people = new Answers<Person>(
    async (user) => {
      const { user: found } = await slack.users.info({ user });
      if (found === undefined) throw new Error('users.info answered without a user');
      const isOurs = found.team_id === teamId || found.enterprise_user?.teams?.includes(teamId) === true;
      if (found.deleted === true) return 'deactivated';
      if (found.is_bot === true) return 'bot';
      if (found.is_stranger === true || !isOurs) return 'stranger';
      return found.is_restricted === true || found.is_ultra_restricted === true ? 'guest' : 'member';
    },
    FRESH_MS.person,
    now,
  );
  const channels = new Answers<'own' | 'shared'>(
    async (channel) => {
      const { channel: found } = await slack.conversations.info({ channel });
      if (found === undefined) throw new Error('conversations.info answered without a channel');
      return found.is_ext_shared === true || found.is_pending_ext_shared === true ? 'shared' : 'own';
    },
    FRESH_MS.channel,
    now,
  );
  const groups = new Answers<ReadonlySet<string>>(
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
      if (person !== 'member' && person !== 'guest') throw refuseOutsider(person);
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
        isGuest: person === 'guest',
        isShared: channel === 'shared',
        groups: new Set(memberships.flatMap(({ group, isIn }) => (isIn === true ? [group] : []))),
        unknownGroups: memberships.flatMap(({ group, isIn }) => (isIn === undefined ? [group] : [])),
      };
    },
  };
}

function refuseOutsider(person: Exclude<Person, 'member' | 'guest'>): Refusal {
  const why = {
    deactivated: 'Slack says that this account is deactivated.',
    bot: 'Slack says that this is a bot: commands come from people.',
    stranger: 'Slack says that this account belongs to another organisation.',
  }[person];
  return new Refusal('not-allowed', why);
}
