import { ConfigError } from '../../src/errors.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import type { InventorySources } from '../../src/inventory/section/host-section.ts';

export const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n';

/** A machine with these variables and files. */
export function worldOf(
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): InventorySources {
  return {
    env: (name) => env[name],
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
      return text;
    },
    findKeyFault: () => undefined,
  };
}

export function read(text: string, world: InventorySources = worldOf()): Inventory {
  return parseInventory(text, 'inventory.ini', world);
}

export function problemsOf(text: string, world: InventorySources = worldOf()): readonly string[] {
  try {
    read(text, world);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Hosts with these names and nothing special about them, and groups of them. */
export function fleet(
  names: readonly string[],
  groups: Readonly<Record<string, readonly string[]>> = {},
): Inventory {
  const hosts = names.map((name, i) => `[${name}]\nip = 10.0.${Math.floor(i / 250)}.${(i % 250) + 1}\n`);
  const sections = Object.entries(groups).map(
    ([name, members]) => `[${name}]\n${members.map((member) => `${member} = True\n`).join('')}`,
  );
  return read(['[DEFAULT]\nuser = root\npassword = x\n', ...hosts, ...sections].join('\n'));
}
