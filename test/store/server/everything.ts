import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { ANN, approvedPlan, BOB, claimAll, drain, okOutcome, openRun, type StoreRig } from '../rig.ts';

const OLD = readFileSync(new URL('../../fixtures/release-0.1.sql', import.meta.url), 'utf8');

/** The runs in it that matter to tests. */
export interface Everything {
  readonly waiting: string;
  readonly running: string;
  readonly unopened: string;
  readonly paused: string;
  readonly held: string;
}

/** A file that has a row in every table, as a bot leaves it that was killed. */
export async function fill(rig: StoreRig): Promise<Everything> {
  const { store } = rig;
  const odd = 'a\0b {"x",\\"} NULL \n\t \u{1f600} \u200f ü \ufffd end\\';
  await openRun(store, { hosts: 3, skip: { web02: 'disabled' } });
  await drain(store, ({ host }) => okOutcome(host === 'web01' ? odd : 'x'.repeat(200_000)));
  for (const row of (await claimAll(store)).slice(0, 2)) await store.outbox.sent(row, '5.5');
  const waiting = await openRun(store, { hosts: ['db01', 'db02'] });
  const secret = { action: 'run', command: 'mysql -phunter2' } as const;
  const running = await openRun(store, { hosts: ['db03', 'db04'], work: secret, requester: BOB });
  const taken = await store.jobs.take(100);
  const started = await store.jobs.start(taken.filter(({ host }) => host === 'db03'));
  if (started.length !== 1) throw new Error('nothing runs');
  const rollout = { canary: 1, serial: [{ count: 1 }] } as const;
  const paused = await openRun(store, { hosts: ['c1', 'c2', 'c3'], rollout });
  const canary = await store.jobs.start((await store.jobs.take(100)).filter(({ host }) => host === 'c1'));
  await store.jobs.settle(canary.map((job) => ({ job, outcome: okOutcome() })));
  const { run: unopened } = await store.createRun(approvedPlan({ hosts: ['u1'] }), 'unopened');
  const asked = { requester: ANN, channelId: 'COPS', what: '/batch_run', requestKey: 'asked' } as const;
  await store.received.note(asked, randomUUID());
  const doubt = { kind: 'late', command: '/batch_run', text: '-h web01 -cmd "ls & ps"' } as const;
  await store.doubts.put({ ...doubt, requester: ANN, channelId: 'COPS', requestKey: 'doubt' });
  await store.readings.remember(ANN, 'form', 'raw');
  const refusal = { requester: BOB, channelId: 'COPS', typed: odd, code: 'usage', reason: 'so' };
  for (let n = 0; n < 6; n += 1) await store.recordRefusal(refusal);
  await store.leftovers.note({ host: 'web01', path: '/tmp/x', runId: waiting.id, belongsAt: null });
  const origin = { kind: 'fetched', host: 'web01', path: '/etc/motd', by: ANN.userId } as const;
  await store.origins.claim('motd', origin);
  const shown = { kind: 'new', host: 'web01', place: '10.0.0.1', offered: [], untold: [] } as const;
  await store.offers.put('o-1', ANN, [shown], { at: Date.now(), until: Date.now() + 3_600_000 });
  await store.hostFacts.remember([
    { host: 'web01', ip: '10.0.0.1', port: 22, user: 'root', at: Date.now(), kind: 'ok' },
  ]);
  await store.beat({ at: Date.now(), boot: 'a boot', uptimeMs: 5 });
  await store.anchorAudit('daily');
  const heldRun = await openRun(store, { hosts: ['z1'], channelId: 'CHELD' });
  rig.sql(`update run set held = 'the bot was away' where id = '${heldRun.id}'`);
  rig.sql("insert into place values ('CGONE', 5, 'is_archived', 3)");
  rig.sql(`insert into expiring select id, 'output' from run where state = 'finished' limit 1`);
  rig.sql('update outbox set lease_until = 77 where key = (select min(key) from outbox)');
  strangeTexts(rig.path);
  return {
    waiting: waiting.id,
    running: running.id,
    unopened: unopened.id,
    paused: paused.id,
    held: heldRun.id,
  };
}

/** What its process had not written yet as it ended is not there: as it was at one moment. */
export async function killed(rig: StoreRig): Promise<void> {
  const copy = `${rig.folder}/killed.db`;
  rig.sql(`vacuum into '${copy}'`);
  await rig.store.close();
  renameSync(copy, rig.path);
}

/** Whatever may stand in a text that both databases keep. */
function strangeTexts(path: string): void {
  const sqlite = new DatabaseSync(path, { timeout: 1_000 });
  const insert = sqlite.prepare("insert into leftover values ('strange', ?, 'r-1', ?, 1)");
  const texts = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), 300);
  texts.forEach((text, n) => {
    const kept = text.replaceAll('\0', '');
    insert.run(`${n} ${kept}`, n % 3 === 0 ? null : kept);
  });
  sqlite.close();
}

/** As release 0.1 left it. */
export async function becomeOld(rig: StoreRig): Promise<void> {
  await rig.store.close();
  const old = new DatabaseSync(rig.path);
  for (const { name } of old.prepare("select name from sqlite_schema where type = 'table'").all()) {
    old.exec(`drop table if exists "${String(name)}"`);
  }
  old.exec(`pragma foreign_keys = off; ${OLD}`);
  old.close();
}

export type Rows = Readonly<Record<string, readonly string[]>>;

/** Every row of every table of a file. */
export function rowsOf(path: string): Rows {
  const sqlite = new DatabaseSync(path, { readOnly: true });
  const tables = sqlite
    .prepare(
      "select name from sqlite_schema where type = 'table' and name not like 'kysely%' and name not like 'sqlite%'",
    )
    .all()
    .map(({ name }) => String(name));
  const rows = Object.fromEntries(
    tables.map((name) => [name, sqlite.prepare(`select * from "${name}"`).all().map(shown).toSorted()]),
  );
  sqlite.close();
  return rows;
}

const ONLY_THERE = ['opener', 'changed', 'worker', 'lane', 'stop_asked', 'kept_until'];

/** The same of a server; of it only what a file has as well. */
export async function rowsAt(
  query: (statement: string) => Promise<Record<string, unknown>[]>,
  tables: readonly string[],
): Promise<Rows> {
  const found: Record<string, string[]> = {};
  for (const name of tables) found[name] = (await query(`select * from "${name}"`)).map(shown).toSorted();
  return found;
}

function shown(row: Record<string, unknown>): string {
  const kept = Object.entries(row).filter(([name]) => !ONLY_THERE.includes(name) && name !== 'lease_until');
  return JSON.stringify(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
