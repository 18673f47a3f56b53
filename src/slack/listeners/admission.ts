import { Refusal } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Requester } from '../../run/plan.ts';
import { classify } from '../outgoing/failure.ts';
import type { Workspace } from '../workspace.ts';

/** Whom Slack names as the one who did something, and with which installation of the app. */
export interface Sender {
  readonly userId: string;
  /** The workspace, or the organisation, that has the app. */
  readonly installedIn: string | undefined;
  /** The person's own, which may be another workspace of our organisation, or the organisation itself. */
  readonly home: string | undefined;
}

/** What clicks, forms, shortcuts and selects have in common. */
interface Interaction {
  readonly user: { readonly id: string; readonly team_id?: string };
  readonly team: { readonly id: string } | null;
  readonly enterprise?: { readonly id: string } | null;
  readonly view?: { readonly app_installed_team_id?: string };
}

/**
 * `team` is the workspace that has the app, but of a view it is where the person is (bolt-js#1614), or the
 * organisation (#1720); `user.team_id` is one of the person's workspaces, or their organisation (#1875).
 */
export function senderOf({ user, team, enterprise, view }: Interaction): Sender {
  const installedIn = view?.app_installed_team_id ?? team?.id ?? enterprise?.id;
  return { userId: user.id, installedIn, home: user.team_id };
}

/**
 * Who may ask anything at all: the people of our own organisation. Others can be in a channel that is shared with
 * them, and see the buttons there.
 */
export class Admission {
  readonly #workspace: Workspace;
  readonly #log: Log;

  constructor(workspace: Workspace, log: Log) {
    this.#workspace = workspace;
    this.#log = log;
  }

  /** One person is one requester wherever they act. A `Refusal` for all others, and where Slack does not tell. */
  async admit({ userId, installedIn, home }: Sender): Promise<Requester> {
    const { enterpriseId } = this.#workspace;
    if (!this.#isOurs(installedIn)) throw this.#refusal();
    if (!this.#isOurs(home)) {
      // Outside of an organisation another workspace is another company's.
      if (home !== undefined && enterpriseId === undefined) throw this.#refusal();
      const { kind, homes } = await this.#ask(userId);
      // An id may mean another person elsewhere: whom Slack describes has to be at home where the sender is.
      if (kind === 'stranger' || (home !== undefined && !homes.has(home))) throw this.#refusal();
    }
    return this.wouldBe(userId);
  }

  /** Who it is where they are admitted. */
  wouldBe(userId: string): Requester {
    return { teamId: this.home, userId };
  }

  /** The organisation, or the workspace that stands alone. */
  get home(): string {
    return this.#workspace.enterpriseId ?? this.#workspace.teamId;
  }

  #isOurs(place: string | undefined): boolean {
    const { teamId, enterpriseId } = this.#workspace;
    return place !== undefined && place !== '' && (place === teamId || place === enterpriseId);
  }

  #refusal(): Refusal {
    const what = this.#workspace.enterpriseId === undefined ? 'workspace' : 'organisation';
    return new Refusal('not-allowed', `This bot works only for members of its own ${what}.`);
  }

  async #ask(userId: string) {
    try {
      return await this.#workspace.people.of(userId);
    } catch (error) {
      this.#log.warn({ id: userId, error: classify(error).code }, 'Slack does not tell who somebody is');
      throw new Refusal('not-now', 'Slack does not tell who you are, so nothing was done.', {
        remedy: 'Try again in a minute.',
      });
    }
  }
}
