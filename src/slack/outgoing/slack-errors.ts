/**
 * What a failed call to Slack means for us:
 *
 * - `later`: Slack did not take it; the same call may succeed.
 * - `unknown`: no answer came, or Slack broke after it had begun: it may have taken it.
 * - `content`: Slack will not have this message or file in this form.
 * - `gone`: the message, thread, file or window that it is about is not there (any more), or closed.
 * - `place`: not in this one conversation, as long as that is as it is.
 * - `person`: not to, or about, this one person.
 * - `credentials`: Slack does not know us (any more); nothing will work until a person mends it.
 * - `app`: the app as it is installed, or the plan of its workspace, lacks what this method takes.
 * - `ours`: the call itself is wrong.
 * - `odd`: Slack said no in a word that is not in this table.
 */
export type FailureKind =
  | 'later'
  | 'unknown'
  | 'content'
  | 'gone'
  | 'place'
  | 'person'
  | 'credentials'
  | 'app'
  | 'ours'
  | 'odd';

/** Slack's words, by what they mean: all that its reference lists for the methods we call, and some that it does not. */
const WORDS: Readonly<Record<Exclude<FailureKind, 'odd'>, readonly string[]>> = {
  later: [
    'accesslimited',
    'external_channel_migrating',
    'hash_conflict',
    'message_limit_exceeded',
    // The workspace moves into an organisation; afterwards all is as before.
    'org_login_required',
    'rate_limited',
    'ratelimited',
    'request_timeout',
    'service_unavailable',
    'team_added_to_org',
  ],
  unknown: [
    'fatal_error',
    'file_update_failed',
    'internal_error',
    'list_record_comment_fetch_failed',
    'unable_to_share_files',
    'update_failed',
  ],
  content: [
    'alt_txt_too_large',
    'attachment_payload_limit_exceeded',
    'block_mismatch',
    'blocked_file_type',
    'file_share_limit_reached',
    'file_type_not_allowed',
    'file_upload_size_restricted',
    'file_uploads_except_images_disabled',
    // What is wrong with blocks comes under this name too.
    'invalid_arguments',
    'invalid_attachments',
    'invalid_blocks',
    'invalid_blocks_format',
    'invalid_metadata_format',
    'invalid_metadata_schema',
    'markdown_text_conflict',
    'max_file_sharing_exceeded',
    'metadata_must_be_sent_from_app',
    'metadata_too_large',
    'msg_blocks_too_long',
    'msg_too_long',
    'no_text',
    'slack_connect_blocked_file_type',
    'snippet_too_large',
    'too_many_attachments',
    'too_many_contact_cards',
    'view_too_large',
  ],
  gone: [
    'cannot_reply_to_message',
    'cant_update_message',
    'edit_window_closed',
    'exchanged_trigger_id',
    'expired_trigger_id',
    'file_deleted',
    'file_is_deleted',
    'file_not_found',
    'invalid_trigger_id',
    'message_not_found',
    'no_such_subteam',
    'not_found',
    // One thread only, for all that it sounds like the channel.
    'restricted_action_thread_locked',
    'thread_not_found',
  ],
  place: [
    // Of "a resource specified in the request", and the one we name is the conversation.
    'access_denied',
    'channel_is_limited_access',
    'channel_not_found',
    // Of this channel only, for all that it sounds like the token.
    'ekm_access_denied',
    'invalid_channel',
    'is_archived',
    'is_inactive',
    'messages_tab_disabled',
    'method_not_supported_for_channel_type',
    'no_permission',
    'not_in_channel',
    'not_visible',
    'posting_to_channel_denied',
    'posting_to_general_channel_denied',
    'restricted_action',
    'restricted_action_non_threadable_channel',
    'restricted_action_read_only_channel',
    'restricted_action_thread_only_channel',
    'slack_connect_canvas_sharing_blocked',
    'slack_connect_clip_sharing_blocked',
    'slack_connect_file_link_sharing_blocked',
    'slack_connect_file_upload_sharing_blocked',
    'slack_connect_lists_sharing_blocked',
    'template_not_visible',
  ],
  person: [
    'cannot_dm_bot',
    'invalid_user_combination',
    'user_disabled',
    'user_not_found',
    'user_not_in_channel',
    'user_not_visible',
  ],
  credentials: [
    'account_inactive',
    'invalid_auth',
    // Of apps.connections.open: no token came.
    'missing_args',
    'not_allowed_token_type',
    'not_authed',
    'team_access_not_granted',
    'team_disabled',
    'token_expired',
    'token_revoked',
    'two_factor_setup_required',
    'user_removed_from_team',
  ],
  app: [
    'app_access_restricted',
    'canvas_disabled_file_team',
    'canvas_disabled_user_team',
    'canvas_globally_disabled',
    'enterprise_is_restricted',
    'file_uploads_disabled',
    'forbidden_team',
    'missing_scope',
    'not_enabled',
    'not_implemented',
    'plan_upgrade_required',
    'storage_limit_reached',
  ],
  ours: [
    'as_user_not_supported',
    'cant_broadcast_message',
    'channels_limit_exceeded',
    'deprecated_endpoint',
    'draft_already_deleted',
    'draft_already_sent',
    'draft_has_conflict',
    'draft_not_found',
    'duplicate_channel_not_found',
    'duplicate_external_id',
    'duplicate_message_not_found',
    'insecure_request',
    'invalid_arg_name',
    'invalid_array_arg',
    'invalid_charset',
    'invalid_cursor',
    'invalid_form_data',
    'invalid_metadata_filter_keys',
    'invalid_post_type',
    'invalid_ts_latest',
    'invalid_ts_oldest',
    'is_bot',
    'method_deprecated',
    'missing_argument',
    'missing_file_data',
    'missing_post_type',
    'missing_profile_id',
    'no_dual_broadcast_content_update',
    'not_enough_users',
    'send_on_behalf_not_allowed',
    'streaming_state_conflict',
    'team_not_found',
    'too_many_users',
    'unknown_method',
    'unknown_snippet_type',
    'unknown_subtype',
    'unknown_type',
    'users_list_not_supplied',
  ],
};

const KINDS: ReadonlyMap<string, FailureKind> = new Map(
  Object.entries(WORDS).flatMap(([kind, words]) =>
    words.map((word): [string, FailureKind] => [word, kind as FailureKind]),
  ),
);

/** Of what goes along with a message, not of the message. */
export function isAboutMetadata(word: string): boolean {
  return kindOf(word) === 'content' && word.includes('metadata');
}

/** What a word of Slack's means. One that nobody knows yet is `odd`: asked again a few times, then believed. */
export function kindOf(word: string): FailureKind {
  // New ones of this family keep coming, and all are about where we post.
  return KINDS.get(word) ?? (word.startsWith('restricted_action') ? 'place' : 'odd');
}
