import { type Message, section } from '../report/message.ts';
import { channelLink, escapeMrkdwn } from '../report/text/escape.ts';

/** A channel that Slack does not let us write into. */
export interface ClosedPlace {
  /** How often Slack said no since it closed. */
  readonly refusals: number;
  readonly closedForMs: number;
  /** Runs of which something is still to come, oldest first. */
  readonly runs: readonly { readonly runId: string; readonly userId: string }[];
}

const MAX_NAMED = 5;

/** To whoever asked for these runs, by themselves: their channel cannot be written into (Slack's word: `code`). */
export function formatUnread(channelId: string, code: string, runIds: readonly string[]): Message {
  const named = runIds.slice(0, MAX_NAMED).map(escapeMrkdwn);
  const more = runIds.length > named.length ? ` and ${runIds.length - named.length} more` : '';
  const [first = ''] = named;
  const text =
    `Slack does not let me write in ${channelLink(channelId)} (${escapeMrkdwn(code)}), so nobody can read there what becomes of ` +
    `${named.join(', ')}${more}. What waits is not started meanwhile; results are kept, and come there once I may ` +
    `write again. Until then, from another channel: \`/batch show ${first}\``;
  return { text, blocks: [section(text)] };
}
