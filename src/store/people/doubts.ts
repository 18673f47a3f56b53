import { randomBytes } from 'node:crypto';
import type { TextReading, TextSource } from '../../command/slash-text.ts';
import type { Doubts, TextReadings } from '../../ports/records.ts';
import type { Doubtful, DoubtfulForm } from '../../run/doubtful.ts';
import type { Requester } from '../../run/plan.ts';
import { appendAudit } from '../audit.ts';
import type { Ledger } from '../jobs/settle.ts';

/** Slack brings a request again within minutes, so that long it is known; nobody says a word about an older one. */
const KEPT_MS = 24 * 60 * 60_000;
/** Of one person; who sends more loses the oldest. */
const MAX_KEPT = 50;

/** What waits for a word of who sent it: it outlives a restart, and is taken once. */
export class StoredDoubts implements Doubts {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  put(doubt: Doubtful): Promise<string | undefined> {
    const { db, now, erase } = this.#ledger;
    const { kind, requester, channelId, requestKey } = doubt;
    const person = { team_id: requester.teamId, user_id: requester.userId };
    const id = `q-${randomBytes(9).toString('hex')}`;
    return db.transaction().execute(async (trx) => {
      const { numDeletedRows } = await trx
        .deleteFrom('doubt')
        .where('put_at', '<', now() - KEPT_MS)
        .executeTakeFirst();
      const tooMany = await trx
        .selectFrom('doubt')
        .select('id')
        .where((is) => is.and(person))
        .orderBy('put_at', 'desc')
        .orderBy('id')
        .limit(1_000)
        .offset(MAX_KEPT - 1)
        .execute();
      for (const old of tooMany) await trx.deleteFrom('doubt').where('id', '=', old.id).execute();
      if (numDeletedRows > 0n || tooMany.length > 0) erase();
      const added = await trx
        .insertInto('doubt')
        .values({
          ...person,
          id,
          request_key: requestKey,
          channel_id: channelId,
          kind,
          ...wordsOf(doubt),
          put_at: now(),
          taken_at: null,
        })
        .onConflict((row) => row.column('request_key').doNothing())
        .returning('id')
        .executeTakeFirst();
      return added?.id;
    });
  }

  async find(id: string, { teamId, userId }: Requester): Promise<string | undefined> {
    const { db, now } = this.#ledger;
    const found = await db
      .selectFrom('doubt')
      .select('request_key')
      .where((is) => is.and({ id, team_id: teamId, user_id: userId }))
      .where('put_at', '>=', now() - KEPT_MS)
      .executeTakeFirst();
    return found?.request_key;
  }

  async take(id: string, { teamId, userId }: Requester): Promise<Doubtful | undefined> {
    const { db, now, erase } = this.#ledger;
    return await db.transaction().execute(async (trx) => {
      const found = await trx
        .selectFrom('doubt')
        .selectAll()
        .where((is) => is.and({ id, team_id: teamId, user_id: userId }))
        .where('taken_at', 'is', null)
        .where('put_at', '>=', now() - KEPT_MS)
        .executeTakeFirst();
      if (found === undefined) return undefined;
      const { numUpdatedRows } = await trx
        .updateTable('doubt')
        .set({ taken_at: now(), words: '' })
        .where('id', '=', id)
        .where('taken_at', 'is', null)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) return undefined;
      erase();
      const { kind, command, words, channel_id: channelId, request_key: requestKey } = found;
      const of = { requester: { teamId, userId }, channelId, requestKey };
      return kind === 'form'
        ? { ...of, kind, ...readForm(command, words) }
        : { ...of, kind, command, text: words };
    });
  }
}

function wordsOf(doubt: Doubtful): { readonly command: string; readonly words: string } {
  if (doubt.kind !== 'form') return { command: doubt.command, words: doubt.text };
  const { callbackId, metadata, fields } = doubt.form;
  return { command: callbackId, words: JSON.stringify({ metadata, fields, shown: doubt.shown }) };
}

function readForm(callbackId: string, words: string): Pick<DoubtfulForm, 'form' | 'shown'> {
  const { metadata, fields, shown } = JSON.parse(words) as Omit<DoubtfulForm['form'], 'callbackId'> &
    Pick<DoubtfulForm, 'shown'>;
  return { form: { callbackId, metadata, fields }, shown };
}

/** In a copy nobody is asked any more: what was answered where it was copied from has perhaps run there. */
export async function closeDoubts(db: Ledger['db'], now: () => number): Promise<void> {
  await db.updateTable('doubt').set({ taken_at: now(), words: '' }).where('taken_at', 'is', null).execute();
}

/** Words that nobody said anything about are not kept for longer: they may hold a secret. False where there were none. */
export async function removeOldDoubts({ db, now, erase }: Ledger): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('doubt')
    .where('put_at', '<', now() - KEPT_MS)
    .executeTakeFirst();
  if (numDeletedRows === 0n) return false;
  erase();
  return true;
}

/** What people said of how Slack writes what they type. Each change is in the audit. */
export class StoredReadings implements TextReadings {
  readonly #ledger: Ledger;
  /** A line for the audit channel is due. */
  readonly #announce: () => void;

  constructor(ledger: Ledger, announce: () => void) {
    this.#ledger = ledger;
    this.#announce = announce;
  }

  async find(teamId: string, source: TextSource): Promise<TextReading | undefined> {
    const row = await this.#ledger.db
      .selectFrom('text_reading')
      .select('reading')
      .where((is) => is.and({ team_id: teamId, source }))
      .executeTakeFirst();
    return row?.reading;
  }

  async remember(by: Requester, source: TextSource, reading: TextReading): Promise<boolean> {
    const isNew = await this.#ledger.db.transaction().execute(async (trx) => {
      const added = await trx
        .insertInto('text_reading')
        .values({ team_id: by.teamId, source, reading })
        .onConflict((row) => row.doNothing())
        .returning('reading')
        .executeTakeFirst();
      if (added === undefined) return false;
      const reason = `from now on ${source === 'command' ? 'commands are' : 'the form is'} read ${describe(reading)}`;
      await this.#record(trx, by, { source, reading, reason });
      return true;
    });
    if (isNew) this.#announce();
    return isNew;
  }

  async forget(by: Requester, source: TextSource): Promise<boolean> {
    const isGone = await this.#ledger.db.transaction().execute(async (trx) => {
      const { numDeletedRows } = await trx
        .deleteFrom('text_reading')
        .where((is) => is.and({ team_id: by.teamId, source }))
        .executeTakeFirst();
      if (numDeletedRows === 0n) return false;
      const reason = `how the text of ${source === 'command' ? 'commands' : 'the form'} is read is asked again`;
      await this.#record(trx, by, { source, reading: null, reason });
      return true;
    });
    if (isGone) this.#announce();
    return isGone;
  }

  async #record(
    trx: Parameters<typeof appendAudit>[0],
    by: Requester,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const at = this.#ledger.now();
    const event = { at, by, action: 'text-read', runId: null, channelId: null, detail } as const;
    await appendAudit(trx, event, this.#ledger.auditLines);
  }
}

function describe(reading: TextReading): string {
  return reading === 'raw' ? 'as they come' : 'with &amp; &lt; &gt; decoded once';
}
