import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Config } from '../../config.ts';
import { ConfigError, showCode } from '../../errors.ts';
import type { InventorySources } from '../../inventory/host-section.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { parseInventory } from '../../inventory/parse-inventory.ts';
import { decodeText, NotText } from '../../inventory/text.ts';
import { type Allowlist, parseAllowlist } from '../../policy/allowlist.ts';

/** Who may do what on which hosts, as both files say together: rules are read with the inventory they speak of. */
export interface Fleet {
  readonly inventory: Inventory;
  readonly allowlist: Allowlist;
}

export type FleetPaths = Pick<Config, 'inventoryPath' | 'allowlistPath'>;
type FleetSettings = FleetPaths & Partial<Pick<Config, 'role'>>;

/** Both files, or a `ConfigError` with all that is wrong with either. */
export function readFleet(
  config: FleetSettings,
  env: Readonly<Record<string, string | undefined>>,
  findKeyFault: InventorySources['findKeyFault'],
): Fleet {
  const sources = {
    // A service may run without HOME; the system knows it all the same.
    env: (name: string) => env[name] ?? (name === 'HOME' ? homedir() : undefined),
    readFile: (path: string) => decodeText(readFileSync(path)),
    findKeyFault,
    ...(config.role === 'bot' && { withoutSecrets: true as const }),
  };
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const inventory = attempt(() =>
    parseInventory(readText('BATCHOPS_INVENTORY', config.inventoryPath), config.inventoryPath, sources),
  );
  const allowlist = attempt(() =>
    parseAllowlist(readText('BATCHOPS_ALLOWLIST', config.allowlistPath), config.allowlistPath, inventory),
  );
  if (inventory === undefined || allowlist === undefined) throw new ConfigError(problems);
  return { inventory, allowlist };
}

function readText(variable: string, path: string): string {
  try {
    return decodeText(readFileSync(path), 'full-line');
  } catch (error) {
    if (error instanceof NotText) {
      throw new ConfigError([
        `${error.line === undefined ? path : `${path}:${error.line}`}: ${error.message}`,
      ]);
    }
    throw new ConfigError([
      `${path}: cannot be read (${showCode(error)}); ${variable} names another file, README has an example`,
    ]);
  }
}
