import { userInfo } from 'node:os';
import type { Writable } from 'node:stream';
import { ConfigError } from '../../errors.ts';
import type { OutboxDesk, StuckRow } from '../../ports/outbox.ts';

/** More than anybody reads; `retry all` takes all of them. */
const MAX_LISTED = 1_000;

/**
 * `npm run outbox -- list | retry [all|RUN|ROW]`. Works beside a running bot. Resolves with the exit code: 1 where
 * nothing of what was named was given up.
 */
export async function runOutboxCommand(
  words: readonly string[],
  desk: OutboxDesk,
  { out, by }: { readonly out: Writable; readonly by: string },
): Promise<number> {
  const [word, which = 'all', ...rest] = words;
  if (rest.length > 0 || (word !== 'retry' && (word !== 'list' || words.length > 1))) {
    throw new ConfigError(['outbox: expected list, retry, retry all, retry RUN or retry ROW']);
  }
  if (word === 'list') {
    out.write(formatStuck(await desk.list()));
    return 0;
  }
  const { rows, closed } = await desk.retry(which, by);
  if (rows === 0) {
    out.write(
      which === 'all'
        ? 'nothing was given up: what is due is tried again by itself\n'
        : `${which}: nothing of that was given up; npm run outbox -- list names what was\n`,
    );
    return which === 'all' ? 0 : 1;
  }
  out.write(`${count(rows)} due again: a bot that runs sends it within a minute, another at its start\n`);
  for (const { channelId, error } of closed) {
    out.write(
      `${channelId}: Slack does not let the bot write there (${error}); what is for it comes once it may\n`,
    );
  }
  return 0;
}

function formatStuck(rows: readonly StuckRow[]): string {
  if (rows.length === 0) return 'Slack has all that was to be sent\n';
  const shown = rows.slice(0, MAX_LISTED).map(formatRow);
  const left = rows.length - shown.length;
  const givenUp = rows.filter(({ state }) => state === 'given-up').length;
  return [
    ...shown,
    ...(left > 0 ? [`and ${left} more`] : []),
    `${count(givenUp)} given up (npm run outbox -- retry), ${rows.length - givenUp} tried again by themselves`,
    '',
  ].join('\n');
}

function formatRow({ key, state, what, runId, channelId, since, error, isOfPlace, tries }: StuckRow): string {
  const due = `${new Date(since).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const how =
    state === 'failing'
      ? `tried again${tries === 0 ? '' : `, ${tries} ${tries === 1 ? 'time' : 'times'} so far`}`
      : isOfPlace
        ? 'given up with its channel, and sent once anything can be written there'
        : 'given up';
  // Slack's word, and a terminal obeys control characters.
  const why = error === '' ? 'no reason is known' : error.slice(0, 200).replace(/[^ -~]/g, '?');
  return `${key}: ${what}${runId === null ? '' : ` of ${runId}`}, for ${channelId ?? 'the audit channel'}, due since ${due}: ${how} (${why})`;
}

function count(rows: number): string {
  return rows === 1 ? '1 row' : `${rows} rows`;
}

/** Who this is to the system: the account, and who became it by sudo. */
export function nameOfUser(sudoUser: string | undefined): string {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    // A container's user need not be in /etc/passwd.
    name = `uid ${process.getuid?.() ?? 'unknown'}`;
  }
  return sudoUser === undefined || sudoUser === '' || sudoUser === name ? name : `${sudoUser} (as ${name})`;
}
