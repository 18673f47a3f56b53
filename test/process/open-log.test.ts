import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import { openLog } from '../../src/process/log/open-log.ts';

const inventory = parseInventory('[web01]\nip = 127.0.0.1\nuser = ada\npassword = other\n', 'inventory.ini', {
  env: () => undefined,
  readFile: () => '',
  findKeyFault: () => undefined,
});
const slack = {
  botToken: new Secret('xoxb-a-token'),
  apiUrl: 'https://slack.com/api/',
  mode: { kind: 'socket', appToken: new Secret('xapp-a-token') },
} as const;

test.each([
  ['in its address', 'postgres://bot:p%40ss-w0rd@db.example/batchops'],
  ['as a parameter of it', 'postgres://db.example/batchops?user=bot&password=p%40ss-w0rd'],
])(
  'what is logged never holds the database’s password, as it is written or as it is meant: %s',
  (_, databaseUrl) => {
    const out = new PassThrough();
    const { log, mask } = openLog(out, { slack, logLevel: 'info', databaseUrl }, inventory);
    log.info({ databaseUrl }, 'the password is p@ss-w0rd');
    const said = String(out.read());
    expect(said).toContain('[secret]');
    expect(said).not.toMatch(/p(@|%40)ss-w0rd/);
    expect(mask.now().text('p@ss-w0rd')).toBe('[secret]');
  },
);
