import PQueue from 'p-queue';
import { stopTrouble } from '../trouble.ts';

/**
 * Logins, at most `atOnce` at a time per endpoint. OpenSSH drops connections at random from the tenth that is not
 * logged in yet (MaxStartups 10:30:100): of a burst of 50 to one address a third is lost.
 */
export class LoginQueues {
  readonly #atOnce: number;
  /** Those that have something to do. */
  readonly #queues = new Map<string, PQueue>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /**
   * Logs in when it is its turn; a `Trouble` where the signal comes before that. From then on the signal is the
   * login's own, and what it comes to is handed on whenever it comes: nobody else would close it.
   */
  run<T>(endpoint: string, signal: AbortSignal, logIn: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(endpoint) ?? new PQueue({ concurrency: this.#atOnce });
    this.#queues.set(endpoint, queue);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const turn = () => {
      const login = logIn();
      resolve(login);
      return login;
    };
    queue
      .add(turn, { signal })
      // Too late for a login that has begun: the answer is its own.
      .catch(() => reject(stopTrouble(signal, 'before the command was sent')))
      .finally(() => {
        if (queue.size + queue.pending === 0) this.#queues.delete(endpoint);
      });
    return promise;
  }
}
