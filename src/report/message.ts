/** A message for Slack: the text for notifications and screen readers, and the blocks that people see. */
export interface Message {
  /** Already escaped; at most 4,000 characters so that it can be edited later. */
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** The few kinds of Block Kit blocks that we use, in Slack's own shape. */
export type Block =
  | { readonly type: 'section'; readonly text: Mrkdwn; readonly block_id?: string; readonly expand?: true }
  | { readonly type: 'header'; readonly text: PlainText }
  | { readonly type: 'context'; readonly elements: readonly (Mrkdwn | PlainText)[] }
  | { readonly type: 'divider' }
  | { readonly type: 'actions'; readonly block_id?: string; readonly elements: readonly Button[] }
  | { readonly type: 'rich_text'; readonly block_id?: string; readonly elements: readonly RichTextElement[] };

export interface PlainText {
  readonly type: 'plain_text';
  readonly text: string;
  readonly emoji?: boolean;
}

export interface Mrkdwn {
  readonly type: 'mrkdwn';
  readonly text: string;
  /** Always true here: no `@here`, `#channel` or address comes to life by itself. */
  readonly verbatim: true;
}

export interface Button {
  readonly type: 'button';
  readonly action_id: string;
  readonly text: PlainText;
  readonly value?: string;
  readonly style?: 'primary' | 'danger';
  readonly confirm?: {
    readonly title: PlainText;
    readonly text: PlainText;
    readonly confirm: PlainText;
    readonly deny: PlainText;
  };
}

export type RichTextElement =
  | { readonly type: 'rich_text_section'; readonly elements: readonly RichText[] }
  | {
      readonly type: 'rich_text_preformatted';
      readonly elements: readonly RichText[];
      readonly border?: 0 | 1;
    };

export interface RichText {
  readonly type: 'text';
  readonly text: string;
  readonly style?: { readonly bold?: boolean; readonly italic?: boolean; readonly code?: boolean };
}
