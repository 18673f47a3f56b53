import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { LearningMask } from '../gather/mask.ts';
import type { Crew } from '../ports/crew.ts';
import type { Meters } from '../ports/meters.ts';
import type { Anchors } from '../process/anchors.ts';
import type { Condition } from '../process/condition.ts';
import type { WatchedFleet } from '../process/fleet/watched-fleet.ts';
import type { OpenFiles } from '../process/open-files.ts';
import type { Dispatcher } from '../queue/dispatcher.ts';
import type { SlackConnection } from '../slack/connection.ts';
import type { Poster } from '../slack/outgoing/poster.ts';
import type { Workspace } from '../slack/workspace.ts';
import { findCertificateFault, findKeyFault } from '../ssh/login/keys/keys.ts';

/** What a key file or certificate is good for, by what logs in with it. */
export const KEYS = { findKeyFault, findCertificateFault };

/** The parts as they are opened, known to all that is opened before them. */
export interface Bot extends Condition {
  /** The others, where there can be any. */
  crew?: Crew;
  workspace?: Workspace;
  slack?: SlackConnection;
  dispatcher?: Dispatcher;
  poster?: Poster;
  anchors?: Anchors;
}

/** What every part is made with. */
export interface Setup {
  /** As it was set; and so that there are files enough for it. */
  readonly asked: Config;
  readonly config: Config;
  readonly openFiles: OpenFiles;
  readonly fleet: WatchedFleet;
  readonly mask: LearningMask;
  readonly log: Logger;
  readonly meters: Meters;
  /** Epoch ms of a clock that nobody can set. */
  readonly steady: () => number;
  readonly bot: Bot;
  /** Begins the shutdown. */
  readonly end: () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** What is opened first is closed last, also where the start fails half-way. */
  readonly opened: AsyncDisposableStack;
}

/** Which of the two halves of the work this process does. */
export function partsOf({ role }: Config): { readonly tells: boolean; readonly runs: boolean } {
  return { tells: role !== 'worker', runs: role !== 'bot' };
}
