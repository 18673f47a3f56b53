import { isIP } from 'node:net';
import PQueue from 'p-queue';
import { formatAddress } from '../settings.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import { knownAddress } from './addresses.ts';
import { nameWay, type Route } from './route.ts';

/** Below this no server that is set up as usual drops anybody. */
const UNCROWDED = 8;

/** One that hangs up without a word so often does so for reasons of its own. */
const MOST_SILENT = 3;

/**
 * Logins, at most eight at a time per endpoint. OpenSSH drops connections at random from the tenth that is not
 * logged in yet (MaxStartups 10:30:100): of a burst of 50 to one address a third is lost. One machine may have many
 * addresses, which nobody tells us, and may be set up to take fewer: where hosts of a neighbourhood hang up before they
 * greet us, half as many of it are asked at a time, down to eight, and further down to one where they say that it is for
 * too many at once; one more again after each round that was not turned away.
 */
export class LoginQueues {
  /** Those that have something to do. */
  readonly #endpoints = new Map<string, PQueue>();
  readonly #neighbourhoods = new Map<string, Neighbourhood>();

  /**
   * Logs in when it is its turn; a `Trouble` where the signal comes before that. From then on the signal is the
   * login's own, and what it comes to is handed on whenever it comes: nobody else would close it. A `Trouble` of a
   * host that hung up on a crowd says that it was `crowded`. `turnedAway`: how often this one was before.
   */
  run<T>(route: Route, signal: AbortSignal, logIn: () => Promise<T>, turnedAway = 0): Promise<T> {
    const endpoint = `${nameWay(route)} ${formatAddress(route.host)}`;
    const neighbourhood = neighbourhoodOf(route);
    const queue = this.#endpoints.get(endpoint) ?? new PQueue({ concurrency: UNCROWDED });
    this.#endpoints.set(endpoint, queue);
    const around = this.#neighbourhoods.get(neighbourhood) ?? new Neighbourhood();
    this.#neighbourhoods.set(neighbourhood, around);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const turn = () => {
      const login = around.watch(logIn, turnedAway, queue);
      resolve(login);
      return login;
    };
    around.users += 1;
    queue
      .add(() => around.queue.add(turn, { signal }), { signal })
      // Too late for a login that has begun: the answer is its own.
      .catch(() => reject(stopTrouble(signal, 'before the command was sent')))
      .finally(() => {
        around.users -= 1;
        if (queue.size + queue.pending === 0) this.#endpoints.delete(endpoint);
        // One that is crowded is remembered as long as there is anybody in it.
        if (around.users === 0) this.#neighbourhoods.delete(neighbourhood);
      });
    return promise;
  }
}

/**
 * A network of 256 addresses, or all that is behind the same jump hosts: nobody waits in the one that a hop of his own is
 * in. A name that was not looked up yet is alone.
 */
function neighbourhoodOf(route: Route): string {
  if (route.way.length > 0) return `behind ${nameWay(route)}`;
  const { ip } = route.host;
  const address = isIP(ip) === 0 ? knownAddress(ip) : ip;
  if (address === undefined) return ip;
  return address.split(isIP(address) === 4 ? '.' : ':', 3).join(' ');
}

/** Endpoints of which some may be one machine. */
class Neighbourhood {
  readonly queue = new PQueue();
  users = 0;
  /** Logins that were not turned away since the last time that more or fewer were let in. */
  #good = 0;
  /** How often fewer were let in. */
  #lowered = 0;

  async watch<T>(logIn: () => Promise<T>, turnedAway: number, endpoint: PQueue): Promise<T> {
    const lowered = this.#lowered;
    try {
      const connection = await logIn();
      this.#wentWell();
      return connection;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      const crowd = this.#crowdOf(error, turnedAway, endpoint);
      if (crowd === undefined) {
        // A host that is off says nothing of its neighbours, and shall not keep them waiting for ever.
        if (error.hangUp === 'no') this.#wentWell();
        throw error;
      }
      if (crowd === 'around') this.#letInFewer(lowered);
      else endpoint.concurrency = Math.max(1, Math.floor(endpoint.pending / 2));
      throw error.ofCrowd();
    }
  }

  #wentWell(): void {
    this.#good += 1;
    if (this.#good < this.queue.concurrency) return;
    this.#good = 0;
    this.queue.concurrency += 1;
  }

  /**
   * For whose sake it hung up. One that is asked alone does so for nobody's, but where it says so; one that says
   * nothing may have died, which is no reason to ask its neighbours one by one.
   */
  #crowdOf({ hangUp }: Trouble, turnedAway: number, endpoint: PQueue): 'around' | 'endpoint' | undefined {
    if (hangUp === 'no') return undefined;
    if (hangUp === 'told' || this.queue.pending > UNCROWDED) return 'around';
    const isShared = endpoint.pending > 1 || endpoint.concurrency < UNCROWDED;
    return isShared && turnedAway < MOST_SILENT ? 'endpoint' : undefined;
  }

  /** `lowered`: how often they were when this login began. */
  #letInFewer(lowered: number): void {
    const most = Math.min(this.queue.concurrency, this.queue.pending);
    // Below the usual a crowd that began together has one say: most of it was turned away by the same rule.
    if (most <= UNCROWDED && lowered < this.#lowered) return;
    this.#good = 0;
    this.#lowered += 1;
    this.queue.concurrency = Math.max(most > UNCROWDED ? UNCROWDED : 1, Math.floor(most / 2));
  }
}
