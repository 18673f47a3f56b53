import type { AuditedRead } from '../../run/audit-entry.ts';
import type { Requester } from '../../run/plan.ts';
import { appendAudit } from '../audit.ts';
import type { Ledger } from '../jobs/settle.ts';

/** Who looks at a run looks again soon: that is one reading. */
const ONE_READING_MS = 600_000;
/** What is forgotten sooner is only written down once more. */
const MAX_KNOWN = 20_000;

/**
 * Reads of other people's results in the audit: of each person each run once within ten minutes. Which those are
 * this process remembers; after a restart they are written down anew.
 */
export class Reads {
  readonly #ledger: Ledger;
  /** When, by who and what; oldest first. */
  readonly #known = new Map<string, number>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async record({ requester, channelId, runIds }: AuditedRead): Promise<void> {
    const { db, now, auditLines } = this.#ledger;
    const at = now();
    this.#forget(at);
    const fresh = [...new Set(runIds)].filter((id) => !this.#known.has(keyOf(requester, id)));
    const [first] = fresh;
    if (first === undefined) return;
    for (const id of fresh) this.#known.set(keyOf(requester, id), at);
    const isOne = fresh.length === 1;
    try {
      await db.transaction().execute((trx) =>
        appendAudit(
          trx,
          {
            at,
            by: requester,
            action: 'read',
            runId: isOne ? first : null,
            // The Home tab is in no channel.
            channelId: channelId === '' ? null : channelId,
            detail: isOne ? {} : { runs: fresh },
          },
          auditLines,
        ),
      );
    } catch (error) {
      for (const id of fresh) this.#known.delete(keyOf(requester, id));
      throw error;
    }
  }

  #forget(now: number): void {
    for (const [key, at] of this.#known) {
      // A clock that was set back has read nothing yet.
      const isOver = at > now || now - at >= ONE_READING_MS;
      if (!isOver && this.#known.size <= MAX_KNOWN) return;
      this.#known.delete(key);
    }
  }
}

function keyOf({ teamId, userId }: Requester, runId: string): string {
  return `${teamId} ${userId} ${runId}`;
}
