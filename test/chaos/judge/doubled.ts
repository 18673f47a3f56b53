import type { Json } from '../../../src/sandbox/slack/json.ts';
import type { World } from '../world/world.ts';

/**
 * Messages and files of ours that stand twice: by the keys that Slack keeps with each, by the name in a thread. `late`:
 * how often a run's results were told anew.
 */
export function findDoubled({ slack }: World, late: ReadonlyMap<string, number>): readonly string[] {
  const seen = new Map<string, number>();
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  for (const { id } of slack.workspace.listChannels()) {
    for (const message of slack.workspace.listMessages(id)) {
      if (!message.isFromApp) continue;
      for (const key of keysOf(message.metadata)) count(`message ${key} in ${id}`);
      for (const file of message.files)
        count(`file ${slack.workspace.files.get(file)?.name} in ${id} under ${message.threadTs}`);
    }
  }
  return Array.from(seen)
    .filter(([what, times]) => times > 1 + (late.get(/r-\w+/.exec(what)?.[0] ?? '') ?? 0))
    .map(([what, times]) => `${what} stands ${times} times`);
}

function keysOf(metadata: Json | null): readonly string[] {
  const payload = metadata?.event_payload;
  if (typeof payload !== 'object' || payload === null) return [];
  const rows: readonly unknown[] =
    'rows' in payload && Array.isArray(payload.rows) ? payload.rows : [payload];
  return rows.flatMap((row) =>
    typeof row === 'object' && row !== null && 'key' in row && typeof row.key === 'string' ? [row.key] : [],
  );
}
