/**
 * What the web page of the local Slack reads and sends, all JSON, all under `/page/` of the same server.
 *
 *     GET  /page/state?user=U                          PageState
 *     GET  /page/messages?user=U&channel=C             PageMessages   root messages, oldest first, and U's ephemerals
 *     GET  /page/thread?user=U&channel=C&ts=T          PageMessages   the root message, then its replies
 *     GET  /page/events?user=U                         Server-Sent Events; `data:` is one PageEvent, `id:` a counter
 *     GET  /page/file/ID?user=U[&download=1]           the bytes
 *     POST /page/send   PageSend                       PageSent
 *     POST /page/click  PageClick                      PageClicked
 *
 * `user` is who the page stands for at the moment: the sandbox has no passwords. What this user could not see in
 * Slack answers `channel_not_found`. Errors are PageError with HTTP 400, 403 or 404.
 *
 * A POST must carry `Content-Type: application/json` and, from a browser, the page's own `Origin`; every request
 * must name `127.0.0.1:PORT` or `localhost:PORT` as its `Host`. So no other site can read or drive the sandbox.
 *
 * An EventSource that reconnects sends `Last-Event-ID` by itself and gets what it missed; when that is too long
 * ago it gets `{type: 'resync'}`: read everything again. Events may repeat what a GET already showed: messages
 * have one identity, (`channel`, `ts`), and the later one is the truth.
 */

export interface PageState {
  readonly team: { readonly id: string; readonly name: string; readonly domain: string };
  readonly me: PageUser;
  /** Everyone, the bot included. */
  readonly users: readonly PageUser[];
  /** What `me` sees: public channels, private ones and direct messages they are in. */
  readonly channels: readonly PageChannel[];
  /** From the manifest, for completion in the composer. */
  readonly commands: readonly PageCommand[];
}

export interface PageUser {
  readonly id: string;
  readonly name: string;
  readonly realName: string;
  readonly isBot: boolean;
}

export interface PageChannel {
  readonly id: string;
  /** Without `#`; in a direct message the other one's name. */
  readonly name: string;
  readonly kind: 'public' | 'private' | 'im';
  readonly topic: string;
  readonly isMember: boolean;
  readonly botIsMember: boolean;
  readonly isArchived: boolean;
}

export interface PageCommand {
  readonly command: string;
  readonly description: string;
  readonly usageHint: string;
}

export interface PageMessages {
  readonly messages: readonly PageMessage[];
}

export interface PageMessage {
  readonly channel: string;
  readonly ts: string;
  /** The thread this is a reply in; null for a message in the channel itself. */
  readonly threadTs: string | null;
  /** Who wrote it: the id of a PageUser. */
  readonly user: string;
  /** Slack's raw text: `&amp;`, `<@U…>`, `*bold*`. With blocks it is for notifications only. */
  readonly text: string;
  /** Block Kit as the app sent it, checked, each with a `block_id`. */
  readonly blocks: readonly Readonly<Record<string, unknown>>[];
  /** Legacy attachments as the app sent them; mostly empty. */
  readonly attachments: readonly Readonly<Record<string, unknown>>[];
  readonly files: readonly PageFile[];
  readonly reactions: readonly { readonly name: string; readonly users: readonly string[] }[];
  /** "Only visible to you". */
  readonly isEphemeral: boolean;
  /** Shown as "(edited)". Slack does not show it on messages with blocks. */
  readonly isEdited: boolean;
  /** A reply that was also sent to the channel. */
  readonly isBroadcast: boolean;
  readonly replyCount: number;
  readonly replyUsers: readonly string[];
  readonly latestReplyTs: string | null;
}

export interface PageFile {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly mimetype: string;
  readonly bytes: number;
  /** Add `?user=U`. Text and images may be shown, all else downloads. */
  readonly url: string;
}

/** A plain message, or a slash command where the text starts with `/`. */
export interface PageSend {
  readonly user: string;
  readonly channel: string;
  readonly text: string;
  readonly thread_ts?: string;
}

/** A slash command answers once the app has acked, or has not: then also as the event `command_failed`. */
export type PageSent =
  | { readonly ok: true; readonly kind: 'message'; readonly ts: string }
  | { readonly ok: true; readonly kind: 'command'; readonly ackMs: number }
  | PageError;

export interface PageClick {
  readonly user: string;
  readonly channel: string;
  /** Of the message, ephemeral or not. */
  readonly ts: string;
  readonly action_id: string;
  readonly block_id?: string;
  /** For selects, overflow menus, radio buttons: the `value` of what was chosen; for checkboxes all of them. */
  readonly values?: readonly string[];
}

export type PageClicked = { readonly ok: true; readonly ackMs: number } | PageError;

export interface PageError {
  readonly ok: false;
  /** Slack's name: `channel_not_found`, `operation_timeout`, `dispatch_failed`, … */
  readonly error: string;
  /** A sentence for the person: `/batch_run failed with the error "operation_timeout"`. */
  readonly message: string;
}

export type PageEvent =
  /** New; `message.threadTs` tells whether it belongs in the channel or in a thread. */
  | { readonly type: 'message'; readonly message: PageMessage }
  /** Edited, reacted to, or (a root message) replied to. */
  | { readonly type: 'message_changed'; readonly message: PageMessage }
  | {
      readonly type: 'message_deleted';
      readonly channel: string;
      readonly ts: string;
      readonly threadTs: string | null;
    }
  /** For this user's eyes only; the same `ts` again replaces the earlier one. */
  | { readonly type: 'ephemeral'; readonly message: PageMessage }
  | { readonly type: 'ephemeral_deleted'; readonly channel: string; readonly ts: string }
  /** Slackbot's line under the composer. */
  | {
      readonly type: 'command_failed';
      readonly channel: string;
      readonly command: string;
      readonly text: string;
      readonly error: string;
      readonly message: string;
    }
  /** The warning sign beside a button. */
  | {
      readonly type: 'click_failed';
      readonly channel: string;
      readonly ts: string;
      readonly actionId: string;
      readonly error: string;
    }
  /** A channel came to be or changed who is in it. */
  | { readonly type: 'channel'; readonly channel: PageChannel }
  /** Events were missed: read everything again. */
  | { readonly type: 'resync' };
