import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
} from '@slack/web-api';

/**
 * What a failed call to Slack means for us:
 *
 * - `later`: Slack did not take it; the same call may succeed.
 * - `unknown`: no answer came; Slack may have taken it.
 * - `content`: Slack will not have this message in this form.
 * - `place`: it cannot be posted there, now or later.
 * - `odd`: Slack said no in a word we do not know.
 * - `credentials`: Slack does not know us (any more); nothing will work until a person mends it.
 */
export interface Failure {
  readonly kind: 'later' | 'unknown' | 'content' | 'place' | 'odd' | 'credentials';
  /** Slack's own word, for the log and the store. */
  readonly code: string;
  readonly retryAfterMs?: number;
}

const CREDENTIALS = new Set([
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'not_allowed_token_type',
  'team_access_not_granted',
  'user_removed_from_team',
  'team_disabled',
  'org_login_required',
  'ekm_access_denied',
  'no_permission',
]);

const CONTENT = new Set([
  'msg_too_long',
  'msg_blocks_too_long',
  'invalid_blocks',
  'invalid_blocks_format',
  'invalid_attachments',
  'block_mismatch',
  'no_text',
  'metadata_too_large',
  'invalid_metadata_format',
  'invalid_arguments',
  'invalid_arg_name',
  'invalid_array_arg',
  'markdown_text_conflict',
]);

const PLACE = new Set([
  'channel_not_found',
  'not_in_channel',
  'is_archived',
  'is_inactive',
  'thread_not_found',
  'message_not_found',
  'cannot_reply_to_message',
  'cant_update_message',
  'edit_window_closed',
  'posting_to_channel_denied',
  'posting_to_general_channel_denied',
  'messages_tab_disabled',
  'user_not_in_channel',
  'missing_scope',
  'file_uploads_disabled',
  'file_uploads_except_images_disabled',
  'file_type_not_allowed',
  'file_upload_size_restricted',
  'storage_limit_reached',
  'snippet_too_large',
]);

/** Slack's trouble, not the message's. */
const LATER = new Set([
  'ratelimited',
  'rate_limited',
  'service_unavailable',
  'accesslimited',
  'team_added_to_org',
  'message_limit_exceeded',
  'request_timeout',
]);

/** Slack says that something broke after it had begun. */
const UNKNOWN = new Set(['internal_error', 'fatal_error', 'update_failed']);

export function classify(error: unknown): Failure {
  if (error instanceof WebAPIRateLimitedError) {
    return { kind: 'later', code: 'ratelimited', retryAfterMs: error.retryAfter * 1_000 };
  }
  if (error instanceof WebAPIPlatformError) return classifyCode(error.data.error);
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

function classifyCode(code: string): Failure {
  if (CREDENTIALS.has(code)) return { kind: 'credentials', code };
  if (CONTENT.has(code)) return { kind: 'content', code };
  if (LATER.has(code)) return { kind: 'later', code };
  if (UNKNOWN.has(code)) return { kind: 'unknown', code };
  if (PLACE.has(code) || code.startsWith('restricted_action')) return { kind: 'place', code };
  return { kind: 'odd', code };
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
