/** How Slack's side calls what people ask: the inbound port. */

import type { Answer, HomeTab, Modal, OptionGroup } from '../report/views/view.ts';
import type { SentForm } from '../run/doubtful.ts';
import type { Requester } from '../run/plan.ts';
import type { MentionedFile } from '../run/shared-file.ts';

/** What the listeners ask of the program. */
export interface Requests {
  command(call: SlashCall): Promise<Answer | undefined>;
  press(click: ButtonClick): Promise<Answer | undefined>;
  /** A shortcut was chosen, or one on a message. */
  shortcut(call: ShortcutCall): Promise<Answer | undefined>;
  /** What a select offers at these letters; nothing to who may not see it. Slack waits 3 s for it. */
  suggest(query: SuggestQuery): Promise<readonly OptionGroup[]>;
  /** A form was sent. Slack waits 3 s for the verdict, so what takes longer is in its `begin`. */
  submit(form: SubmittedForm): Promise<FormVerdict>;
  home(asker: Requester): Promise<HomeTab>;
}

export interface SlashCall {
  /** `/batch_run`, `/batch_scp` or `/batch`. */
  readonly command: string;
  readonly text: string;
  readonly requester: Requester;
  readonly channelId: string;
  /** A direct message, of two people or several: no results can be asked for there. */
  readonly isDirect?: boolean;
  /** The same for every delivery of the same request. */
  readonly requestKey: string;
  /** The key of the click by which they said that it is meant. */
  readonly receivedAs?: string;
  /** Slack may have told them already that it failed: it was brought again, or waited for us. */
  readonly isLate?: boolean;
}

export interface ButtonClick {
  readonly actionId: string;
  /** Of a select what was chosen. */
  readonly value: string;
  readonly blockId: string;
  readonly requester: Requester;
  /** Empty on the Home tab. */
  readonly channelId: string;
  readonly requestKey: string;
  /** Epoch ms, by Slack's clock: the same for every delivery of the same click. */
  readonly clickedAt: number;
  /** As with `SlashCall`. */
  readonly isLate?: boolean;
}

export interface ShortcutCall {
  readonly callbackId: string;
  readonly requester: Requester;
  /** Where the message stands; empty for a global shortcut. */
  readonly channelId: string;
  /** As with `SlashCall`. */
  readonly isDirect?: boolean;
  readonly requestKey: string;
  /** Of the message. */
  readonly files: readonly MentionedFile[];
}

export interface SuggestQuery {
  readonly actionId: string;
  readonly blockId: string;
  /** What was typed so far. */
  readonly text: string;
  readonly requester: Requester;
  readonly channelId: string;
}

export interface SubmittedForm extends SentForm {
  readonly requester: Requester;
  /** One for the window, however often it is sent. */
  readonly requestKey: string;
  /** As with `SlashCall`. */
  readonly isLate?: boolean;
}

export type FormVerdict =
  /** By block, below the field. */
  | { readonly kind: 'faults'; readonly faults: Readonly<Record<string, string>> }
  | { readonly kind: 'shown'; readonly view: Modal }
  /** The window closes; what comes of it is answered in this channel. */
  | { readonly kind: 'accepted'; readonly channelId: string; begin(): Promise<Answer | undefined> };
