import type { App } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import type { HomeTab } from '../../report/views/view.ts';
import type { Requests } from '../../requests/calls.ts';
import type { Requester } from '../../run/plan.ts';
import { classify } from '../outgoing/failure.ts';
import type { Workspace } from '../workspace.ts';
import type { Admission } from './admission.ts';
import type { Reception } from './reception.ts';

/** The Home tab: drawn anew each time somebody opens it. */
export function register(app: App, admission: Admission, reception: Reception, homes: HomeTabs): void {
  app.event('app_home_opened', async ({ event, body }) => {
    if (event.tab !== 'home') return;
    await reception.serve(async () => {
      const [installation] = body.authorizations ?? [];
      const installedIn = installation?.team_id ?? installation?.enterprise_id ?? body.team_id;
      // No home is told with it. It is drawn by their id, and Slack shows it to no one else.
      await homes.publish(admission.admit({ userId: event.user, installedIn, home: installedIn }));
    });
  });
}

export class HomeTabs {
  readonly #desk: Requests;
  readonly #workspace: Workspace;
  readonly #log: Log;

  constructor(desk: Requests, workspace: Workspace, log: Log) {
    this.#desk = desk;
    this.#workspace = workspace;
    this.#log = log;
  }

  /** Never rejects: what it is shown beside must not suffer from it. */
  async publish(admitted: Requester | Promise<Requester>): Promise<void> {
    let userId: string;
    let view: HomeTab;
    try {
      const asker = await admitted;
      userId = asker.userId;
      view = this.#workspace.masked(await this.#desk.home(asker));
    } catch (error) {
      if (error instanceof Refusal)
        return this.#log.info({ reason: error.message }, 'a Home tab is not shown');
      this.#log.error({ err: error }, 'a Home tab could not be drawn');
      return;
    }
    try {
      await this.#workspace.windows.views.publish({
        user_id: userId,
        view: { ...view, blocks: [...view.blocks] },
      });
    } catch (error) {
      this.#log.warn({ error: classify(error).code }, 'a Home tab could not be shown');
    }
  }
}
