import type { CopyMeter, CopyProgress } from '../../run/copy-progress.ts';
import type { Moved } from '../../run/live-output.ts';

/** A copy that is over sooner shows what came of it. */
const FIRST_TICK_MS = 2_000;
const TICK_MS = 2_000;
/** The rate is that of the last so many milliseconds. */
const RATE_MS = 5_000;

interface Meter {
  expected: number;
  moved: number;
}

interface Metered {
  readonly meters: Set<Meter>;
  /** What copies of the run that have ended moved. */
  endedBytes: number;
  readonly samples: { readonly at: number; readonly bytes: number }[];
  readonly timer: ReturnType<typeof setInterval>;
}

export interface CopyMetersSettings {
  /** Of a clock that nobody can set, milliseconds. */
  readonly clock: () => number;
  /** The root message of this run shows something new. */
  readonly onTick: (runId: string) => void;
}

/** How far the copies on the wire have come. In memory only: it is of no use to anybody after them. */
export class CopyMeters {
  readonly #settings: CopyMetersSettings;
  readonly #runs = new Map<string, Metered>();

  constructor(settings: CopyMetersSettings) {
    this.#settings = settings;
  }

  begin(runId: string): CopyMeter & { end(): void; soFar(): Moved } {
    const run = this.#runs.get(runId) ?? this.#open(runId);
    const meter: Meter = { expected: 0, moved: 0 };
    run.meters.add(meter);
    return {
      expect: (bytes) => {
        meter.expected += bytes;
      },
      moved: (bytes) => {
        meter.moved += bytes;
      },
      soFar: () => ({ movedBytes: meter.moved, totalBytes: meter.expected }),
      end: () => {
        if (!run.meters.delete(meter)) return;
        run.endedBytes += meter.moved;
        if (run.meters.size > 0) return;
        clearInterval(run.timer);
        this.#runs.delete(runId);
      },
    };
  }

  /** Undefined where nothing of the run is on the wire, or has been for a moment only. */
  progressOf(runId: string): CopyProgress | undefined {
    const run = this.#runs.get(runId);
    const [oldest] = run?.samples ?? [];
    if (run === undefined || oldest === undefined) return undefined;
    const meters = [...run.meters];
    const movedBytes = meters.reduce((sum, { moved }) => sum + moved, 0);
    const seconds = (this.#settings.clock() - oldest.at) / 1_000;
    return {
      movedBytes,
      totalBytes: meters.reduce((sum, { expected }) => sum + expected, 0),
      bytesPerSecond: seconds <= 0 ? 0 : (movedBytes + run.endedBytes - oldest.bytes) / seconds,
      hosts: meters.length,
    };
  }

  close(): void {
    for (const { timer } of this.#runs.values()) clearInterval(timer);
    this.#runs.clear();
  }

  #open(runId: string): Metered {
    const { clock, onTick } = this.#settings;
    const openedAt = clock();
    const run: Metered = {
      meters: new Set(),
      endedBytes: 0,
      samples: [],
      timer: setInterval(() => {
        const bytes = [...run.meters].reduce((sum, { moved }) => sum + moved, run.endedBytes);
        run.samples.push({ at: clock(), bytes });
        while (run.samples.length > 1 && clock() - (run.samples[0]?.at ?? 0) > RATE_MS) run.samples.shift();
        if (clock() - openedAt >= FIRST_TICK_MS) onTick(runId);
      }, TICK_MS),
    };
    run.samples.push({ at: openedAt, bytes: 0 });
    run.timer.unref();
    this.#runs.set(runId, run);
    return run;
  }
}
