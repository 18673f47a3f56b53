import type { LiveOutput, LookAtOutput } from '../../run/live-output.ts';

/** A command that is over sooner has its result only. */
const FIRST_FOLLOWED_MS = 1_500;
/** A little less than an edit is left alone for. */
const FOLLOWED_MS = 2_500;

export interface LiveOutputsSettings {
  /** The reply of a host that is followed has something new to show. */
  readonly onNews: (runId: string, host: string) => void;
}

/** Of one command. */
export interface Hearing {
  /** It is on its way. Once more where it is started again. */
  begun(look: LookAtOutput): void;
  end(): void;
}

/**
 * The commands of this process that run now, and how to look at them. Nothing is kept of what they say but what their
 * results keep anyway, and nothing is done while nobody looks.
 */
export class LiveOutputs {
  readonly #settings: LiveOutputsSettings;
  readonly #looks = new Map<string, LookAtOutput>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(settings: LiveOutputsSettings) {
    this.#settings = settings;
  }

  /** `isFollowed`: its reply is told of all that it says. */
  begin(runId: string, host: string, isFollowed: boolean): Hearing {
    const key = keyOf(runId, host);
    let timer: NodeJS.Timeout | undefined;
    return {
      begun: (look) => {
        this.#looks.set(key, look);
        if (isFollowed) timer ??= this.#follow(runId, host);
      },
      end: () => {
        this.#looks.delete(key);
        if (timer === undefined) return;
        clearInterval(timer);
        this.#timers.delete(timer);
      },
    };
  }

  /** Undefined where it does not run, or not in this process. */
  of(runId: string, host: string): LiveOutput | undefined {
    return this.#looks.get(keyOf(runId, host))?.();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
    this.#looks.clear();
  }

  #follow(runId: string, host: string): NodeJS.Timeout {
    let told: number | undefined;
    const tick = (): void => {
      const output = this.of(runId, host);
      const said = (output?.stdout.totalBytes ?? 0) + (output?.stderr.totalBytes ?? 0);
      if (told === said) return;
      told = said;
      this.#settings.onNews(runId, host);
    };
    const timer = setInterval(tick, FOLLOWED_MS).unref();
    this.#timers.add(timer);
    setTimeout(() => {
      if (this.#timers.has(timer)) tick();
    }, FIRST_FOLLOWED_MS).unref();
    return timer;
  }
}

function keyOf(runId: string, host: string): string {
  return `${runId}:${host}`;
}
