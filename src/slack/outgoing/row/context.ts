import type { Log } from '../../../ports/log.ts';
import type { Outbox, Places } from '../../../ports/outbox.ts';
import type { FileUpload, Message } from '../../../report/message.ts';
import type { Workspace } from '../../workspace.ts';
import type { ClosedPlaces } from '../closed-places.ts';
import type { Clock } from '../pace.ts';

export interface PosterOptions {
  readonly outbox: Outbox;
  readonly places: Places;
  /** What the row shows now; undefined where there is nothing (more) to send. */
  readonly render: (key: string) => Promise<Message | FileUpload | undefined>;
  readonly workspace: Workspace;
  readonly log: Log;
  readonly now?: () => number;
  /** What is waited for goes by this; monotonic. */
  readonly clock?: Clock;
  /** A message that takes longer to make counts as one that could not be made. */
  readonly slowMs?: number;
}

/** What the poster's parts share. */
export interface PosterContext extends PosterOptions {
  /** Epoch ms, for what the outbox keeps. What is waited for here goes by `clock`. */
  readonly now: () => number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly closed: ClosedPlaces;
  /** There is room for more rows. */
  readonly onRoom: () => void;
  /** Slack does not know us: everything pauses for the returned time in ms. */
  readonly onCredentials: (code: string) => number;
}
