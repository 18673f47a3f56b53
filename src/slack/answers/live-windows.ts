import type { Log } from '../../ports/log.ts';
import type { LiveWindow, Modal } from '../../report/views/view.ts';
import { delay } from '../../time/delay.ts';
import { within } from '../../time/within.ts';
import { classify } from '../outgoing/failure.ts';
import { Pace } from '../outgoing/pace.ts';
import type { Workspace } from '../workspace.ts';

/** How soon after one look the next one comes, and for how long. */
export interface Freshness {
  readonly lookMs: number;
  readonly openMs: number;
}

const FRESHNESS: Freshness = { lookMs: 2_500, openMs: 10 * 60_000 };
/** Slack may not answer for a moment; a window that it never answers for is left as it is. */
const MAX_FAILURES = 3;
/** At the end, for all windows together. */
const GOODBYE_MS = 2_000;

interface OpenWindow {
  /** Aborted once nobody sees it any more, or the process stops. */
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/**
 * Windows that are kept fresh: each is looked at anew every few seconds, and changed where there is something new, at the
 * pace that all of the workspace's share (views.update has 100 a minute). Until it is closed, has shown the last of it, or
 * has been open for ten minutes.
 */
export class LiveWindows {
  readonly #workspace: Workspace;
  readonly #log: Log;
  readonly #freshness: Freshness;
  readonly #pace: Pace;
  readonly #windows = new Map<string, OpenWindow>();
  #isStopping = false;

  constructor(workspace: Workspace, log: Log, freshness = FRESHNESS) {
    this.#workspace = workspace;
    this.#log = log;
    this.#freshness = freshness;
    this.#pace = new Pace(5, 750);
  }

  /** Opens it with this right to open one; false where Slack does not. */
  async open(triggerId: string | undefined, window: LiveWindow): Promise<boolean> {
    if (triggerId === undefined) return false;
    let hash: string;
    let id: string;
    const first = this.#masked(window.view);
    try {
      const { view } = await this.#workspace.windows.views.open({ trigger_id: triggerId, view: first });
      id = view?.id ?? '';
      hash = view?.hash ?? '';
    } catch (error) {
      this.#log.warn({ error: classify(error).code }, 'a window could not be opened');
      return false;
    }
    if (id === '') return true;
    const stop = new AbortController();
    if (this.#isStopping) stop.abort('stopping');
    const done = this.#keepFresh({ id, hash, shown: JSON.stringify(first) }, window, stop.signal)
      .catch((error: unknown) => this.#log.error({ err: error }, 'a window is not kept fresh any more'))
      .finally(() => this.#windows.delete(id));
    this.#windows.set(id, { stop, done });
    if (this.#isStopping) await done;
    return true;
  }

  /** Its person does not see it any more. It may be one of another process, or long over. */
  closed(viewId: string): void {
    const window = this.#windows.get(viewId);
    this.#windows.delete(viewId);
    window?.stop.abort('closed');
  }

  /** Says in each that it is over, as far as there is time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const open = [...this.#windows.values()];
    for (const { stop } of open) stop.abort('stopping');
    await within(Promise.all(open.map(({ done }) => done)), { ms: GOODBYE_MS, late: () => undefined });
  }

  async #keepFresh(
    at: { readonly id: string; hash: string; shown: string },
    window: LiveWindow,
    signal: AbortSignal,
  ): Promise<void> {
    const openUntil = performance.now() + this.#freshness.openMs;
    let failures = 0;
    while (failures < MAX_FAILURES) {
      await delay(this.#freshness.lookMs, signal);
      if (signal.reason === 'closed') return;
      const end = signal.aborted ? 'stopping' : performance.now() >= openUntil ? 'time-up' : undefined;
      let looked: Awaited<ReturnType<LiveWindow['look']>>;
      try {
        looked = await window.look(end);
      } catch (error) {
        // What it is told from is away for a moment: it is looked at again, for as long as the window may be open.
        this.#log.warn({ err: error }, 'a window could not be looked at');
        if (end !== undefined) return;
        continue;
      }
      const { view, isLast } = looked;
      const masked = this.#masked(view);
      const shown = JSON.stringify(masked);
      if (shown !== at.shown) {
        await delay(this.#pace.reserve(), signal);
        if (signal.reason === 'closed') return;
        try {
          const answer = await this.#workspace.windows.views.update({
            view_id: at.id,
            hash: at.hash,
            view: masked,
          });
          Object.assign(at, { hash: answer.view?.hash ?? '', shown });
          failures = 0;
        } catch (error) {
          const failure = classify(error);
          // It is closed, and we were not told; or somebody else changes it.
          if (failure.code === 'not_found' || failure.code === 'hash_conflict') return;
          this.#log.warn({ error: failure.code }, 'a window could not be kept fresh');
          if (failure.code === 'ratelimited') this.#pace.suspend(failure.retryAfterMs ?? 1_000);
          else failures += 1;
          if (signal.aborted) return;
          continue;
        }
      }
      if (isLast || signal.aborted) return;
    }
  }

  #masked(view: Modal) {
    const masked = this.#workspace.masked(view);
    return { ...masked, blocks: [...masked.blocks] };
  }
}
