import type { Kysely } from 'kysely';
import type { AuditRow } from '../audit.ts';
import type { Schema } from '../schema.ts';
import type { Findings } from './findings.ts';
import { readRetired } from './retired.ts';
import { findWitnesses } from './witness.ts';

const RUNS_AT_ONCE = 100;
const MAX_NAMED = 10;

/** Ids of runs that an entry names, by what of them was retired. */
export interface RetiredRuns {
  readonly withoutOutput: ReadonlySet<string>;
  /** Of these there may be a row that says so, and rows that are still being removed. */
  readonly withoutRows: ReadonlySet<string>;
}

/**
 * Runs that the chain speaks of and the tables do not have: of each an entry `retired` has to tell. Knows the ids of
 * what is gone, and no others.
 */
export class Gone implements RetiredRuns {
  readonly #db: Kysely<Schema>;
  readonly #findings: Findings;
  readonly #told = { output: new Retirements(), runs: new Retirements() };
  /** Accepted, and not looked for yet. */
  #asked: string[] = [];
  readonly #missing = new Set<string>();
  readonly withoutOutput = new Set<string>();
  readonly withoutRows = new Set<string>();

  constructor(db: Kysely<Schema>, findings: Findings) {
    this.#db = db;
    this.#findings = findings;
  }

  async read(row: AuditRow, detail: Readonly<Record<string, unknown>>): Promise<void> {
    if (row.action === 'accepted' && row.run_id !== null) {
      this.#asked.push(row.run_id);
      if (this.#asked.length >= RUNS_AT_ONCE) await this.#look();
    }
    if (row.action === 'retired') await this.#retired(row, detail);
  }

  async close(): Promise<void> {
    await this.#look();
    for (const id of this.#missing) this.#findings.fault(`run ${id} was accepted and is no longer stored`);
    for (const note of [this.#told.output.note('the output of'), this.#told.runs.note('all of')]) {
      if (note !== undefined) this.#findings.note(note);
    }
  }

  async #look(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    if (asked.length === 0) return;
    const rows = await this.#db.selectFrom('run').select('id').where('id', 'in', asked).execute();
    const stored = new Set(rows.map(({ id }) => id));
    for (const id of asked) if (!stored.has(id)) this.#missing.add(id);
  }

  async #retired({ seq, at }: AuditRow, detail: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#look();
    const { what, runs } = readRetired(detail);
    const ids = runs.map(({ id }) => id);
    const day = new Date(at).toISOString().slice(0, 10);
    this.#told[what].add(`${day} (entry ${seq})`, ids);
    const witnesses = ids.length === 0 ? undefined : await findWitnesses(this.#db, ids);
    for (const { id, digest, changed } of runs) {
      if (what === 'output') this.withoutOutput.add(id);
      else {
        this.#missing.delete(id);
        this.withoutRows.add(id);
      }
      const end = witnesses?.get(id)?.end;
      if (end === undefined) this.#findings.fault(`run ${id} was retired, and no entry says how it ended`);
      else if (end.digest !== digest || changed > 0) {
        this.#findings.fault(`run ${id} had been changed before it was retired on ${day}`);
      }
    }
  }
}

/** Entries `retired` of a kind: a sentence for all of them, as years have thousands. */
class Retirements {
  #entries = 0;
  #runs = 0;
  #first = '';
  #last = '';
  readonly #named: string[] = [];

  add(when: string, ids: readonly string[]): void {
    if (this.#entries === 0) this.#first = when;
    this.#last = when;
    this.#entries += 1;
    this.#runs += ids.length;
    this.#named.push(...ids.slice(0, MAX_NAMED - this.#named.length));
  }

  note(object: string): string | undefined {
    if (this.#entries === 0) return undefined;
    const count = this.#runs === 1 ? '1 run' : `${this.#runs} runs`;
    const when =
      this.#entries === 1
        ? `on ${this.#first}`
        : `in ${this.#entries} entries, from ${this.#first} to ${this.#last}`;
    const more = this.#runs > this.#named.length ? ' …' : '';
    return `${object} ${count} was retired ${when}: ${this.#named.join(' ')}${more}`;
  }
}
