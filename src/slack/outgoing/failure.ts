import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
} from '@slack/web-api';
import { type FailureKind, kindOf } from './slack-errors.ts';

export interface Failure {
  readonly kind: FailureKind;
  /** Slack's own word, for the log and the store. */
  readonly code: string;
  readonly retryAfterMs?: number;
  /** The scope that the token lacks. */
  readonly needed?: string;
}

/** Slack has it, and does not show it yet. */
export class NotShownYet extends Error {
  override readonly name = 'NotShownYet';
}

/** The host that takes a file's bytes is no method of the API, and says in its own way that it wants to be left alone. */
export class UploadLimited extends Error {
  override readonly name = 'UploadLimited';
  /** Undefined where it does not say. */
  readonly retryAfterMs: number | undefined;

  constructor(retryAfterMs: number | undefined) {
    super('the host for files takes none now');
    this.retryAfterMs = retryAfterMs;
  }
}

export function classify(error: unknown): Failure {
  if (error instanceof UploadLimited) {
    const { retryAfterMs } = error;
    return { kind: 'later', code: 'upload_limited', ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  if (error instanceof NotShownYet) return { kind: 'later', code: 'not_shown_yet' };
  if (error instanceof WebAPIRateLimitedError) {
    return { kind: 'later', code: 'ratelimited', retryAfterMs: error.retryAfter * 1_000 };
  }
  if (error instanceof WebAPIPlatformError) {
    const code = error.data.error;
    const needed = 'needed' in error.data ? error.data.needed : undefined;
    return { kind: kindOf(code), code, ...(typeof needed === 'string' && { needed: needed.slice(0, 200) }) };
  }
  if (error instanceof WebAPIHTTPError) {
    const code = `http_${error.statusCode}`;
    return error.statusCode === 503 || error.statusCode === 429
      ? { kind: 'later', code }
      : { kind: 'unknown', code };
  }
  if (error instanceof WebAPIRequestError) {
    const code = systemCode(error.original);
    return { kind: neverLeft(code) ? 'later' : 'unknown', code };
  }
  return { kind: 'unknown', code: error instanceof Error ? error.name : 'unknown' };
}

/** fetch hides the socket's error one or two causes down. */
function systemCode(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && at.code !== '') return at.code;
    if (at.name === 'TimeoutError' || at.name === 'AbortError') return 'timeout';
  }
  return 'network';
}

/** No connection came about, so Slack cannot have taken it. */
function neverLeft(code: string): boolean {
  return /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS)/.test(
    code,
  );
}
