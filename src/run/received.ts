import type { Requester } from './plan.ts';

/** A request as it comes in: enough to tell its person of it. None of the words, so that there is nothing to hide. */
export interface ReceivedRequest {
  readonly requester: Requester;
  /** Empty where it came from no conversation. */
  readonly channelId: string;
  readonly what: '/batch_run' | '/batch_scp' | '/batch' | 'command' | 'button' | 'shortcut' | 'form';
  /** The same for every delivery of it. */
  readonly requestKey: string;
}

/** One that was taken in, and of which it is not known that it was answered. */
export interface Unanswered extends ReceivedRequest {
  readonly id: string;
  /** Epoch ms. */
  readonly receivedAt: number;
  /** The run that was put down for it, and has no thread. */
  readonly runId: string | undefined;
}
