import type { DiskUse } from '../../ports/disk.ts';
import type { Backlog } from '../../ports/store.ts';

/** What is looked up each time that somebody asks for metrics. */
export interface MetricsSource {
  /** What the bot's disk holds, and may. */
  uses(): Promise<readonly DiskUse[]>;
  /** What waits for its turn, and what Slack is still to get. */
  backlog(): Promise<Backlog>;
  jobs(): { readonly running: number; readonly waiting: number };
  /** Sessions with hosts that nobody uses just now. */
  keptConnections(): number;
  /** Socket Mode connections of the app, as Slack counted them last; undefined where it never did. */
  connections(): number | undefined;
  /** Other processes that wrote with our token within a day. */
  otherBots(): number;
  logLinesLost(): number;
}
