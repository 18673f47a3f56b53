import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { ConfigError, showCode } from '../../errors.ts';
import type { InventoryText } from '../../inventory/document.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { parseInventories } from '../../inventory/parse-inventory.ts';
import type { InventorySources } from '../../inventory/section/host-section.ts';
import { decodeText, NotText } from '../../inventory/text.ts';
import { type Allowlist, parseAllowlist } from '../../policy/allowlist.ts';
import { findInventorySources, type InventorySource, watchedPaths } from './inventory-sources.ts';
import type { InventoryScripts } from './scripts.ts';
import { readSshConfigLines } from './ssh-config-lines.ts';

/** Who may do what on which hosts, as both files say together: rules are read with the inventory they speak of. */
export interface Fleet {
  readonly inventory: Inventory;
  readonly allowlist: Allowlist;
}

/** By what will log in with them. */
export type KeySources = Pick<InventorySources, 'findKeyFault' | 'findCertificateFault'>;

export type FleetPaths = Pick<Config, 'inventoryPaths' | 'sshConfigPath' | 'allowlistPath'>;
type FleetSettings = FleetPaths & Partial<Pick<Config, 'role'>>;

/** What a program printed, by its path. */
export type ScriptOutputs = Pick<InventoryScripts, 'outputOf'>;

/** All of these files, or a `ConfigError` with all that is wrong with them. Runs nothing. */
export function readFleet(
  config: FleetSettings,
  env: Readonly<Record<string, string | undefined>>,
  keys: KeySources,
  scripts: ScriptOutputs,
): Fleet {
  const sources = {
    // A service may run without HOME; the system knows it all the same.
    env: (name: string) => env[name] ?? (name === 'HOME' ? homedir() : undefined),
    readFile: (path: string) => decodeText(readFileSync(path)),
    ...keys,
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
  const texts = [
    ...(attempt(() => findInventorySources(config.inventoryPaths)) ?? []).map((source) =>
      attempt(() => readSource(source, scripts)),
    ),
    ...(config.sshConfigPath === undefined ? [] : [config.sshConfigPath]).map((path) =>
      attempt(() => readSshConfigFile(path)),
    ),
  ];
  const whole = texts.flatMap((text) => text ?? []);
  // Of what cannot be read, names would be missing elsewhere.
  const inventory =
    problems.length === 0 && whole.length > 0 ? attempt(() => parseInventories(whole, sources)) : undefined;
  const allowlist = attempt(() =>
    parseAllowlist(readText('BATCHOPS_ALLOWLIST', config.allowlistPath), config.allowlistPath, inventory),
  );
  if (inventory === undefined || allowlist === undefined) throw new ConfigError(problems);
  return { inventory, allowlist };
}

/** What is looked at for a change: these files, and the certificates that are named in what is in force. */
export function fleetPaths(config: FleetPaths, now: Fleet | undefined): readonly string[] {
  const { inventoryPaths, sshConfigPath, allowlistPath } = config;
  const hosts = now === undefined ? [] : [...now.inventory.hosts.values()];
  return [
    allowlistPath,
    ...(sshConfigPath === undefined ? [] : [sshConfigPath]),
    ...watchedPaths(inventoryPaths),
    ...new Set(hosts.flatMap(({ certificateFile }) => certificateFile ?? [])),
  ];
}

function readSource({ kind, path }: InventorySource, scripts: ScriptOutputs): InventoryText {
  return kind === 'script'
    ? { kind: 'json', name: path, text: scripts.outputOf(path) }
    : { kind: 'ini', name: path, text: readText('BATCHOPS_INVENTORY', path), beside: besidesOf(path) };
}

function besidesOf(path: string): readonly string[] {
  return ['host_vars', 'group_vars'].filter((name) => existsSync(join(dirname(path), name)));
}

function readSshConfigFile(path: string): InventoryText {
  const text = readText('BATCHOPS_SSH_CONFIG', path);
  return { kind: 'ssh-config', name: path, lines: readSshConfigLines(text, path) };
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
