import type { Requester } from './plan.ts';

/** A command that is not run before who typed it has said something about it. */
export interface DoubtfulCommand {
  /** `text`: which of two readings was typed; `late`: whether it is still wanted. */
  readonly kind: 'text' | 'late';
  readonly requester: Requester;
  readonly channelId: string;
  /** Of the request: however it comes to run, it is one run. */
  readonly requestKey: string;
  readonly command: string;
  /** `text`: as Slack sent it; `late`: as it is read. */
  readonly text: string;
}
