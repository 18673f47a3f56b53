import type { SQLOutputValue } from 'node:sqlite';
import { type RawBuilder, sql, type Transaction } from 'kysely';
import { ConfigError, codeOf } from '../../errors.ts';
import type { Schema } from '../schema.ts';
import { type Contents, quote, type Table } from './source.ts';

/** So much is in memory, and on its way, at a time. */
const ROWS_AT_ONCE = 2_000;
const CHARS_AT_ONCE = 2 * 1024 * 1024;
/** How often it is told how far a large table is. */
const TOLD_EVERY_MS = 5_000;

export interface Copied {
  readonly rows: number;
  /** Where a text held NUL characters, `TABLE.COLUMN`: PostgreSQL keeps none. */
  readonly nuls: readonly string[];
}

/** Every row of every table, as it is. Of a server only the columns that a file has are filled. */
export async function copyTables(
  contents: Contents,
  trx: Transaction<Schema>,
  tell: (line: string) => void,
): Promise<Copied> {
  const nuls = new Set<string>();
  let rows = 0;
  // There is one row in it from the beginning.
  await sql`delete from audit_head`.execute(trx);
  for (const table of contents.tables) {
    const filling = new Filling(trx, table, await typesOf(trx, table), nuls);
    let toldAt = performance.now();
    for (const row of contents.rows(table)) {
      if (!filling.add(row)) continue;
      await filling.flush();
      if (performance.now() - toldAt < TOLD_EVERY_MS) continue;
      toldAt = performance.now();
      tell(`${table.name}: ${filling.written} of ${table.count} rows`);
    }
    await filling.flush();
    if (filling.written !== table.count) {
      throw new Error(`${table.name}: ${filling.written} of ${table.count} rows arrived`);
    }
    if (table.count > 0) tell(`${table.name}: ${table.count} ${table.count === 1 ? 'row' : 'rows'}`);
    rows += table.count;
  }
  return { rows, nuls: [...nuls] };
}

/** Column → its type on the server. */
async function typesOf(trx: Transaction<Schema>, { name, columns }: Table): Promise<readonly string[]> {
  const { rows } = await sql<{ column: string; type: string }>`select a.attname as "column",
      format_type(a.atttypid, a.atttypmod) as type from pg_attribute a
    where a.attrelid = to_regclass(${quote(name)}) and a.attnum > 0 and not a.attisdropped`.execute(trx);
  const types = new Map(rows.map(({ column, type }) => [column, type]));
  return columns.map((column) => {
    const type = types.get(column);
    if (type === undefined)
      throw new ConfigError([`${name}.${column}: Batchops has no such column; somebody else added it`]);
    return type;
  });
}

/** Whose value these columns have then; empty: none. */
const CLOSED_DOUBT: Readonly<Record<string, string>> = { words: '', taken_at: 'put_at' };

/** Rows of one table on their way, a column's values together: one array each is the quickest to send. */
class Filling {
  readonly #trx: Transaction<Schema>;
  readonly #table: Table;
  readonly #types: readonly string[];
  readonly #nuls: Set<string>;
  #values: (string | number | null)[][] = [];
  #rows = 0;
  #chars = 0;
  written = 0;

  constructor(trx: Transaction<Schema>, table: Table, types: readonly string[], nuls: Set<string>) {
    this.#trx = trx;
    this.#table = table;
    this.#types = types;
    this.#nuls = nuls;
    this.#empty();
  }

  #empty(): void {
    this.#values = this.#types.map(() => []);
    this.#rows = 0;
    this.#chars = 0;
  }

  /** True where it is time to send them on. */
  add(row: readonly SQLOutputValue[]): boolean {
    const { name, columns } = this.#table;
    // What would be another command than was typed is no question any more.
    const isClosed =
      name === 'doubt' && row.some((value) => typeof value === 'string' && value.includes('\0'));
    if (isClosed) this.#nuls.add('doubt.words');
    columns.forEach((column, n) => {
      const of = isClosed ? (CLOSED_DOUBT[column] ?? column) : column;
      const value = of === '' ? '' : this.#convert(row[columns.indexOf(of)], n);
      this.#values[n]?.push(value);
      if (typeof value === 'string') this.#chars += value.length;
    });
    this.#rows += 1;
    return this.#rows >= ROWS_AT_ONCE || this.#chars >= CHARS_AT_ONCE;
  }

  #convert(value: SQLOutputValue | undefined, n: number): string | number | null {
    const { name, columns } = this.#table;
    const column = `${name}.${columns[n]}`;
    // Another process's, by a clock of its own.
    if (column === 'outbox.lease_until') return 0;
    if (value === undefined || value === null) return null;
    if (typeof value === 'bigint' || value instanceof Uint8Array) {
      throw new ConfigError([`${column}: a value that Batchops never writes; somebody was at the file`]);
    }
    if (typeof value === 'number' || !value.includes('\0')) return value;
    this.#nuls.add(column);
    return value.replaceAll('\0', '\ufffd');
  }

  async flush(): Promise<void> {
    if (this.#rows === 0) return;
    const { name, columns } = this.#table;
    const arrays: RawBuilder<unknown>[] = this.#values.map(
      (values, n) => sql`${values}::${sql.raw(this.#types[n] ?? 'text')}[]`,
    );
    try {
      const { numAffectedRows } =
        await sql`insert into ${sql.id(name)} (${sql.join(columns.map((column) => sql.id(column)))})
        select * from unnest(${sql.join(arrays)})`.execute(this.#trx);
      this.written += Number(numAffectedRows ?? 0);
    } catch (error) {
      throw asRefused(error, `${name}, rows ${this.written + 1} to ${this.written + this.#rows}`);
    }
    this.#empty();
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: 22, 23 and 54 are about what the rows hold. */
function asRefused(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || !/^(22|23|54)/.test(String(codeOf(error)))) return error;
  return new ConfigError([`${where}: PostgreSQL does not take what the file holds there (${error.message})`]);
}
