import type { Writable } from 'node:stream';
import { inspectConfig } from '../../config/config.ts';
import { ConfigError } from '../../errors.ts';
import { type Fleet, type KeySources, readFleet } from '../fleet/fleet-files.ts';
import { InventoryScripts } from '../fleet/scripts.ts';
import { findSuspicions } from './suspicions.ts';

export interface ConfigCheck {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly keys: KeySources;
  /** Rejects with a `ConfigError` where the file of known host keys cannot be relied on. */
  readonly readKnownHosts: (path: string) => Promise<unknown>;
}

/**
 * `npm run check-config`: prints all that would keep the bot from starting, as far as files and settings tell, and
 * all that is suspicious. Changes nothing and needs no tokens; runs the programs of the inventory, as a
 * start does. False where the bot would not start.
 */
export async function runCheckConfig(check: ConfigCheck, out: Writable): Promise<boolean> {
  const { problems, suspicions } = await findAll(check);
  const lines = [
    ...problems.map((problem) => `problem: ${problem}`),
    ...suspicions.map((suspicion) => `is this meant? ${suspicion}`),
    `${problems.length} problems, ${suspicions.length} suspicions`,
  ];
  out.write(`${lines.join('\n')}\n`);
  return problems.length === 0;
}

async function findAll({ env, keys, readKnownHosts }: ConfigCheck) {
  const { config, problems } = inspectConfig(env);
  const found = [...problems];
  const note = (error: unknown): void => {
    if (error instanceof ConfigError) found.push(...error.problems);
    else throw error;
  };
  let fleet: Partial<Fleet> = {};
  try {
    const scripts = new InventoryScripts(config.inventoryPaths, env);
    await scripts.run();
    fleet = readFleet(config, env, keys, scripts);
  } catch (error) {
    note(error);
  }
  // The bot part has none.
  if (config.role !== 'bot') await readKnownHosts(config.knownHostsPath).catch(note);
  return { problems: found, suspicions: findSuspicions(config, env, fleet) };
}
