import type { Standing } from '../policy/standing.ts';
import type { Message } from '../report/message.ts';
import type { Requester } from '../run/plan.ts';
import type { SharedFile } from '../run/shared-file.ts';

/** Files that people put into Slack. */
export interface SharedFiles {
  /** Those of this channel, newest first; not all of a long history. A `Refusal` where Slack tells none. */
  list(channelId: string): Promise<readonly SharedFile[]>;
  /** What Slack tells of one file; a `Refusal` where it tells nothing. */
  describe(fileId: string): Promise<SharedFile>;
  /** The file's bytes as they come; a `Refusal` where the bot may not have it or it is above `maxBytes`. */
  open(fileId: string, maxBytes: number): Promise<AsyncIterable<Uint8Array>>;
}

/** Who people are, by Slack's word. */
export interface Directory {
  /**
   * What rules depend on: guest or not, shared channel or not, in which of the `named` user groups. Never older
   * than ten minutes. A `Refusal` for whoever may ask nothing (deactivated, a bot, of another organisation), and
   * where Slack does not tell. `channelId` is empty on the Home tab.
   */
  standingOf(requester: Requester, channelId: string, named: ReadonlySet<string>): Promise<Standing>;
}

/** Posts a run's root message at once, before anything runs. */
export interface Opener {
  /**
   * The `ts` of the message; a `Refusal` (`cannot-post`) where Slack will not have it. `mayStand`: an earlier
   * process may have posted it already, so it is looked for first where Slack lets us look.
   */
  openThread(channelId: string, message: Message, key: string, mayStand?: boolean): Promise<string>;
}
