import type { SFTPWrapper } from 'ssh2';
import { Deadline } from '../../time/deadline.ts';
import type { Connection } from '../connection/connection.ts';
import { formatSeconds } from '../settings.ts';
import { stopTrouble, Trouble, wordsOf } from '../trouble.ts';
import { LeastRate } from './least-rate.ts';
import type { CopyLimits } from './limits.ts';
import { refusedStep, type Step, StepTrouble } from './refusal.ts';

export type Done<T> = (error: Error | null | undefined, answer?: T) => void;

export interface SessionSettings {
  readonly connection: Connection;
  /** The longest silence. */
  readonly silenceMs: number;
  readonly limits: CopyLimits;
  readonly signal: AbortSignal;
}

/**
 * What is asked of a host by SFTP, as promises that always settle. The library calls nobody back where the
 * connection or the channel dies (pitfall 3), so each question is raced against that, against silence, against too
 * little, and against the order to stop. What the host answers is looked at before it is believed: nothing keeps it from answering
 * another question than the one that was asked.
 */
export class Questions {
  readonly #silenceMs: number;
  readonly #limits: CopyLimits;
  readonly #signal: AbortSignal;
  readonly #release: () => void;
  readonly #waiting = new Set<(trouble: Trouble) => void>();
  readonly #rate: LeastRate;
  readonly #silence = new Deadline();
  /** Why nothing is answered any more. */
  #dead: Trouble | undefined;

  constructor(sftp: SFTPWrapper, { connection, silenceMs, limits, signal }: SessionSettings) {
    this.#silenceMs = silenceMs;
    this.#limits = limits;
    this.#signal = signal;
    this.#rate = new LeastRate(silenceMs, limits.leastBytesPerSecond, () =>
      this.#die(
        new Trouble(
          'timed-out',
          `less than ${limits.leastBytesPerSecond} bytes a second came through for ${formatSeconds(silenceMs)}`,
        ),
      ),
    );
    const onAbort = () => this.#die(stopTrouble(signal, 'while it copied'));
    signal.addEventListener('abort', onAbort);
    const releaseLost = connection.onLost((reason) =>
      this.#die(new Trouble('transfer-failed', `${reason} while it copied`)),
    );
    this.#release = () => {
      signal.removeEventListener('abort', onAbort);
      releaseLost();
    };
    sftp.on('error', (error: Error) =>
      this.#die(new Trouble('transfer-failed', `SFTP broke off: ${wordsOf(error)}`)),
    );
    sftp.on('close', () => this.#die(new Trouble('transfer-failed', 'the host closed the SFTP channel')));
    sftp.on('end', () => this.#die(new Trouble('transfer-failed', 'the host ended the SFTP channel')));
    if (signal.aborted) onAbort();
  }

  /** What is still asked is answered with the end. */
  end(): void {
    this.#release();
    this.#die(new Trouble('transfer-failed', 'the SFTP channel is closed'));
  }

  /** That many bytes came through. */
  moved(bytes: number): void {
    this.#rate.moved(bytes);
  }

  /** A step that the copy is whole without: what it came to, or why it did not come about. */
  async attempt<T>(step: Promise<T>): Promise<{ readonly value: T } | { readonly trouble: StepTrouble }> {
    try {
      return { value: await step };
    } catch (error) {
      if (error instanceof StepTrouble && this.#dead === undefined) return { trouble: error };
      throw error;
    }
  }

  /** One question. `check` makes of the answer what was asked for; undefined where it is something else. */
  ask<T, R>(step: Step, start: (done: Done<T>) => void, check: (answer: unknown) => R | undefined) {
    return new Promise<R>((resolve, reject) => {
      if (this.#dead) return reject(this.#dead);
      const limitMs = this.#limitOf(step);
      const limit = new Deadline();
      if (limitMs !== undefined) limit.set(limitMs, () => settle(() => reject(lateAnswer(step, limitMs))));
      const onDead = (trouble: Trouble) => {
        limit.clear();
        reject(trouble);
      };
      const settle = (end: () => void) => {
        limit.clear();
        // The session is over, or it has been answered: what comes now comes too late.
        if (!this.#waiting.delete(onDead)) return;
        this.#listen();
        end();
      };
      this.#waiting.add(onDead);
      this.#listen();
      try {
        start((error, answer) =>
          settle(() => {
            if (error) return reject(refusedStep(step, error));
            const checked = check(answer);
            if (checked !== undefined) return resolve(checked);
            reject(new StepTrouble('transfer-failed', step, 'the host answered something else'));
          }),
        );
      } catch (error) {
        settle(() => reject(refusedStep(step, error)));
      }
    });
  }

  #limitOf({ limit }: Step): number | undefined {
    switch (limit) {
      case 'silence':
        return undefined;
      case 'last':
        return Math.min(this.#limits.lastStepMs, this.#silenceMs);
      case 'optional':
        return Math.min(this.#limits.optionalStepMs, this.#silenceMs);
      default:
        return limit satisfies never;
    }
  }

  /** Each answer starts the wait anew; between questions there is none. */
  #listen(): void {
    if (this.#waiting.size === 0) {
      this.#silence.clear();
      this.#rate.rest();
      return;
    }
    this.#rate.wait();
    this.#silence.set(this.#silenceMs, () =>
      this.#die(new Trouble('timed-out', `no data for ${formatSeconds(this.#silenceMs)} while it copied`)),
    );
  }

  #die(trouble: Trouble): void {
    if (this.#dead) return;
    this.#dead = this.#signal.aborted ? stopTrouble(this.#signal, 'while it copied') : trouble;
    this.#silence.clear();
    this.#rate.rest();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const onDead of waiting) onDead(this.#dead);
  }
}

function lateAnswer(step: Step, limitMs: number): StepTrouble {
  return new StepTrouble('timed-out', step, `no answer within ${formatSeconds(limitMs)}`);
}
