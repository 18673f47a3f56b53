import { boundLatest } from '../../gather/bound.ts';
import type { Mask } from '../../gather/mask.ts';
import { cleanOutput } from '../../report/text/plain.ts';
import type { LiveText, LookAtOutput, Moved, Sight } from '../../run/live-output.ts';

/** A command that is over sooner has its result only. */
const FIRST_FOLLOWED_MS = 1_500;
/** A little less than an edit is left alone for. */
const FOLLOWED_MS = 2_500;
/** Of a stream: more than a message or a window shows. */
const MAX_BYTES = 8 * 1024;

interface LiveJobsSettings {
  /** The reply of a host that is followed has something new to show. */
  readonly onNews: (runId: string, host: string) => void;
  readonly maskNow: () => Mask;
}

/** Of one job. */
interface Hearing {
  /** Its command is on its way. Once more where it is started again. */
  begun(look: LookAtOutput): void;
  /** It is a copy, and this is how far it is. */
  copies(look: () => Moved): void;
  end(): void;
}

type Look = () => Sight;

const STARTING: Sight = { phase: 'starting' };

/**
 * The jobs of this process that are on the wire now, and how to look at them. Nothing is kept of what commands say but
 * what their results keep anyway, and nothing is done while nobody looks.
 */
export class LiveJobs {
  readonly #settings: LiveJobsSettings;
  readonly #runs = new Map<string, Map<string, Look>>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(settings: LiveJobsSettings) {
    this.#settings = settings;
  }

  /** `isFollowed`: its reply is told of all that it says. */
  begin(runId: string, host: string, isFollowed: boolean): Hearing {
    const jobs = this.#runs.get(runId) ?? new Map<string, Look>();
    this.#runs.set(runId, jobs);
    jobs.set(host, () => STARTING);
    let timer: NodeJS.Timeout | undefined;
    return {
      begun: (look) => {
        jobs.set(host, () => ({ phase: 'running', output: look() }));
        if (isFollowed) timer ??= this.#follow(runId, host);
      },
      copies: (look) => {
        jobs.set(host, () => copyingOf(look()));
      },
      end: () => {
        jobs.delete(host);
        if (jobs.size === 0 && this.#runs.get(runId) === jobs) this.#runs.delete(runId);
        if (timer === undefined) return;
        clearInterval(timer);
        this.#timers.delete(timer);
      },
    };
  }

  /** Undefined where it does not run, or not in this process. */
  ofHost(runId: string, host: string): Sight | undefined {
    const sight = this.#runs.get(runId)?.get(host)?.();
    if (sight?.phase !== 'running' || sight.output === undefined) return sight;
    const mask = this.#settings.maskNow();
    const { stdout, stderr } = sight.output;
    return {
      phase: 'running',
      output: { stdout: seeThrough(stdout, mask), stderr: seeThrough(stderr, mask) },
    };
  }

  /** By host, without what they say. */
  ofRun(runId: string): ReadonlyMap<string, Sight> {
    const jobs = this.#runs.get(runId) ?? [];
    return new Map(Array.from(jobs, ([host, look]) => [host, withoutWords(look())]));
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
    this.#runs.clear();
  }

  #follow(runId: string, host: string): NodeJS.Timeout {
    let told: number | undefined;
    const tick = (): void => {
      const seen = this.#runs.get(runId)?.get(host)?.();
      const output = seen?.phase === 'running' ? seen.output : undefined;
      const said = output === undefined ? 0 : output.stdout.totalBytes + output.stderr.totalBytes;
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

function copyingOf(moved: Moved): Sight {
  return moved.totalBytes + moved.movedBytes === 0 ? STARTING : { phase: 'copying', ...moved };
}

function withoutWords(sight: Sight): Sight {
  return sight.phase === 'running' ? { phase: 'running' } : sight;
}

/**
 * As it will be shown, without its colours, and masked once more: a secret may stand around one, and is one only once it
 * is gone. Of what is cut, the beginning may be the end of such a secret.
 */
function seeThrough(stream: LiveText, mask: Mask): LiveText {
  const clean = cleanOutput(stream.text);
  if (clean === stream.text) return stream;
  const bytes = new TextEncoder().encode(clean);
  const whole = stream.isCut ? bytes.subarray(mask.longestBytes) : bytes;
  return { ...stream, text: boundLatest(whole, undefined, mask, MAX_BYTES) };
}
