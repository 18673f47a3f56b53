import { expect, vi } from 'vitest';
import { type OpeningContext, openRun } from '../../src/lifecycle/open-run.ts';
import type { LocalSlackOptions } from '../../src/sandbox/slack/options.ts';
import { createOpener } from '../../src/slack/outgoing/opener.ts';
import { openPoster } from '../../src/slack/outgoing/poster.ts';
import { openWorkspace } from '../../src/slack/workspace.ts';
import type { StoreSettings } from '../../src/store/open.ts';
import { createRenderer } from '../../src/thread/render.ts';
import { ANN, AUDIT, OPS, openTestSlack, recordLog, settingsFor } from '../slack/rig.ts';
import { approvedPlan, openRig, type PlanWish } from '../store/rig.ts';
import { factsOf } from './thread-rig.ts';

/** The clock of waits, eight times as fast: what is tested is not how long they are. */
const startedAt = Date.now();
const steady = () => startedAt + (Date.now() - startedAt) * 8;

/** Store, opener, poster and renderer as they are, over a Slack that orders may spoil. */
export async function openAll(
  options: Partial<LocalSlackOptions> = {},
  settings: Partial<StoreSettings> = {},
) {
  const stack = new AsyncDisposableStack();
  const slack = stack.adopt(await openTestSlack({ pace: { isLimited: false }, ...options }), (it) =>
    it.close(),
  );
  const rig = stack.use(await openRig({ auditChannel: AUDIT, steady, ...settings }));
  const { store } = rig;
  const log = recordLog();
  const workspace = await openWorkspace(settingsFor(slack), { mask: (text) => text, log });
  const render = createRenderer(factsOf(store, {}));
  const { outbox, places } = store;
  const poster = openPoster({ outbox, places, render, workspace, log, now: steady, clock: steady });
  stack.adopt(poster, (it) => it.close());
  const opening: OpeningContext = {
    opener: createOpener(workspace, log, undefined, (channelId) => poster.worked(channelId)),
    store,
    now: Date.now,
    log,
  };
  let requests = 0;
  return {
    slack,
    store,
    log,
    sql: rig.sql,
    look: () => poster.beat(),
    all: () => [...slack.messages(OPS), ...slack.messages(OPS).flatMap(({ ts }) => slack.thread(OPS, ts))],
    async begin(wish: PlanWish) {
      const requester = { teamId: slack.settings.team.id, userId: ANN };
      const plan = approvedPlan({ channelId: OPS, requester, ...wish });
      const { run } = await store.createRun(plan, `${++requests}`);
      await openRun(opening, run);
      return run;
    },
    async settled(): Promise<void> {
      const isSettled = () => expect(rig.sql('select key from outbox where due_at is not null')).toEqual([]);
      await vi.waitFor(isSettled, { timeout: 60_000 });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
