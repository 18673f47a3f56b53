import {
  CompiledQuery,
  type DatabaseConnection,
  PostgresDialect,
  PostgresDriver,
  type PostgresPool,
  type TransactionSettings,
} from 'kysely';

/**
 * Transactions that write come one after the other, over all processes: each begins by taking the row of the audit's
 * head, which most of them need at their end anyway. So what one of them reads (how much somebody has, whether a run
 * has an open job, which rows are due) stays so until its commit, as in a file with one writer, and no two of them
 * can wait for each other. Each is some milliseconds; where one stands still, the server ends it.
 */
export class SerialDialect extends PostgresDialect {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    super({ pool });
    this.#pool = pool;
  }

  override createDriver(): PostgresDriver {
    return new SerialDriver({ pool: this.#pool });
  }
}

class SerialDriver extends PostgresDriver {
  override async beginTransaction(
    connection: DatabaseConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    await super.beginTransaction(connection, settings);
    if (settings.accessMode === 'read only') return;
    await connection.executeQuery(CompiledQuery.raw('select 1 from audit_head where id = 1 for update'));
  }
}
