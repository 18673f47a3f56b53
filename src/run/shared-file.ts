export interface SharedFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** The Slack id of who put it there; empty where Slack does not say. */
  readonly uploader: string;
}
