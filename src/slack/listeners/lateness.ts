/** Slack waits 3 s for an ack; then it tells the person that it failed. */
const ACK_MS = 3_000;
const LOOK_MS = 250;
/** What came in while we stood still is read within this time afterwards. */
const CATCH_UP_MS = 1_000;
/** By Slack's clock, over HTTP: clocks are seconds apart. */
const MAX_AGE_MS = 10_000;

/** What Bolt knows of a delivery. */
export interface Delivery {
  /** From 1 on where Slack brings it again. */
  readonly retryNum?: number;
  /** Over HTTP: when Slack signed it, by its clock. Epoch s. */
  readonly signedAt?: unknown;
}

/**
 * Whether Slack may have told somebody already that what they sent failed: it is brought again, waited in front
 * of us (in a proxy), or came while this process stood still. Over a socket nothing says when it was sent.
 */
export class Lateness implements Disposable {
  readonly #looking: NodeJS.Timeout;
  #lookedAt = performance.now();
  #catchingUpUntil = Number.NEGATIVE_INFINITY;

  constructor() {
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  isLate({ retryNum = 0, signedAt }: Delivery): boolean {
    // Sockets may be read before the timers run.
    this.#look();
    const ageMs = typeof signedAt === 'string' ? Date.now() - Number(signedAt) * 1_000 : 0;
    return retryNum > 0 || ageMs > MAX_AGE_MS || this.#lookedAt < this.#catchingUpUntil;
  }

  #look(): void {
    const now = performance.now();
    // What is asked of us takes time to come, and the ack to go: a little less than Slack's own wait.
    if (now - this.#lookedAt > ACK_MS - LOOK_MS) this.#catchingUpUntil = now + CATCH_UP_MS;
    this.#lookedAt = now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
  }
}
