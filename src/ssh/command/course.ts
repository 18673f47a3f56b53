import { Deadline } from '../../time/deadline.ts';
import type { Exit } from './ending.ts';
import type { ChannelNews } from './stop/stop-command.ts';

/**
 * Where a command stands:
 *
 * - **opening**: the channel is asked for. Ends with the host's no, its silence, or the order to stop: nothing
 *   was sent.
 * - **sent**: the command is on its way, if need be with sudo's question and our answer; its time
 *   limit runs. Ends with `close` of the channel, and not with `exit`: output may come after that (pitfall 16).
 * - **exited**: the exit code is there, but a background process holds the channel open. Two seconds later it
 *   is closed from here.
 * - **stopping**: time limit or order to stop, which no later news changes. The processes are ended through a
 *   second channel, or by signals on this one; what is said meanwhile is kept.
 * - **over**: the verdict is there. Whatever the host still sends is nobody's.
 */
export type State =
  | { readonly at: 'opening' }
  | { readonly at: 'sent' }
  | { readonly at: 'exited'; readonly exit: Exit }
  | { readonly at: 'stopping'; readonly news: ChannelNews }
  | { readonly at: 'over' };

const NEXT: Readonly<Record<State['at'], readonly State['at'][]>> = {
  opening: ['sent', 'over'],
  sent: ['exited', 'stopping', 'over'],
  exited: ['over'],
  stopping: ['over'],
  over: [],
};

/** The way of one command through its states, and what each of them waits for at most. */
export class Course {
  #state: State = { at: 'opening' };
  readonly #limit = new Deadline();
  readonly #silence = new Deadline();
  /** By the steady clock, in ms. */
  #heardAt = 0;
  readonly #onDefect: (defect: Error) => void;

  constructor(onDefect: (defect: Error) => void) {
    this.#onDefect = onDefect;
  }

  get state(): State {
    return this.#state;
  }

  get at(): State['at'] {
    return this.#state.at;
  }

  /** The only place where the state changes; its limits end with it. True where the change is one that there is. */
  enter(next: State): boolean {
    if (!NEXT[this.at].includes(next.at)) {
      this.#onDefect(new Error(`A command cannot go from ${this.at} to ${next.at}`));
      return false;
    }
    this.#state = next;
    this.#limit.clear();
    this.#silence.clear();
    return true;
  }

  /** The one limit of the present state. */
  limit(ms: number, late: () => void): void {
    this.#limit.set(ms, late);
  }

  /** The other one: nothing was heard for so long. Not while our own disk keeps it from being heard. */
  limitSilence(ms: number, isHeldUp: () => boolean, silent: () => void): void {
    this.heard();
    const listen = (): void => {
      if (isHeldUp()) this.heard();
      const leftMs = this.#heardAt + ms - performance.now();
      if (leftMs > 0) this.#silence.set(leftMs, listen);
      else silent();
    };
    this.#silence.set(ms, listen);
  }

  /** To whoever stops the command, where somebody does. */
  tell(what: 'data' | 'exited' | 'closed'): void {
    if (this.#state.at === 'stopping') this.#state.news.tell(what);
  }

  heard(): void {
    this.#heardAt = performance.now();
  }
}
