import type { World } from '../app.ts';
import { Refusal } from '../errors.ts';
import type { Answer } from '../ports.ts';
import { formatLogPointer } from '../report/clicked.ts';
import type { Run } from '../run/run.ts';

/** The whole log is a file in the thread: the first who asks has it put there, the others are shown to it. */
export async function answerWithLog(world: World, run: Run): Promise<Answer> {
  if (run.rootTs === undefined) {
    throw new Refusal('not-now', `${run.id} has no thread, and nothing of it ran.`);
  }
  if (run.state !== 'finished') {
    throw new Refusal('not-now', `${run.id} is still going on: its log comes when it has ended.`);
  }
  const isThere = await world.store.postLog(run.id);
  return formatLogPointer(run, isThere, world.threadLink(run.plan.channelId, run.rootTs));
}
