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
 * and for modals, the Home tab, shortcuts and files:
 *
 *     POST /page/home              {user}                          PageClicked; the view comes as an event
 *     POST /page/shortcut          {user, callback_id}             PageClicked
 *     POST /page/message-shortcut  {user, channel, ts, callback_id}  PageClicked
 *     POST /page/act       PageAct                     PageClicked    a button in a modal or on the Home tab
 *     POST /page/submit    PageSubmit                  PageSubmitted
 *     POST /page/close     {user, view_id}             PageClicked    Cancel, or the ✕
 *     POST /page/suggest   PageSuggest                 PageSuggested
 *     POST /page/upload    PageUpload                  PageSent
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
  readonly app: PageApp;
  /** The open modal. */
  readonly modal: PageSurface | null;
  /** What was last published on the Home tab. */
  readonly home: PageSurface | null;
}

export interface PageApp {
  readonly userId: string;
  readonly name: string;
  readonly hasHomeTab: boolean;
  readonly shortcuts: readonly PageShortcut[];
}

export interface PageShortcut {
  readonly name: string;
  readonly type: 'global' | 'message';
  readonly callbackId: string;
  readonly description: string;
}

/** A modal, or the Home tab. */
export interface PageSurface {
  readonly id: string;
  readonly type: 'modal' | 'home';
  readonly title: string;
  /** Null where it cannot be submitted. */
  readonly submit: string | null;
  readonly close: string;
  readonly blocks: readonly Readonly<Record<string, unknown>>[];
  /** What stands in it, by `block_id` and `action_id`, as Slack's `state.values`. */
  readonly state: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
}

/** What stands in inputs, by `block_id/action_id`; see `FormValue` of the driver. */
export type PageValues = Readonly<Record<string, string | readonly string[] | null>>;

export interface PageAct {
  readonly user: string;
  readonly view_id: string;
  readonly action_id: string;
  readonly block_id: string;
}

export interface PageSubmit {
  readonly user: string;
  readonly view_id: string;
  readonly values: PageValues;
}

/** `errors` by `block_id`, where something in the form is wrong; this is HTTP 200, too. */
export type PageSubmitted =
  | { readonly ok: true; readonly ackMs: number }
  | (PageError & { readonly errors: Readonly<Record<string, string>> });

export interface PageSuggest {
  readonly user: string;
  /** In this view, or in the message with `channel` and `ts`. */
  readonly view_id?: string;
  readonly channel?: string;
  readonly ts?: string;
  readonly action_id: string;
  readonly block_id?: string;
  readonly query: string;
}

export type PageSuggested =
  | {
      readonly ok: true;
      /** Options as in Block Kit; `label` is a text object, or null. */
      readonly groups: readonly {
        readonly label: Readonly<Record<string, unknown>> | null;
        readonly options: readonly Readonly<Record<string, unknown>>[];
      }[];
    }
  | PageError;

export interface PageUpload {
  readonly user: string;
  readonly channel: string;
  readonly thread_ts?: string;
  readonly name: string;
  readonly base64: string;
  readonly text?: string;
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
  readonly files: readonly PageFile[];
  /** "Only visible to you". */
  readonly isEphemeral: boolean;
  /** Shown as "(edited)". Slack does not show it on messages with blocks. */
  readonly isEdited: boolean;
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
  /** For selects: the `value` of what was chosen. */
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
  /** Opened, changed, closed. */
  | { readonly type: 'modal'; readonly modal: PageSurface | null }
  | { readonly type: 'home'; readonly home: PageSurface | null }
  /** A channel came to be or changed who is in it. */
  | { readonly type: 'channel'; readonly channel: PageChannel }
  /** Events were missed: read everything again. */
  | { readonly type: 'resync' };
