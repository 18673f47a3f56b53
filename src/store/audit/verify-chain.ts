import type { Kysely } from 'kysely';
import type { ExpectedHead } from '../../run/audit-entry.ts';
import { type AuditRow, hashEntry } from '../audit.ts';
import { CHAIN_START, type Schema } from '../schema.ts';
import { parseDetail, walkEntries } from './entries.ts';
import type { Findings } from './findings.ts';
import { Gone, type RetiredRuns } from './gone.ts';

export interface Chain {
  readonly entries: number;
  /** `NUMBER:HASH`. */
  readonly head: string;
  readonly retired: RetiredRuns;
}

/** The chain in itself, and what of its numbers can be counted again. */
export async function verifyChain(
  db: Kysely<Schema>,
  expected: ExpectedHead | undefined,
  findings: Findings,
): Promise<Chain> {
  const gone = new Gone(db, findings);
  const numbers = new Numbers(findings);
  let entries = 0;
  let seq = 0;
  let hash = CHAIN_START;
  let isHeadThere = false;
  for await (const row of walkEntries(db)) {
    entries++;
    if (row.seq !== seq + 1) findings.fault(missing(seq + 1, row.seq - 1));
    else if (row.prev !== hash)
      findings.fault(`entry ${row.seq} does not follow entry ${seq}: one was replaced`);
    if (hashEntry(row) !== row.hash) findings.fault(`entry ${row.seq} was changed`);
    ({ seq, hash } = row);
    isHeadThere ||= expected !== undefined && isHead(row, expected);
    const detail = parseDetail(row.detail_json);
    numbers.read(row, detail);
    await gone.read(row, detail);
  }
  await gone.close();
  const head = await db.selectFrom('audit_head').selectAll().executeTakeFirst();
  if (head === undefined) findings.fault('the head of the chain is gone');
  else {
    if (head.seq > seq) findings.fault(`${missing(seq + 1, head.seq)} at the end`);
    else if (head.seq !== seq || head.hash !== hash)
      findings.fault('the head of the chain is not its last entry');
    const { waiting } = await db
      .selectFrom('refusals')
      .select(({ fn, lit }) => fn.coalesce(fn.sum<number>('counted'), lit(0)).as('waiting'))
      .executeTakeFirstOrThrow();
    numbers.compare(head.runs, head.refusals - waiting);
  }
  if (expected !== undefined) tellHead(expected, isHeadThere, findings);
  return { entries, head: `${seq}:${hash}`, retired: gone };
}

const missing = (from: number, to: number): string =>
  from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`;

function isHead({ seq, hash }: AuditRow, expected: ExpectedHead): boolean {
  return hash.startsWith(expected.hash) && (expected.seq === undefined || expected.seq === seq);
}

function tellHead({ seq, hash }: ExpectedHead, isThere: boolean, findings: Findings): void {
  const head = seq === undefined ? hash : `${seq}:${hash}`;
  if (isThere) findings.note(`the chain holds the head ${head}: up to it, it is as it was then`);
  else findings.fault(`the chain does not hold the head ${head}: it was written anew, or is another one`);
}

/** Runs are numbered, refusals counted: by their entries, and once more beside the chain's head. */
class Numbers {
  readonly #findings: Findings;
  #run: number | undefined;
  #refusals = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  read({ seq, action, run_id }: AuditRow, { number, count }: Readonly<Record<string, unknown>>): void {
    if (action === 'refused' && run_id === null) this.#refusals += typeof count === 'number' ? count : 1;
    if (action !== 'accepted' || typeof number !== 'number') return;
    if (this.#run !== undefined && number !== this.#run + 1) {
      this.#findings.fault(
        `entry ${seq} accepts run number ${number}, the one before it was ${this.#run}: a run was left out or slipped in`,
      );
    }
    this.#run = number;
  }

  compare(runs: number, refusals: number): void {
    if (this.#run !== undefined && this.#run !== runs) {
      this.#findings.fault(`${runs} runs were accepted, and the last entry of one has number ${this.#run}`);
    }
    if (this.#refusals !== refusals) {
      this.#findings.fault(`${refusals} refusals were recorded, and the entries tell of ${this.#refusals}`);
    }
  }
}
