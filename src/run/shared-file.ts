/** As a message names it: in channels shared with others by its id alone. */
export type MentionedFile = SharedFile | { readonly id: string };

export interface SharedFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** The Slack id of who put it there; empty where Slack does not say. */
  readonly uploader: string;
}
