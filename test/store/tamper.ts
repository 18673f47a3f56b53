import { DatabaseSync } from 'node:sqlite';
import { hashEntry } from '../../src/store/audit.ts';
import { CHAIN_START } from '../../src/store/schema.ts';
import type { StoreRig } from './rig.ts';

/** What somebody with the file can do away with. */
export const UNLOCK =
  'drop trigger if exists audit_keeps_words; drop trigger if exists audit_keeps_entries; pragma foreign_keys = off;';

export function tamper(rig: StoreRig, statements: string): void {
  const database = new DatabaseSync(rig.path);
  database.exec(statements);
  database.close();
}

/** Everything numbered and hashed anew, by whoever has read the source: the chain is whole again. */
export function rewriteChain(rig: StoreRig): void {
  const database = new DatabaseSync(rig.path);
  database.exec(UNLOCK);
  let prev = CHAIN_START;
  let seq = 0;
  const rows = database.prepare('select * from audit order by seq').all();
  database.exec('delete from audit');
  const insert = database.prepare('insert into audit values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (const old of rows) {
    const row = {
      seq: ++seq,
      at: Number(old.at),
      team_id: String(old.team_id),
      user_id: String(old.user_id),
      action: old.action as 'accepted',
      run_id: old.run_id === null ? null : String(old.run_id),
      channel_id: old.channel_id === null ? null : String(old.channel_id),
      detail_json: String(old.detail_json),
      prev,
    };
    prev = hashEntry(row);
    insert.run(...Object.values(row), prev);
  }
  database.prepare('update audit_head set seq = ?, hash = ?').run(seq, prev);
  database.close();
}
