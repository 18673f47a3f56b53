import type { Requester } from './plan.ts';

/** What is not run before who sent it has said something about it. */
export type Doubtful = DoubtfulCommand | DoubtfulForm;

interface Doubt {
  readonly requester: Requester;
  readonly channelId: string;
  /** Of the request: however it comes to run, it is one run. */
  readonly requestKey: string;
}

export interface DoubtfulCommand extends Doubt {
  /** `text`: which of two readings was typed; `late`: whether it is still wanted. */
  readonly kind: 'text' | 'late';
  readonly command: string;
  /** `text`: as Slack sent it; `late`: as it is read. */
  readonly text: string;
}

/** Which of two readings was typed into it. */
export interface DoubtfulForm extends Doubt {
  readonly kind: 'form';
  readonly form: SentForm;
  /** Of the plans that were shown: nothing else is run. A reading that could not be run has none. */
  readonly shown: { readonly raw?: string; readonly entities?: string };
}

/** A window as Slack sent it. */
export interface SentForm {
  readonly callbackId: string;
  /** As we gave it along. */
  readonly metadata: string;
  /** By block: the text, or what was chosen; blocks left empty are not in it. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
}
