import { WebAPIRateLimitedError, WebClient, type WebClientOptions } from '@slack/web-api';
import { type Meters, slackMethod } from '../ports/meters.ts';
import { classify } from './outgoing/failure.ts';

/** A no to a message is believed this long where nothing has been posted since. */
const BAD_NEWS_MS = 60_000;
/** News younger than this needs no asking. */
const FRESH_MS = 10_000;

/** Whether Slack takes what we have to show: known from every call that is made, and asked where none was made lately. */
export class Reachability {
  #answeredAt = Number.NEGATIVE_INFINITY;
  #badNews: { readonly at: number; readonly words: string } | undefined;
  #asking: Promise<string | null> | undefined;

  /** Slack did what it was asked. */
  took(method: string): void {
    this.#answeredAt = performance.now();
    if (isShowing(method)) this.#badNews = undefined;
  }

  refused(method: string, error: unknown): void {
    const { kind, code } = classify(error);
    // What is only too much, or only this message's or channel's, says nothing on the next one.
    const isOurs =
      kind === 'credentials' ||
      kind === 'app' ||
      kind === 'unknown' ||
      (kind === 'later' && !/rate_?limited/.test(code));
    if (!isOurs) this.#answeredAt = performance.now();
    else if (isShowing(method)) this.#badNews = { at: performance.now(), words: describe(kind, code) };
  }

  /** Null where a message would most likely be taken; else why not. `ask` makes any call, and may reject. */
  async trouble(ask: () => Promise<unknown>): Promise<string | null> {
    const now = performance.now();
    if (this.#badNews !== undefined && now - this.#badNews.at < BAD_NEWS_MS) return this.#badNews.words;
    if (now - this.#answeredAt < FRESH_MS) return null;
    this.#asking ??= this.#ask(ask).finally(() => {
      this.#asking = undefined;
    });
    return await this.#asking;
  }

  async #ask(ask: () => Promise<unknown>): Promise<string | null> {
    try {
      await ask();
      return null;
    } catch (error) {
      const { kind, code } = classify(error);
      return kind === 'later' && /rate_?limited/.test(code) ? null : describe(kind, code);
    }
  }
}

function describe(kind: string, code: string): string {
  return kind === 'credentials' || kind === 'app'
    ? `Slack refuses the bot (${code})`
    : `Slack does not take messages (${code})`;
}

function isShowing(method: string): boolean {
  return method.startsWith('chat.');
}

/** A client that notes how each of its calls went, and how long it took. */
export class NotingClient extends WebClient {
  /** Slack keeps it with what is posted: another process with our token has another. */
  readonly processId: string;
  readonly #reachability: Reachability;

  readonly #meters: Meters;

  constructor(
    token: string,
    options: WebClientOptions,
    processId: string,
    { reachability, meters }: { readonly reachability: Reachability; readonly meters: Meters },
  ) {
    super(token, options);
    this.#meters = meters;
    this.processId = processId;
    this.#reachability = reachability;
  }

  override async apiCall(...call: Parameters<WebClient['apiCall']>): ReturnType<WebClient['apiCall']> {
    const [method] = call;
    const since = performance.now();
    try {
      const result = await super.apiCall(...call);
      this.#reachability.took(method);
      return result;
    } catch (error) {
      this.#reachability.refused(method, error);
      if (error instanceof WebAPIRateLimitedError) this.#meters.count('rateLimits', slackMethod(method));
      throw error;
    } finally {
      this.#meters.took('calls', slackMethod(method), performance.now() - since);
    }
  }
}
