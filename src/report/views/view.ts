import type { Block, Message, PlainText } from '../message.ts';

/** A window over Slack with a form in it, in Slack's own shape (docs.slack.dev, modals). */
export interface Modal {
  readonly type: 'modal';
  readonly callback_id: string;
  /** 24 characters at most, as are `submit` and `close`. */
  readonly title: PlainText;
  readonly submit?: PlainText;
  readonly close: PlainText;
  readonly blocks: readonly ViewBlock[];
  /** We are told when it is closed. */
  readonly notify_on_close?: true;
  /** Comes back with what was filled in; 3,000 characters at most. People cannot change it. */
  readonly private_metadata?: string;
}

/** What a person sees on the app's Home tab. */
export interface HomeTab {
  readonly type: 'home';
  readonly blocks: readonly ViewBlock[];
}

export type ViewBlock = Block | InputBlock;

export interface InputBlock {
  readonly type: 'input';
  readonly block_id: string;
  readonly label: PlainText;
  readonly hint?: PlainText;
  readonly optional?: boolean;
  readonly element: Input;
}

export type Input =
  | {
      readonly type: 'plain_text_input';
      readonly action_id: string;
      readonly multiline?: boolean;
      readonly max_length?: number;
      readonly placeholder?: PlainText;
    }
  | {
      readonly type: 'multi_external_select';
      readonly action_id: string;
      readonly min_query_length: number;
      readonly placeholder?: PlainText;
      readonly max_selected_items?: number;
    }
  | {
      readonly type: 'static_select';
      readonly action_id: string;
      readonly options: readonly Option[];
      readonly initial_option?: Option;
    }
  | {
      readonly type: 'conversations_select';
      readonly action_id: string;
      readonly initial_conversation?: string;
      readonly default_to_current_conversation?: boolean;
      readonly filter: {
        readonly include: readonly ('public' | 'private')[];
        readonly exclude_bot_users?: boolean;
      };
    };

/** Text and value have 75 characters at most. */
export interface Option {
  readonly text: PlainText;
  readonly value: string;
}

export interface OptionGroup {
  readonly label: PlainText;
  readonly options: readonly Option[];
}

/** A message for the eyes of the one who asked only. */
export interface PrivateMessage extends Message {
  /** Their own words, which may stand in it as they are, where they are not those of the request itself. */
  readonly typed?: string;
}

/** A window that is kept fresh while it is open. */
export interface LiveWindow {
  readonly view: Modal;
  /** Said where no window can be opened. */
  readonly instead: PrivateMessage;
  /** What it is to show now, and whether that is how it stays. `end`: it is kept fresh no longer, for this reason. */
  look(end?: 'time-up' | 'stopping'): Promise<{ readonly view: Modal; readonly isLast: boolean }>;
}

/** For the eyes of the one who asked only: a message, or a window. */
export type Answer = PrivateMessage | Modal | LiveWindow;
