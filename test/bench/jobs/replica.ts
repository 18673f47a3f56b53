import { readFileSync } from 'node:fs';
import { createMask } from '../../../src/gather/mask.ts';
import { parseInventory } from '../../../src/inventory/parse-inventory.ts';
import { parseAllowlist } from '../../../src/policy/allowlist.ts';
import type { Transport } from '../../../src/ports/hosts.ts';
import { bareOutcome, NO_OUTPUT } from '../../../src/run/outcome.ts';
import { findKeyFault } from '../../../src/ssh/login/keys.ts';
import { breathe } from '../../../src/time/breathe.ts';
import { openEngine } from '../engine.ts';

/** What the parent asks, and what it hears: `ended` by itself, the others as the answer. */
export type Order =
  | { readonly do: 'create'; readonly runs: readonly (readonly string[])[] }
  | { readonly do: 'release'; readonly runIds: readonly string[] }
  | { readonly do: 'tell' };
export type Told =
  | { readonly kind: 'ready' }
  | { readonly kind: 'created'; readonly runIds: readonly string[] }
  | { readonly kind: 'released' }
  | { readonly kind: 'used'; readonly cpuMs: number }
  | { readonly kind: 'ended'; readonly jobs: number };

const FAN_OUT = 100;
const [url = '', inventoryPath = '', allowlistPath = '', transferDir = ''] = process.argv.slice(2);
const tell = (told: Told): void => void process.send?.(told);

/** Answers in the next turn of the loop, a line of its own for each host; no network, no process. */
const transport: Transport = {
  async execute(host) {
    await breathe();
    const head = `Filesystem of ${host.name}\n`;
    return {
      ...bareOutcome('ok', '', 1),
      exitCode: 0,
      stdout: { ...NO_OUTPUT, head, totalBytes: head.length, sha256: SOME_HASH },
    };
  },
  closeStale() {},
  async close() {},
};
const SOME_HASH = 'a'.repeat(64);

const inventory = parseInventory(readFileSync(inventoryPath, 'utf8'), 'inventory.ini', {
  env: () => undefined,
  readFile: (path) => readFileSync(path, 'utf8'),
  findKeyFault,
});
const mask = createMask([]);
const engine = await openEngine({
  url,
  inventory,
  allowlist: parseAllowlist(readFileSync(allowlistPath, 'utf8'), 'allowlist.ini', inventory),
  transferDir,
  mask: (text) => mask.text(text),
  transport: () => transport,
  onEnded: (ended) => tell({ kind: 'ended', jobs: ended.length }),
});

let released = 0;
async function carryOut(order: Order): Promise<Told> {
  switch (order.do) {
    case 'create': {
      const runIds: string[] = [];
      for (const hosts of order.runs) runIds.push((await engine.createRun(hosts, FAN_OUT)).id);
      return { kind: 'created', runIds };
    }
    case 'release':
      for (const runId of order.runIds) await engine.store.releaseRun(runId, `${++released}.000`);
      return { kind: 'released' };
    case 'tell': {
      const { user, system } = process.cpuUsage();
      return { kind: 'used', cpuMs: (user + system) / 1_000 };
    }
  }
}

process.on('message', (order: Order) => void carryOut(order).then(tell));
process.once('disconnect', () => void engine.stop().finally(() => process.exit()));
tell({ kind: 'ready' });
