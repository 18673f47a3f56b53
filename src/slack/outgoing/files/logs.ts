import { postMessage } from '../delivery.ts';
import { classify } from '../failure.ts';
import type { ClaimedRow } from '../row/claimed-row.ts';
import type { PosterContext } from '../row/context.ts';
import { renderRow } from '../row/render-row.ts';
import { giveBack } from '../row/settle-row.ts';
import { UnderWay } from '../row/under-way.ts';
import { reportMissingFile, uploadFile } from './upload.ts';

/** So that a small run's files need not wait for those of a large one. */
const AT_ONCE = 2;

/**
 * The files on whole runs. They may take minutes, so they have a lane of their own: no message waits behind
 * one. What is being sent when the poster stops is not waited for; it is sent anew at the next start.
 */
export class Logs {
  readonly #context: PosterContext;
  readonly #underWay: UnderWay;

  constructor(context: PosterContext) {
    this.#context = context;
    this.#underWay = new UnderWay(context, AT_ONCE);
  }

  room(): number {
    return this.#underWay.room();
  }

  add(claimed: ClaimedRow): void {
    this.#underWay.add(claimed, () => this.#send(claimed));
  }

  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  async #send({ row }: ClaimedRow): Promise<void> {
    const { workspace, outbox, signal } = this.#context;
    const channel = row.channelId;
    const { content, what } = await renderRow(this.#context, row);
    if (content === undefined || row.threadTs === null) {
      await outbox.sent(row, row.ts ?? '');
      return;
    }
    if (!('filename' in content)) {
      await workspace.paces.waitForPlace(channel, signal);
      const to = { channel, threadTs: row.threadTs, keys: [row.key] };
      await outbox.sent(row, await postMessage(workspace.posts, to, workspace.masked(content)), what);
      return;
    }
    const file = workspace.masked(content);
    const to = { channel, threadTs: row.threadTs };
    // The files' methods have budgets of their own: no message need wait for their sake.
    if (signal.aborted) {
      await giveBack(this.#context, [row]);
      return;
    }
    try {
      await outbox.sent(row, await uploadFile(workspace, to, file));
    } catch (error) {
      const { kind, code } = classify(error);
      if (kind === 'place') await reportMissingFile(workspace, to, row.key, file.filename, code);
      throw error;
    }
  }
}
