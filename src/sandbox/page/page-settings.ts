/** What the page cannot learn from the local Slack: it is served as `/page-settings.json`. */
export interface PageSettings {
  /** Whom the switcher offers; the first one is there at the start. */
  readonly people: readonly { readonly id: string; readonly note: string }[];
  readonly startChannelId: string;
  /** There are several bots, which `/replicas.json` shows. */
  readonly hasReplicas?: true;
  /** Offered to someone who is here for the first time; a click puts the text into the composer. */
  readonly examples: readonly { readonly text: string; readonly note: string }[];
}
