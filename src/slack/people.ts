import type { WebClient } from '@slack/web-api';
import { Asked } from './asked.ts';

/** Asked again when older than this. */
const FRESH_MS = 2 * 60_000;

/** Where the app is installed: a workspace, and the organisation that it belongs to (Enterprise Grid), if any. */
export interface OwnPlace {
  readonly teamId: string;
  readonly enterpriseId: string | undefined;
}

export interface Person {
  /** A `stranger` is of another organisation. */
  readonly kind: 'member' | 'guest' | 'deactivated' | 'bot' | 'stranger';
  /** The workspaces and the organisation that Slack counts them to. */
  readonly homes: ReadonlySet<string>;
}

/** Who people are, by Slack's own word (`users.info`). Rejects with what Slack's silence came to. */
export class People {
  readonly #asked: Asked<Person>;

  constructor(slack: WebClient, { teamId, enterpriseId }: OwnPlace, now: () => number) {
    this.#asked = new Asked(
      async (id) => {
        const { user } = await slack.users.info({ user: id });
        if (user === undefined) throw new Error('users.info answered without a user');
        const { team_id, enterprise_user: inOrganisation } = user;
        const places = [team_id, inOrganisation?.enterprise_id, ...(inOrganisation?.teams ?? [])];
        const homes = new Set(places.filter((place) => place !== undefined));
        const isOurs = homes.has(teamId) || (enterpriseId !== undefined && homes.has(enterpriseId));
        const kindOf = (): Person['kind'] => {
          if (user.deleted === true) return 'deactivated';
          if (user.is_bot === true) return 'bot';
          if (user.is_stranger === true || !isOurs) return 'stranger';
          return user.is_restricted === true || user.is_ultra_restricted === true ? 'guest' : 'member';
        };
        return { kind: kindOf(), homes };
      },
      FRESH_MS,
      now,
    );
  }

  of(userId: string): Promise<Person> {
    return this.#asked.of(userId);
  }
}
