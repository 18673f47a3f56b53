/**
 * A message that Slack is to show, as far as bringing it there depends on it: what is in it, `renderRow` knows.
 * A row is due until what Slack shows is what the store says.
 */
export interface OutboxRow {
  /** What the row is of (`parseKey`); Slack keeps it with the message, which is found again by it. */
  readonly key: string;
  readonly sends: Sends;
  readonly channelId: string;
  /** The root message's `ts`, for all that goes into a thread. */
  readonly threadTs: string | null;
  /** The message's own `ts` where it was posted before; empty where there was nothing to post. */
  readonly ts: string | null;
  /** Orders what goes into a thread: a host's place in the plan. */
  readonly position: number;
  /**
   * Rows of one value may go out in one message. Such a message is the last word on each of them: it is posted
   * once and never edited.
   */
  readonly joins: string | null;
  /** Slack's id of a file of which it has the bytes: it may have been asked to show it already. */
  readonly uploadId: string | null;
  /** It is put right where it stands, and posted nowhere: the root message of a run that was given up. */
  readonly onlyIfStands: boolean;
  /** Claims before this one: above 0, an earlier try may have reached Slack. */
  readonly attempts: number;
  /** How often Slack was asked in vain since it last took the row's message. */
  readonly tries: number;
  /** How often its message could not be made, or may have ended the process, since one last could. */
  readonly faults: number;
  /** Counts the store's changes to what the row shows. */
  readonly version: number;
}

/**
 * - `message`: posted once, edited from then on.
 * - `file`: a host's file, in its turn with the messages.
 * - `bulk`: a file that may take minutes to make and to send: no message waits behind it.
 */
export type Sends = 'message' | 'file' | 'bulk';

/**
 * Slack counts new messages, edits and files apart, and a backlog of one must not hold up the others: `edits`
 * of messages that stand, new `posts` with hosts' files in their turn, `bulk` files.
 */
export type OutboxLane = 'edits' | 'posts' | 'bulk';

/** Which due rows somebody takes to bring them to Slack. */
export interface OutboxClaim {
  readonly limit: number;
  readonly now: number;
  readonly leaseMs: number;
  /** Channels that may not be written to at the moment. */
  readonly except: readonly string[];
  /** Only this channel's. */
  readonly channel?: string;
  /** All where left out. */
  readonly lane?: OutboxLane;
  /** Only what may go out with these (`OutboxRow.joins`). */
  readonly joins?: string;
}

/** What a row shows. */
export type RowSubject =
  | { readonly kind: 'root'; readonly runId: string }
  | { readonly kind: 'board'; readonly runId: string; readonly page: number }
  /** A host's result, and what of its output is not in the reply. */
  | { readonly kind: 'reply' | 'file' | 'spooled'; readonly runId: string; readonly host: string }
  | { readonly kind: 'log'; readonly runId: string; readonly form: LogForm }
  | { readonly kind: 'audit'; readonly seq: number };

export type LogForm = 'text' | 'json';

/** One text for one subject. Messages in people's threads carry it: its form stays. */
export function formatKey(subject: RowSubject): string {
  switch (subject.kind) {
    case 'root':
      return `root:${subject.runId}`;
    case 'board':
      return `board:${subject.runId}:${subject.page}`;
    case 'reply':
    case 'file':
      return `${subject.kind}:${subject.runId}:${subject.host}`;
    case 'spooled':
      return `log:${subject.runId}:host ${subject.host}`;
    case 'log':
      return `log:${subject.runId}:${subject.form}`;
    case 'audit':
      return `audit:${subject.seq}`;
    default:
      return subject satisfies never;
  }
}

/** The way back; undefined where no key of ours reads so. */
export function parseKey(key: string): RowSubject | undefined {
  const [kind, id = '', ...rest] = key.split(':');
  const part = rest.join(':');
  if (id === '') return undefined;
  switch (kind) {
    case 'root':
      return { kind, runId: id };
    case 'audit':
      return { kind, seq: Number(id) };
    case 'board':
      return { kind, runId: id, page: Number(part) };
    case 'reply':
    case 'file':
      return { kind, runId: id, host: part };
    case 'log':
      if (part.startsWith('host ')) return { kind: 'spooled', runId: id, host: part.slice('host '.length) };
      return part === 'text' || part === 'json' ? { kind, runId: id, form: part } : undefined;
    default:
      return undefined;
  }
}

/** What a row shows, in words; its run is told beside it. */
export function describeKey(key: string): string {
  const subject = parseKey(key);
  switch (subject?.kind) {
    case undefined:
      return 'something that this version does not know';
    case 'root':
      return 'the root message';
    case 'board':
      return `page ${subject.page} of the results`;
    case 'reply':
      return `the result of ${subject.host}`;
    case 'file':
      return `the file of ${subject.host}`;
    case 'spooled':
      return `the long output of ${subject.host}`;
    case 'log':
      return `the whole log (${subject.form})`;
    case 'audit':
      return `the line of audit entry ${subject.seq}`;
    default:
      return subject satisfies never;
  }
}
