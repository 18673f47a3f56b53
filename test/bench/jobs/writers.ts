import pg from 'pg';

const SAMPLE_MS = 50;

/** How the processes that share a server take turns to write. */
export interface Turns {
  /** Of all looks, in per cent, those at which some transaction was open and waited for no other: as it is somebody's turn. */
  readonly openPercent: number;
  /** Of these, those at which the server waited for the process: what has to be asked for one after the other. */
  readonly idlePercent: number;
  /** Transactions that waited for their turn, on average. */
  readonly waiting: number;
}

/** Looks at the transactions of the bots on this database until it is asked what it saw. */
export async function watchTurns(url: string): Promise<() => Promise<Turns>> {
  const client = new pg.Client({ connectionString: url, application_name: 'watch' });
  await client.connect();
  const seen = { looks: 0, open: 0, idle: 0, waiting: 0 };
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const { rows } = await client.query(LOOK);
      seen.looks += 1;
      seen.open += rows[0].open > 0 ? 1 : 0;
      seen.idle += rows[0].idle > 0 ? 1 : 0;
      seen.waiting += rows[0].waiting;
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
    await client.end();
  })();
  return async () => {
    isOver = true;
    await watching;
    return {
      openPercent: (100 * seen.open) / seen.looks,
      idlePercent: (100 * seen.idle) / Math.max(1, seen.open),
      waiting: seen.waiting / seen.looks,
    };
  };
}

const LOOK = `select
    count(*) filter (where xact_start is not null and wait_event_type is distinct from 'Lock')::int as open,
    count(*) filter (where state = 'idle in transaction')::int as idle,
    count(*) filter (where wait_event_type = 'Lock')::int as waiting
  from pg_stat_activity where application_name = 'batchops' and datname = current_database()`;
