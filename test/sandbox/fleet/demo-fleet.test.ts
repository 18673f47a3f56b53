import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseInventory } from '../../../src/inventory/parse-inventory.ts';
import { parseAllowlist } from '../../../src/policy/allowlist.ts';
import { openDemoFleet } from '../../../src/sandbox/fleet/demo-fleet.ts';
import { findKeyFault } from '../../../src/ssh/login/keys/keys.ts';

test('the bot reads the files of the demo, and finds its hosts and its one rule', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-demo-fleet-'));
  try {
    await using fleet = await openDemoFleet({
      folder,
      operatorId: 'U0ADA0001',
      channelId: 'C0OPS0001',
      confinement: 'rewritten',
    });
    const inventory = parseInventory(await readFile(fleet.inventoryFile, 'utf8'), fleet.inventoryFile, {
      env: () => undefined,
      readFile: (path) => readFileSync(path, 'utf8'),
      findKeyFault,
    });
    const enabled = Array.from(inventory.hosts.values()).filter((host) => host.enabled);
    expect(enabled.map(({ name }) => name)).toEqual(
      fleet.hosts.map(({ name }) => name).filter((name) => name !== 'old1'),
    );
    expect(enabled.map(({ port }) => port)).toEqual(
      fleet.hosts.filter(({ name }) => name !== 'old1').map(({ port }) => port),
    );
    const allowlist = parseAllowlist(
      await readFile(fleet.allowlistFile, 'utf8'),
      fleet.allowlistFile,
      inventory,
    );
    expect(allowlist.rules).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
