import type { Kysely } from 'kysely';
import type { Schema } from '../schema.ts';

/** Marks what was given up for its channel's sake: it is due again with the channel. */
export const GIVEN_UP_WITH = 'channel: ';

/**
 * Rows that Slack would not take and that might be sent again. Not those of a run whose root message never stood: it
 * ran nowhere, whoever asked was told so, and there is no thread for them.
 */
export function givenUpRows(db: Kysely<Schema>) {
  return db
    .selectFrom('outbox')
    .leftJoin('run', 'run.id', 'outbox.run_id')
    .where('outbox.given_up_at', 'is not', null)
    .where('outbox.only_if_stands', '=', 0)
    .where((row) =>
      row.or([
        row('outbox.run_id', 'is', null),
        row('run.root_ts', 'is not', null),
        row('run.root_lost', '>', 0),
        row('outbox.channel_id', 'is', null),
      ]),
    );
}
